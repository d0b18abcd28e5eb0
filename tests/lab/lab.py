"""The lab as tests use it: an engine, registries with images, faults, and a log of requests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from . import images, seeds, unix_http
from .certificates import write_certificates
from .engine import Engine
from .internet.addresses import ECR_HOST, certificate_names
from .namespaces import Namespaces
from .registries import Registries
from .server import Server

_TESTS = Path(__file__).resolve().parents[1]
_NEEDED = (
    "dockerd",
    "docker",
    "docker-registry",
    "unshare",
    "nsenter",
    "ip",
    "mount",
    "useradd",
)
_KEEP_VARIABLE = "GREENDOCK_KEEP_LAB"


class Lab:
    """A running lab; made by `open`, ended by `close`.

    Names of registries: `hub`, `public` (public.ecr.aws), `ecr` (private Amazon ECR) and
    `private` (registry.lab.test:5443). `seeded` holds the images by `repository:tag`.
    """

    ecr_host = ECR_HOST

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seeded: dict[str, images.Image] = {}
        write_certificates(folder, certificate_names())
        self._install_compose()
        self.namespaces = Namespaces(folder, keep_files=_KEEP_VARIABLE in os.environ)
        self.registries = Registries(folder)
        self.engine = Engine(folder, self.namespaces)

    @classmethod
    def open(cls) -> Self:
        """Start everything; AssertionError that says what is missing when that can't be."""
        _check_machine()
        # Short: the path of a unix socket has to stay under 108 bytes.
        folder = Path(f"/tmp/gd{os.getpid():07}")
        folder.mkdir(mode=0o755)
        try:
            lab = cls(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        try:
            lab._start()
        except BaseException:
            lab.namespaces.close()
            raise
        return lab

    def close(self) -> None:
        """End all of it; nothing stays behind."""
        try:
            self.namespaces.close()
        finally:
            self.engine.stop()
            self.registries.stop()
            self._internet.stop()

    # --- where things are

    @property
    def socket(self) -> Path:
        """The engine's socket."""
        return self.engine.socket

    @property
    def docker_host(self) -> str:
        return f"unix://{self.socket}"

    @property
    def compose(self) -> Path:
        """The docker-compose that comes first in the path."""
        return self.folder / "bin" / "docker-compose"

    @property
    def certificate_authority(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def bridge_network(self) -> bool:
        """Whether containers can have a bridge network on this machine."""
        return self.namespaces.missing_for_bridge is None

    @property
    def env(self) -> dict[str, str]:
        """An environment for programs that use the engine, and the lab's internet.

        What the machine's shell says about proxies, certificates and AWS is not the lab's.
        """
        own = {name: value for name, value in os.environ.items() if not _is_foreign(name)}
        return {
            **own,
            "SSL_CERT_FILE": str(self.certificate_authority),
            "DOCKER_HOST": self.docker_host,
            "DOCKER_CONFIG": str(self.folder / "docker-config"),
            "PATH": f"{self.compose.parent}:{os.environ['PATH']}",
        }

    def inside(self, *command: str, cwd: Path | str = "/") -> list[str]:
        """The command line that runs `command` inside the lab's namespaces."""
        return self.namespaces.argv(*command, cwd=cwd)

    def run_inside(self, *command: str) -> str:
        """Run a command inside and return what it prints; it has to succeed."""
        argv = self.inside(*command)
        result = subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, f"{command}: {result.stderr or result.stdout}"
        return result.stdout

    def system_users(self) -> range:
        """The numbers that system users inside get."""
        lines = self.run_inside("grep", "^SYS_UID_", "/etc/login.defs").splitlines()
        found = dict(line.split() for line in lines)
        return range(int(found["SYS_UID_MIN"]), int(found["SYS_UID_MAX"]) + 1)

    def seen_inside(self, path: Path | str) -> Path:
        """A path that shows, from outside, what `path` is inside: also what is mounted there."""
        return Path(f"/proc/{self.namespaces.pid}/root{path}")

    # --- the engine

    def docker(
        self, *args: str, input_text: str | None = None, timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run the docker command line; the caller looks at the exit code."""
        argv = ["docker", *args]
        return subprocess.run(
            argv, env=self.env, input=input_text, capture_output=True, text=True, timeout=timeout_s
        )

    def start_engine(self, config: Mapping[str, Any] | None = None, **env: str) -> None:
        """Start the engine, with variables and daemon settings laid over the lab's own."""
        self.engine.start(env, config or {})

    def stop_engine(self, number: int = signal.SIGTERM) -> None:
        self.engine.stop(number)

    def restart_engine(self, number: int = signal.SIGTERM) -> None:
        self.engine.stop(number)
        self.engine.start({}, {})

    def remove_image(self, reference: str) -> None:
        """Remove an image from the engine, whatever uses it; one that isn't there is fine."""
        answer = self.engine.call("DELETE", f"/images/{reference}?force=1")
        assert answer.status in (200, 404), answer

    # --- the internet

    def control(self, **changes: Any) -> None:
        """Set faults and settings.

        A registry's name sets its fault: `hub={"mode": "cut", "count": 1}`, or
        `public={"rate_bytes_per_s": 500_000}`; modes and settings are those of
        `internet/state.py`, for example `ecr_token_lifetime_s=0.5`.
        """
        answer = self._control("POST", changes)
        assert answer.status == 200, answer.body.decode()

    def requests(self, server: str | None = None) -> list[dict[str, Any]]:
        """What was asked since the last reset, oldest first, of one server or of all.

        Servers: the registries' names, `proxy`, `hub-token`, `ecr-api`. Keys: `method`, `path`,
        `status`, `authorization` (the scheme only), `began_s` and `ended_s` (one clock);
        of registries also `bytes` (of blobs that were sent).
        """
        log: list[dict[str, Any]] = self._control("GET").json()["log"]
        return [entry for entry in log if server in (None, entry["server"])]

    def ecr_password(self, lifetime_s: float = 3600) -> str:
        """A password for the private ECR registry, valid that long; the user is AWS."""
        password = os.urandom(16).hex()
        self.control(ecr_passwords={password: time.time() + lifetime_s})
        return password

    def ecr_passwords(self) -> list[str]:
        """Every password that the private ECR registry knows, expired ones included."""
        known: list[str] = self._control("GET").json()["ecr_passwords"]
        return known

    def seed(
        self,
        registry: str,
        repository: str,
        tag: str = "latest",
        *,
        files: images.Files | None = None,
        cmd: Sequence[str] = ("/bin/sh", "-c", "while :; do sleep 1; done"),
        random_layers: Sequence[int] = (),
        labels: Mapping[str, str] | None = None,
        architecture: str | None = None,
    ) -> images.Image:
        """Make an image and push it: busybox with `files`, a layer per size in bytes above it.

        `architecture`: what the image says it is for; None for this machine's.
        """
        layers = [images.busybox(files), *(images.random_layer(x) for x in random_layers)]
        image = images.image(layers, cmd, labels=labels, architecture=architecture)
        self.registries.push(registry, repository, tag, image)
        return image

    def seed_sdk(
        self, registry: str, repository: str, tag: str, *arguments: str, user: str = ""
    ) -> images.Image:
        """Push an image with the official SDKs that does what `sdk/client.py` is told by
        `arguments`, as `user` (root when none is given)."""
        from .sdk_image import sdk_image

        image = sdk_image(arguments, user)
        self.registries.push(registry, repository, tag, image)
        return image

    def seed_index(
        self,
        registry: str,
        repository: str,
        tag: str = "latest",
        *,
        architectures: Sequence[str] | None = None,
        oci: bool = False,
    ) -> images.Index:
        """Push an index: an image per architecture (None: this machine's and another), and an
        attestation. The images of it are in its `images`, in that order."""
        wanted = architectures or (images.other_architecture(), images.own_architecture())
        made = [
            images.image(
                [images.layer({"etc/lab-architecture": (f"{x} {repository}".encode(), 0o644)})],
                ["/none"],
                architecture=x,
            )
            for x in wanted
        ]
        index = images.index(made, oci=oci, attestation=True)
        self.registries.push(registry, repository, tag, index)
        return index

    # --- back to the beginning

    def reset_faults(self) -> None:
        """No faults, default settings, an empty request log, an engine that runs as it should."""
        self._control("DELETE")
        self.engine.make_plain()

    def reset(self) -> None:
        """`reset_faults`, and an engine without containers, networks, volumes and images."""
        self.reset_faults()
        self.engine.empty()

    # --- starting

    def _start(self) -> None:
        self.registries.start(self.namespaces)
        argv = self.inside(sys.executable, "-m", "lab.internet", str(self.folder))
        env = {**os.environ, "PYTHONPATH": str(_TESTS)}
        self._internet = Server(argv, self.folder / "internet.log", env)
        self.seeded = seeds.push_all(self.registries)
        self._internet.wait_ready(
            lambda: self._control("GET").status == 200, "the internet of the lab"
        )
        self.engine.start({}, {})

    def _control(self, method: str, body: Any = None) -> unix_http.Answer:
        return unix_http.call(self.folder / "control.sock", method, "/", body)

    def _install_compose(self) -> None:
        """Copy docker-compose to where every user may run it."""
        (self.folder / "docker-config").mkdir()
        self.compose.parent.mkdir()
        source = Path(sys.executable).parent / "docker-compose"
        assert source.exists(), f"{source} is missing; run scripts/bootstrap test"
        shutil.copy2(source, self.compose)


def _is_foreign(name: str) -> bool:
    lower = name.lower()
    return lower.startswith(("aws_", "ssl_cert_")) or lower.endswith("_proxy")


def _check_machine() -> None:
    """Say what the lab lacks. A test whose server can't be had fails; it isn't skipped."""
    assert os.geteuid() == 0, "the lab needs root (namespaces, an engine): use `make test`"
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    assert not missing, f"the lab needs {', '.join(missing)}: run `scripts/bootstrap test`"
