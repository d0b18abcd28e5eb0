"""The lab's Docker Engine: a dockerd of its own, started, stopped and emptied here."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import processes, unix_http
from .internet.addresses import PROXY_PORT
from .namespaces import Namespaces
from .server import Server
from .waiting import wait_until

_API = "/v1.40"
_OUR_NETWORKS = {"bridge", "host", "none"}
# What the machine's shell may say about proxies and certificates is not the lab's.
_FOREIGN = {"no_proxy", "http_proxy", "https_proxy", "all_proxy", "ssl_cert_dir", "docker_host"}


class Engine:
    """One dockerd under `folder`; its socket may be used by the group docker."""

    def __init__(self, folder: Path, namespaces: Namespaces) -> None:
        self.socket = folder / "docker.sock"
        self._folder = folder
        self._namespaces = namespaces
        self._server: Server | None = None
        self._is_plain = True

    @property
    def running(self) -> bool:
        return self._server is not None and self._server.running

    @property
    def log(self) -> str:
        """The last lines of dockerd's log."""
        return self._server.last_lines() if self._server else ""

    def start(self, env: Mapping[str, str], config: Mapping[str, Any]) -> None:
        """Start with the lab's settings; `env` and `config` are laid over them."""
        assert not self.running, "the lab's engine runs already"
        self._is_plain = not env and not config
        path = self._folder / "daemon.json"
        path.write_text(json.dumps({**self._config(), **config}))
        argv = self._namespaces.argv("dockerd", "--config-file", str(path))
        log = self._folder / "dockerd.log"
        self._server = Server(argv, log, {**self._environment(), **env})
        self._server.wait_ready(self._answers, "dockerd", timeout_s=60)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop by that signal and wait for dockerd and its containerd.

        containerd dies with dockerd, but a moment later; a dockerd started in between would
        wait for the dying one. It takes one that is dead, but not yet asked about by its parent,
        for a running one: so the note of its number goes too.
        """
        if self._server is None:
            return
        path = self._folder / "exec" / "containerd" / "containerd.pid"
        containerd = int(path.read_text()) if path.exists() else 0
        self._server.stop(number, timeout_s=30)
        self._server = None
        wait_until(lambda: not processes.alive(containerd), "containerd ends")
        path.unlink(missing_ok=True)

    def make_plain(self) -> None:
        """Have it run with the lab's own settings, by a restart if need be."""
        if self.running and self._is_plain:
            return
        self.stop()
        try:
            self.start({}, {})
        except AssertionError:
            # Docker 20.10 can fail to restore what an engine left that was killed.
            self.stop()
            for left in ("data/network/files", "data/containers"):
                shutil.rmtree(self._folder / left, ignore_errors=True)
            self.start({}, {})

    def call(self, method: str, target: str, body: Any = None) -> unix_http.Answer:
        """One request to the Engine API, for example `("GET", "/images/json")`."""
        return unix_http.call(self.socket, method, _API + target, body, timeout_s=60)

    def empty(self) -> None:
        """Remove every container, network, volume and image."""
        for container in self.call("GET", "/containers/json?all=1").json():
            self.call("DELETE", f"/containers/{container['Id']}?force=1&v=1")
        for network in self.call("GET", "/networks").json():
            if network["Name"] not in _OUR_NETWORKS:
                self.call("DELETE", f"/networks/{network['Id']}")
        for volume in self.call("GET", "/volumes").json()["Volumes"] or ():
            self.call("DELETE", f"/volumes/{volume['Name']}?force=1")
        for image in self.call("GET", "/images/json").json():
            self.call("DELETE", f"/images/{image['Id']}?force=1")

    def _answers(self) -> bool:
        return unix_http.call(self.socket, "GET", "/_ping").status == 200

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "data-root": f"{self._folder}/data",
            "exec-root": f"{self._folder}/exec",
            "pidfile": f"{self._folder}/dockerd.pid",
            "hosts": [f"unix://{self.socket}"],
            "group": "docker",
            # Not through systemd, which would be the machine's; and in one place, to find it.
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "cgroup-parent": f"/{self._folder.name}",
            "ip6tables": False,
            "max-download-attempts": 2,
            "shutdown-timeout": 3,
        }
        if self._namespaces.missing_for_bridge:
            config |= {"bridge": "none", "iptables": False}
        return config

    def _environment(self) -> dict[str, str]:
        proxy = f"http://127.0.0.1:{PROXY_PORT}"
        env = {k: v for k, v in os.environ.items() if k.lower() not in _FOREIGN}
        return env | {
            "SSL_CERT_FILE": f"{self._folder}/ca.pem",
            "HTTPS_PROXY": proxy,
            "HTTP_PROXY": proxy,
            "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent",
        }
