"""A real MQTT broker (mosquitto) of a test: killed, restarted, with and without certificates.

It listens on loopback only, at ports of its own, outside the lab or inside its network. The
machine's own broker, if one runs, is neither used nor disturbed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .certificates import write_certificates
from .server import Server

if TYPE_CHECKING:
    from .lab import Lab

_LOOPBACK = "127.0.0.1"
_SEARCH = f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin"
_SECURITY = "mosquitto_dynamic_security.so"
FORBIDDEN = "forbidden"
"""Topics below it are refused to everybody."""


class Broker:
    """`port`: plain, without password. `tls_port`: only for clients with a certificate of the
    authority in `authority`, for which the name is `localhost`."""

    def __init__(
        self, folder: Path, lab: Lab | None = None, extra: Sequence[str] = (), *, tls_port: int = 0
    ) -> None:
        """`folder` is the broker's own. `lab`: run in its network, with its certificates;
        `tls_port`: this one there. `extra`: more lines of its configuration."""
        program = shutil.which("mosquitto", path=_SEARCH)
        assert program, "mosquitto is missing; run scripts/bootstrap test"
        folder.mkdir(parents=True, exist_ok=True)
        self._lab = lab
        self.certificates = folder if lab is None else lab.folder
        if lab is None:
            write_certificates(folder, ("localhost",))
        self.port = _free_port()
        self.tls_port = tls_port or _free_port()
        (folder / "security.json").write_text(json.dumps(_SECURITY_RULES))
        config = folder / "mosquitto.conf"
        config.write_text("\n".join((*self._lines(folder), *extra, "")))
        argv = [program, "-c", str(config)]
        self._argv = argv if lab is None else lab.inside(*argv)
        self._log = folder / "mosquitto.log"
        self._server: Server | None = None

    @property
    def authority(self) -> Path:
        return self.certificates / "ca.pem"

    @property
    def certificate(self) -> Path:
        return self.certificates / "device.pem"

    @property
    def key(self) -> Path:
        return self.certificates / "device.key"

    def start(self) -> None:
        self._server = Server(self._argv, self._log)
        self._server.wait_ready(self._answers, "the MQTT broker")

    def kill(self) -> None:
        """At once, as a power cut: what it held in memory is gone."""
        self._stop(signal.SIGKILL)

    def stop(self) -> None:
        self._stop(signal.SIGTERM)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def _stop(self, number: int) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop(number)

    def _lines(self, folder: Path) -> list[str]:
        plugin = next(Path("/usr/lib").glob(f"*/{_SECURITY}"), None)
        assert plugin, f"{_SECURITY} is missing; run scripts/bootstrap test"
        certificates = self.certificates
        return [
            *(["user root"] if os.geteuid() == 0 else []),
            "log_type all",
            "log_dest stderr",
            "allow_anonymous true",
            f"plugin {plugin}",
            f"plugin_opt_config_file {folder / 'security.json'}",
            f"listener {self.port} {_LOOPBACK}",
            f"listener {self.tls_port} {_LOOPBACK}",
            f"cafile {certificates / 'ca.pem'}",
            f"certfile {certificates / 'server.pem'}",
            f"keyfile {certificates / 'server.key'}",
            "require_certificate true",
        ]

    def _answers(self) -> bool:
        if self._lab is None:
            return _is_open(self.port) and _is_open(self.tls_port)
        with self._lab.namespaces.network():
            return _is_open(self.port) and _is_open(self.tls_port)


def _acl(kind: str) -> dict[str, object]:
    return {"acltype": kind, "topic": f"{FORBIDDEN}/#", "priority": 1, "allow": False}


_KINDS = ("publishClientSend", "publishClientReceive", "subscribe", "unsubscribe")
_SECURITY_RULES = {
    "defaultACLAccess": dict.fromkeys(_KINDS, True),
    "clients": [],
    "groups": [{"groupname": "all", "roles": [{"rolename": "limited"}]}],
    "roles": [
        {"rolename": "limited", "acls": [_acl("subscribePattern"), _acl("publishClientSend")]}
    ],
    "anonymousGroup": "all",
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_open(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((_LOOPBACK, port)) == 0
