"""Control groups for the containers of components: one each, beside that of its processes.

The engine puts containers in (HostConfig.CgroupParent is `parent`), the core limits and measures
them together. Never freezes, signals or kills: containers are the engine's. Made by ControlGroups;
called by whoever looks after a component's containers.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

from greendock.base.clock import Clock
from greendock.lifecycle.cgroup_mounts import Hierarchies, v1_values, v2_values
from greendock.lifecycle.group_usage import GroupUsage, read_v1_usage, read_v2_usage
from greendock.lifecycle.model import ResourceLimits

_log = logging.getLogger("greendock.lifecycle.cgroups")

PREFIX = "containers-"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_UNLIMITED = ResourceLimits()
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


def group_name(component: str) -> str:
    """The folder of a component's containers. Names that are no plain ones get a digest."""
    if _PLAIN_NAME.fullmatch(component):
        return f"{PREFIX}{component}"
    return f"{PREFIX}{hashlib.sha256(component.encode()).hexdigest()[:16]}"


class ContainerGroup:
    """The group of one component's containers, over all its lives. Folders are made when there is
    something to limit; otherwise the engine makes them with the first container.

    `parent`: the group's path as the engine takes it. `version`: of the control groups that limit
    it, 1 or 2.
    """

    def __init__(self, parent: str, hierarchies: Hierarchies, version: int) -> None:
        self.parent = parent
        self.version = version
        self._v2 = _below(hierarchies.v2, parent)
        self._v1 = {key: mount / parent[1:] for key, mount in hierarchies.v1.items()}
        self._applied: ResourceLimits | None = None
        self._users = 0
        self.trouble: str | None = None
        """Why the limits that were asked for last don't hold, if so."""

    def open(self) -> None:
        """A life of the component may put containers in from now on."""
        self._users += 1

    def limit(self, limits: ResourceLimits | None) -> None:
        """Have `limits` hold for all containers together, now and later; None takes them off.

        What fails is in `trouble`.
        """
        wanted = limits or _UNLIMITED
        if wanted == self._applied and self.trouble is None:
            return
        if wanted == _UNLIMITED and not self._is_there:
            self._applied, self.trouble = wanted, None
            return
        found = [
            text for path, value in self._values(wanted) if (text := _set(path, value)) is not None
        ]
        missing = self._missing(wanted)
        if missing:
            found.append(f"the kernel has no control groups for {missing}")
        self._applied, self.trouble = wanted, "; ".join(found) or None

    def usage(self) -> GroupUsage | None:
        """What the containers use together; None where there is no such group now."""
        if self.version == 2:
            return read_v2_usage(self._v2) if self._v2 is not None else None
        return read_v1_usage(self._v1.get("cpuacct"), self._v1.get("memory"))

    @property
    def holds_processes(self) -> bool:
        """Whether a container runs in it, or is paused."""
        return any(_has_processes(folder) for folder in self._folders())

    def close(self) -> bool:
        """Remove the folders unless a container runs in them; whether all are gone."""
        self._applied, self.trouble = None, None
        gone = True
        for folder in self._folders():
            gone = remove_empty(folder) and gone
        return gone

    async def close_when_empty(self, clock: Clock, deadline_s: float) -> bool:
        """`close`, again and again: the engine takes a moment to let go of its own groups.

        Gives up after `deadline_s`, and when a new life of the component uses the group.
        """
        users, pause_s = self._users, _FIRST_PAUSE_S
        end = clock.monotonic() + deadline_s
        while users == self._users:
            if self.close():
                return True
            if clock.monotonic() >= end:
                return False
            await clock.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        return False

    def _folders(self) -> list[Path]:
        return [*self._v1.values(), *([self._v2] if self._v2 is not None else [])]

    @property
    def _is_there(self) -> bool:
        return any(folder.is_dir() for folder in self._limiting().values())

    def _limiting(self) -> dict[str, Path]:
        if self.version == 2:
            return {"v2": self._v2} if self._v2 is not None else {}
        return {key: self._v1[key] for key in ("memory", "cpu") if key in self._v1}

    def _values(self, limits: ResourceLimits) -> Iterator[tuple[Path, str]]:
        folders = self._limiting()
        if "v2" in folders:
            for name, value in v2_values(limits).items():
                yield folders["v2"] / name, value
            return
        for (controller, name), value in v1_values(limits).items():
            if controller in folders:
                yield folders[controller] / name, value

    def _missing(self, limits: ResourceLimits) -> str:
        if self.version == 2:
            return ""
        return " and ".join(
            what
            for controller, what, wanted in (
                ("memory", "memory", limits.memory_kb),
                ("cpu", "CPUs", limits.cpus),
            )
            if wanted and controller not in self._v1
        )


def leftover_groups(hierarchies: Hierarchies, core_folder: str) -> set[Path]:
    """Folders of containers' groups that are there, in every hierarchy."""
    found: set[Path] = set()
    for mount in mounts(hierarchies):
        try:
            entries = list((mount / core_folder).iterdir())
        except OSError:
            continue
        found.update(e for e in entries if e.name.startswith(PREFIX) and e.is_dir())
    return found


def mounts(hierarchies: Hierarchies) -> list[Path]:
    return [*hierarchies.v1.values(), *([hierarchies.v2] if hierarchies.v2 else [])]


def remove_empty(folder: Path) -> bool:
    """Remove the group `folder` with those of its containers; whether nothing is left. A
    container's group in which anything runs stays whole: empty ones below may be its own."""
    if not _has_processes(folder):
        return _remove_tree(folder)
    for child in _children(folder):
        if not _has_processes(child):
            _remove_tree(child)
    return False


def _remove_tree(folder: Path) -> bool:
    for place in reversed(list(_tree(folder))):
        try:
            place.rmdir()
        except FileNotFoundError:
            continue  # the engine was faster
        except OSError:
            return False
    return True


def _below(mount: Path | None, parent: str) -> Path | None:
    return None if mount is None else mount / parent[1:]


def _has_processes(folder: Path) -> bool:
    for place in _tree(folder):
        try:
            if (place / "cgroup.procs").read_text().strip():
                return True
        except OSError:
            continue  # removed in the meantime
    return False


def _tree(folder: Path) -> Iterator[Path]:
    """`folder` and the groups below it, parents first."""
    if folder.is_dir():
        yield folder
        for child in _children(folder):
            yield from _tree(child)


def _children(folder: Path) -> list[Path]:
    try:
        return [entry for entry in folder.iterdir() if entry.is_dir()]
    except OSError:
        return []


def _set(path: Path, value: str) -> str | None:
    """Write an interface file, its group made if need be; what went wrong, if anything."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without O_CREAT: a missing interface file must be an error, not a new file.
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        cause = error.strerror or str(error)
        if error.errno == errno.EBUSY and path.name.startswith("memory."):
            cause = "the containers use more than that now"
        _log.debug("cannot write %s to %s: %s", value, path, error)
        return f"{path.name} cannot be set to {value}: {cause}"
    return None
