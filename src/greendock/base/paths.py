"""The folder tree under a core's root, in one place.

Layout as Greengrass (recipes mount these paths, operators grep these files); `run/` and
`config/greendock.db` are ours. Names that become path parts are checked here, whatever was
checked before: names and versions from recipes are hostile.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from greendock.base.default_root import default_root_text

_SAFE = re.compile(r"[A-Za-z0-9_.+-]{1,128}", re.ASCII)


def safe_part(text: str) -> str:
    """`text`, when it can be one path part and nothing else; ValueError otherwise."""
    if _SAFE.fullmatch(text) is None or text.strip(".") == "":
        raise ValueError(f"{text!r} cannot be part of a path")
    return text


def default_root() -> Path:
    """GGC_ROOT_PATH, else /greengrass/v2 for root and ~/.greendock for everybody else."""
    return Path(default_root_text())


@dataclass(frozen=True, slots=True)
class Paths:
    """Every place under one root folder."""

    root: Path

    @property
    def recipes(self) -> Path:
        return self.root / "packages" / "recipes"

    @property
    def artifacts(self) -> Path:
        return self.root / "packages" / "artifacts"

    @property
    def unarchived(self) -> Path:
        return self.root / "packages" / "artifacts-unarchived"

    @property
    def downloads(self) -> Path:
        """Files on their way; what is finished is taken over by the store at once."""
        return self.root / "packages" / "downloads"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def config(self) -> Path:
        return self.root / "config"

    @property
    def database(self) -> Path:
        return self.config / "greendock.db"

    @property
    def deployments(self) -> Path:
        return self.root / "deployments"

    @property
    def cli_ipc_info(self) -> Path:
        return self.root / "cli_ipc_info"

    @property
    def ipc_socket(self) -> Path:
        return self.root / "ipc.socket"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def log_positions(self) -> Path:
        """How far the output of containers and of their scripts has come into our logs."""
        return self.run / "log-positions"

    def component_run(self, component: str) -> Path:
        """What a component has while it is there. Short, since paths of sockets have to be."""
        return self.run / hashlib.sha256(component.encode()).hexdigest()[:12]

    def component_ipc(self, component: str) -> Path:
        """The folder with the component's IPC socket and nothing else."""
        return self.component_run(component) / "ipc"

    def component_docker(self, component: str, generation: str) -> Path:
        """The Docker socket of one generation of a component, in a folder of its own."""
        short = hashlib.sha256(generation.encode()).hexdigest()[:8]
        return self.component_run(component) / f"docker-{short}" / "docker.sock"

    def artifact_folder(self, component: str, version: str) -> Path:
        return self.artifacts / safe_part(component) / safe_part(version)

    def unarchived_folder(self, component: str, version: str) -> Path:
        return self.unarchived / safe_part(component) / safe_part(version)

    def work_folder(self, component: str) -> Path:
        return self.work / safe_part(component)

    def log_file(self, component: str) -> Path:
        return self.logs / f"{safe_part(component)}.log"

    def recipe_file(self, component: str, version: str) -> Path:
        digest = hashlib.sha256(component.encode()).digest()
        name = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return self.recipes / f"{name}@{safe_part(version)}.recipe.yaml"

    def create(self) -> None:
        """Make the tree. Modes as Greengrass: components can traverse what they read."""
        self.root.mkdir(mode=0o755, parents=True, exist_ok=True)
        for folder, mode in (
            (self.root / "packages", 0o755),
            (self.recipes, 0o700),
            (self.artifacts, 0o755),
            (self.unarchived, 0o755),
            (self.downloads, 0o700),
            (self.work, 0o755),
            (self.logs, 0o700),
            (self.config, 0o700),
            (self.deployments, 0o700),
            (self.cli_ipc_info, 0o755),
            (self.run, 0o755),
            (self.log_positions, 0o700),
        ):
            folder.mkdir(mode=mode, exist_ok=True)
            if folder.stat().st_uid == os.geteuid():
                folder.chmod(mode)
