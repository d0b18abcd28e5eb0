"""Brings a component's files into the store in two moves: stage beside, then swap by rename.

Until the swap nothing that a running component reads has changed, its modes and owners included;
after it `undo` brings the old folders back and `finish` lets go of them. What a crash leaves in
between `recover` puts right at the next start. Blocking: call it in a thread.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from greendock.artifacts import exchange
from greendock.artifacts.changes import Access, Changes, Present, Wish, decide
from greendock.artifacts.checksum import verify_checksum
from greendock.artifacts.collect import Collector, open_folders
from greendock.artifacts.inventory import (
    list_all_given,
    list_live,
    owner_of,
    require_listed,
)
from greendock.artifacts.model import ComponentFiles, Staged
from greendock.artifacts.permission import artifact_mode
from greendock.artifacts.space import require_space
from greendock.artifacts.unpack import unpack_zip, unpacked_size
from greendock.base.durable import sync_file_system
from greendock.base.errors import ArtifactError, DeviceError
from greendock.base.paths import Paths
from greendock.recipe.model import Artifact, Unarchive


class Staging:
    """The artifact part of a store under `paths`."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def stage(self, wanted: ComponentFiles, cancelled: threading.Event) -> Staged:
        """Collect, check and unpack the files of one component beside the live ones.

        Raises ArtifactError (missing, wrong digest, bad archive), DeviceError (disk full, no
        permission), InterruptedError when `cancelled` is set. Whatever is raised, the live files
        are untouched and what was staged is gone.
        """
        work = _Work(self._paths, wanted, cancelled)
        try:
            return work.stage()
        except BaseException as error:
            work.clear()
            if isinstance(error, OSError) and not isinstance(error, InterruptedError):
                action = f"store artifacts of {wanted.component}"
                raise DeviceError.of(action, error, "ARTIFACT_DOWNLOAD_ERROR") from error
            raise

    def swap(self, staged: Staged) -> None:
        """Make the staged files the live ones, keeping the old ones until `undo` or `finish`.

        Raises OSError; some folders may be exchanged then, so `undo` has to follow.
        """
        for live, new in staged.swaps:
            exchange.exchange(live, new)

    def undo(self, staged: Staged) -> None:
        """Back to the files from before `swap` (or `stage`). May be repeated. Raises OSError."""
        for live, new in staged.swaps:
            exchange.undo(live)
            exchange.discard(new)
            exchange.remove_if_empty(live.parent)

    def finish(self, staged: Staged) -> None:
        """The new files stay; the old ones go. Raises OSError."""
        for live, _ in staged.swaps:
            exchange.finish(live)

    def places(self, staged: Staged) -> tuple[Path, dict[Path, Path]]:
        """The work folder of a component; and each folder that its files are in, by name, with
        where its content is until `swap`."""
        component, version = staged.files.component, staged.files.version
        work = self._paths.work_folder(component)
        live = (
            self._paths.artifact_folder(component, version),
            self._paths.unarchived_folder(component, version),
            work,
        )
        new = dict(staged.swaps)
        return work, {folder: new.get(folder, folder) for folder in live}

    def recover(self, *, committed: bool) -> None:
        """After a crash: old folders come back unless the deployment had been committed."""
        for store in (self._paths.artifacts, self._paths.unarchived):
            exchange.recover(store, committed=committed)


class _Work:
    """The staging of one component."""

    def __init__(self, paths: Paths, wanted: ComponentFiles, cancelled: threading.Event) -> None:
        self._wanted = wanted
        self._cancelled = cancelled
        self._live = paths.artifact_folder(wanted.component, wanted.version)
        self._downloads = paths.downloads
        self._unpacked = paths.unarchived_folder(wanted.component, wanted.version)
        self._archives = [a for a in wanted.artifacts if a.unarchive is Unarchive.ZIP]
        self._owner_writes = os.geteuid() != 0
        self._swaps: list[tuple[Path, Path]] = []

    def stage(self) -> Staged:
        changes = self._changes()
        now = self._collect(changes) if changes.changes_files else self._live
        if changes.relisted:
            for artifact in self._wanted.artifacts:
                verify_checksum(artifact, now / artifact.file_name)
        if self._archives and (changes.relisted or not self._is_unpacked()):
            self._unpack(now)
        for _, new in self._swaps:
            open_folders(new, self._wanted.owner)
            sync_file_system(new)
        return Staged(self._wanted, changes.content_id, tuple(self._swaps))

    def clear(self) -> None:
        """Remove what was staged."""
        for live, new in self._swaps:
            exchange.discard(new)
            exchange.remove_if_empty(live.parent)

    def _changes(self) -> Changes:
        wanted, live = self._wanted, self._live
        present = Present(list_live(live), owner_of(live))
        given = list_all_given(wanted)
        for archive in wanted.archives:
            given.pop(archive, None)
        files = {**present.files, **given}
        require_listed(wanted.component, wanted.artifacts, files, wanted.folders, live)
        wish = Wish(wanted.artifacts, wanted.content_id, wanted.owner, self._owner_writes)
        return decide(wish, present, given)

    def _collect(self, changes: Changes) -> Path:
        copied = (*changes.brought.values(), *changes.again.values())
        written = [e for e in copied if not e.path.is_relative_to(self._downloads)]
        require_space(self._live, sum(entry.size_bytes for entry in written))
        new = self._new_folder(self._live)
        required = {artifact.file_name for artifact in self._wanted.artifacts}
        collector = Collector(changes, required, new, self._cancelled)
        collector.take_given(self._downloads)
        collector.take_along(self._live)
        return new

    def _is_unpacked(self) -> bool:
        """Whether every archive has its folder, and the component can read it."""
        there = all((self._unpacked / _folder_of(archive)).is_dir() for archive in self._archives)
        return there and self._wanted.owner in (None, owner_of(self._unpacked))

    def _unpack(self, now: Path) -> None:
        archives = [(artifact, now / artifact.file_name) for artifact in self._archives]
        new = self._new_folder(self._unpacked)
        require_space(new, sum(unpacked_size(path) for _, path in archives))
        for artifact, path in archives:
            mode = artifact_mode(artifact, owner_writes=self._owner_writes)
            access = Access(mode, self._wanted.owner)
            unpack_zip(path, new / _folder_of(artifact), access, self._cancelled)

    def _new_folder(self, live: Path) -> Path:
        new = exchange.beside(live)
        self._swaps.append((live, new))
        new.mkdir(mode=0o755, parents=True)
        return new


def _folder_of(archive: Artifact) -> str:
    """The folder that an archive unpacks to: its file name without the last extension."""
    name = Path(archive.file_name).stem
    if not name.strip("."):
        raise ArtifactError(f"cannot unpack {archive.file_name}: its name gives no folder name")
    return name
