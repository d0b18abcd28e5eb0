"""The environment of a component's script, layer by layer.

Pure: every part is passed in. Later layers win: the core's own environment, the run user, the
component's token, what all components share, the way to Docker, what keeps components apart
(ours), the recipe's setenv, and the mark by which the core finds its processes again.
"""

from __future__ import annotations

import hashlib
import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

OWNER_VARIABLE = "GREENDOCK_OWNER"
COMPONENT_SOCKET_VARIABLE = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"
SOCKET_PATH_LIMIT_BYTES = 108
"""sun_path of Linux: 108 bytes with the final NUL, so a path of 108 doesn't fit."""

_OTHER_ENGINE = ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_TLS")
_STANDARD_FOLDERS = ("/bin", "/usr/bin", "/sbin", "/usr/sbin")
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin"


@dataclass(frozen=True, slots=True)
class EnvironmentParts:
    """What one process's environment is made of. Folders are absolute path texts."""

    component: str
    core_id: str
    inherited: Mapping[str, str]
    shared: Mapping[str, str]
    token: str
    user_name: str
    home: str
    work_folder: str
    docker: Mapping[str, str] = field(default_factory=dict)
    setenv: Mapping[str, str] = field(default_factory=dict)
    step_setenv: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)


def process_environment(parts: EnvironmentParts) -> dict[str, str]:
    """All variables of the process."""
    environment = dict(parts.inherited)
    environment["PATH"] = search_path(parts.inherited.get("PATH"))
    environment |= {
        "HOME": parts.home,
        "USER": parts.user_name,
        "LOGNAME": parts.user_name,
        "SVCUID": parts.token,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": parts.token,
    }
    environment |= parts.shared
    if "DOCKER_HOST" in parts.docker:
        # They are meant for another engine, and a context would win over the host.
        for name in _OTHER_ENGINE:
            environment.pop(name, None)
    environment |= parts.docker
    socket = environment.get(COMPONENT_SOCKET_VARIABLE)
    if socket is not None:
        environment[COMPONENT_SOCKET_VARIABLE] = component_socket(socket, parts.work_folder)
    environment["COMPOSE_PROJECT_NAME"] = compose_project(parts.component)
    environment["DOCKER_CONFIG"] = f"{parts.work_folder}/.docker"
    environment |= parts.setenv
    environment |= parts.step_setenv
    environment |= parts.extra
    environment[OWNER_VARIABLE] = owner_mark(parts.core_id, parts.component)
    return environment


def search_path(inherited: str | None) -> str:
    """The core's PATH, with the standard folders appended where it lacks them."""
    folders = [part for part in (inherited or _DEFAULT_PATH).split(":") if part]
    folders += [folder for folder in _STANDARD_FOLDERS if folder not in folders]
    return ":".join(folders)


def component_socket(socket: str, work_folder: str) -> str:
    """`socket`, relative to the work folder (the scripts' folder) where it is too long."""
    if len(os.fsencode(socket)) < SOCKET_PATH_LIMIT_BYTES:
        return socket
    return os.path.relpath(socket, work_folder)


def compose_project(component: str) -> str:
    """A Compose project name for `component` alone: `[a-z0-9][a-z0-9_-]*`.

    Compose names a project after the folder of its file, which for `{artifacts:path}` is the
    version: all components at 1.0.0 would share one project and remove each other's containers.
    The digest keeps apart names that differ in case or dots only.
    """
    slug = re.sub(r"[^a-z0-9_-]+", "-", component.lower()).strip("-_")[:40]
    digest = hashlib.sha256(component.encode()).hexdigest()[:8]
    return f"{slug}-{digest}" if slug else digest


def core_id(root: str) -> str:
    """A short name of the core at `root` (without links), the same at each start."""
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:12]


def owner_mark(core: str, component: str) -> str:
    """The value that marks each process of `component`."""
    return f"{core}/{component}"
