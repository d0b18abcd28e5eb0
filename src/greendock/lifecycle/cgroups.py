"""Control groups of components: to find every process again, to limit them, to kill them at once.

Works with v2, v1 and both mounted together; where none is writable it says so once and the core
falls back on sessions and marks (process_tree.py). Uses the process hierarchy of v2 where there is
one, else v1's freezer; limits go to whichever version holds the controller.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from greendock.lifecycle.cgroup_mounts import (
    Hierarchies,
    read_hierarchies,
    v1_values,
    v2_values,
)
from greendock.lifecycle.container_groups import (
    ContainerGroup,
    group_name,
    leftover_groups,
    mounts,
    remove_empty,
)
from greendock.lifecycle.group_usage import GroupUsage, read_v2_usage
from greendock.lifecycle.model import ResourceLimits

_log = logging.getLogger("greendock.lifecycle.cgroups")

_TOP = "greendock"
# A component may be named like an interface file (`memory.max`); a prefix keeps them apart.
_PREFIX = "component-"
_UNLIMITED = ResourceLimits()


class ControlGroup:
    """The group of one component: one folder per hierarchy that is used."""

    def __init__(self, tracked: Path, v2: bool, limited: dict[str, Path]) -> None:
        self._tracked = tracked
        self._v2 = v2
        self._limited = limited
        self._limits = _UNLIMITED
        self._made: set[Path] = set()

    def attach(self, pid: int) -> None:
        """Move the process `pid` in. Raises OSError when it can't be tracked."""
        self._make(self._tracked)
        _write(self._tracked / "cgroup.procs", str(pid))
        if self._limits == _UNLIMITED:
            return
        for folder in set(self._limited.values()) - {self._tracked}:
            _try_write(folder / "cgroup.procs", str(pid))

    def members(self) -> frozenset[int]:
        """The processes inside, zombies included where the kernel lists them."""
        pids: set[int] = set()
        for folder in _tree(self._tracked):
            try:
                pids.update(int(pid) for pid in (folder / "cgroup.procs").read_text().split())
            except OSError:
                continue  # removed in the meantime
        return frozenset(pids)

    def limit(self, limits: ResourceLimits | None) -> None:
        """Apply `limits` now and to every process that is attached later; None takes them off."""
        wanted = limits or _UNLIMITED
        if wanted == self._limits:
            return
        self._limits = wanted
        if self._v2_limits(wanted):
            return
        for (controller, name), value in v1_values(wanted).items():
            folder = self._limited.get(controller)
            if folder is None:
                _log.warning("cannot apply %s: no %s control group", name, controller)
                continue
            self._make(folder)
            _try_write(folder / name, value)
            for pid in self.members():
                _try_write(folder / "cgroup.procs", str(pid))

    def _v2_limits(self, limits: ResourceLimits) -> bool:
        if "v2" not in self._limited:
            return False
        self._make(self._tracked)
        for name, value in v2_values(limits).items():
            _try_write(self._tracked / name, value)
        return True

    def usage(self) -> GroupUsage | None:
        """What its processes have used, ended ones included; None where only v1 tracks them."""
        return read_v2_usage(self._tracked) if self._v2 else None

    def kill(self) -> None:
        """SIGKILL to everything inside, so that nothing can fork away meanwhile."""
        if self._v2 and _try_write(self._tracked / "cgroup.kill", "1", quiet=True):
            return
        name, held, _ = self._freezer
        for folder in _tree(self._tracked):
            _try_write(folder / name, held, quiet=True)
        for pid in self.members():
            try:
                os.kill(pid, 9)
            except OSError:
                continue  # gone, or not ours to kill: the caller verifies
        self.thaw()

    @property
    def _freezer(self) -> tuple[str, str, str]:
        """Interface file, what holds the group, what lets it go on."""
        return ("cgroup.freeze", "1", "0") if self._v2 else ("freezer.state", "FROZEN", "THAWED")

    def freeze(self) -> None:
        """Have everything inside stand still, newcomers too; `is_frozen` tells when it does.

        With v1 it may take several calls. Raises OSError where the kernel has no freezer.
        """
        name, held, _ = self._freezer
        _write(self._tracked / name, held)

    @property
    def is_frozen(self) -> bool:
        """Whether everything inside stands still by now."""
        try:
            if self._v2:
                return "frozen 1" in (self._tracked / "cgroup.events").read_text().splitlines()
            return (self._tracked / "freezer.state").read_text().strip() == "FROZEN"
        except OSError:
            return False

    def thaw(self) -> None:
        """Have everything inside go on, whoever froze it."""
        name, _, free = self._freezer
        for folder in _tree(self._tracked):
            _try_write(folder / name, free, quiet=True)

    def remove(self) -> None:
        """Remove the folders. One that still holds a process stays."""
        for folder in {self._tracked, *self._limited.values()}:
            for place in reversed(list(_tree(folder))):
                try:
                    place.rmdir()
                except OSError:
                    continue
        self._made.clear()

    def _make(self, folder: Path) -> None:
        if folder in self._made:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._made.add(folder)


class ControlGroups:
    """All groups of one core, in folders named after it: two cores can share a machine."""

    def __init__(self, core_id: str, hierarchies: Hierarchies) -> None:
        self._core_id = core_id
        self._hierarchies = hierarchies
        self._of_containers: dict[str, ContainerGroup] = {}
        self._tracking, self._v2 = _tracking(hierarchies, core_id)
        self._limiting: dict[str, Path] = {}
        if self._tracking is None:
            _log.warning(
                "no writable control groups: components are tracked by session and mark, "
                "and their resource limits are not enforced"
            )
            return
        if self._v2 and _enable(self._tracking):
            self._limiting = {"v2": self._tracking}
        else:
            self._limiting = {
                controller: hierarchies.v1[controller] / _TOP / core_id
                for controller in ("memory", "cpu")
                if controller in hierarchies.v1
            }

    @property
    def are_usable(self) -> bool:
        """Whether components get groups."""
        return self._tracking is not None

    def group(self, component: str) -> ControlGroup | None:
        """The group of `component`; None where the machine has none to offer."""
        if self._tracking is None:
            return None
        name = f"{_PREFIX}{component}"
        limited = {key: folder / name for key, folder in self._limiting.items()}
        return ControlGroup(self._tracking / name, self._v2, limited)

    def leftovers(self) -> list[str]:
        """Components whose groups are there already, from an earlier life of this core."""
        if self._tracking is None or not self._tracking.is_dir():
            return []
        return sorted(
            entry.name.removeprefix(_PREFIX)
            for entry in self._tracking.iterdir()
            if entry.is_dir() and entry.name.startswith(_PREFIX)
        )

    def containers(self, component: str) -> ContainerGroup | None:
        """The group of `component`'s containers; None where the core can't limit or has no right
        to groups outside its own. The same one at each call."""
        version = self._container_version
        if version is None:
            return None
        found = self._of_containers.get(component)
        if found is None:
            parent = f"/{_TOP}/{self._core_id}/{group_name(component)}"
            found = ContainerGroup(parent, self._hierarchies, version)
            self._of_containers[component] = found
        return found

    @property
    def _container_version(self) -> int | None:
        if not self._hierarchies.are_tops or not self._limiting:
            return None
        return 2 if "v2" in self._limiting else 1

    def sweep_containers(self) -> None:
        """Remove groups of containers in which nothing runs, from an earlier life of this core."""
        for folder in leftover_groups(self._hierarchies, f"{_TOP}/{self._core_id}"):
            remove_empty(folder)

    def remove(self) -> None:
        """Remove the core's own folders, once its components' are gone."""
        if self._tracking is None:
            return
        self.sweep_containers()
        own = {mount / _TOP / self._core_id for mount in mounts(self._hierarchies)}
        for folder in {self._tracking, *self._limiting.values(), *own}:
            for place in (folder, folder.parent):
                try:
                    place.rmdir()
                except OSError:
                    break


def detect(core_id: str) -> ControlGroups:
    """The control groups of this machine."""
    try:
        mountinfo = Path("/proc/self/mountinfo").read_text()
        own = Path("/proc/self/cgroup").read_text()
    except OSError:
        mountinfo, own = "", ""
    return ControlGroups(core_id, read_hierarchies(mountinfo, own, at_top=os.geteuid() == 0))


def _tracking(hierarchies: Hierarchies, core_id: str) -> tuple[Path | None, bool]:
    candidates = [(hierarchies.v2, True), (hierarchies.v1.get("freezer"), False)]
    for mount, v2 in candidates:
        if mount is None:
            continue
        folder = mount / _TOP / core_id
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder, v2
    return None, False


def _enable(folder: Path) -> bool:
    """Make v2's memory and cpu controllers available below `folder`; False when it has none."""
    for place in (folder.parent.parent, folder.parent, folder):
        try:
            offered = set((place / "cgroup.controllers").read_text().split())
            enabled = set((place / "cgroup.subtree_control").read_text().split())
        except OSError:
            return False
        if not {"memory", "cpu"} <= offered:
            return False
        for controller in {"memory", "cpu"} - enabled:
            if not _try_write(place / "cgroup.subtree_control", f"+{controller}"):
                return False
    return True


def _tree(folder: Path) -> Iterator[Path]:
    """`folder` and the groups below it, parents first."""
    if not folder.is_dir():
        return
    yield folder
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _tree(entry)


def _write(path: Path, text: str) -> None:
    # os.open without O_CREAT: a missing interface file must be an error, not a new file.
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _try_write(path: Path, text: str, *, quiet: bool = False) -> bool:
    try:
        _write(path, text)
    except OSError as error:
        if not quiet:
            _log.warning("cannot write %s to %s: %s", text, path, error.strerror)
        return False
    return True
