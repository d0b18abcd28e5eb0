"""Brings a component's files into the store in two moves: stage beside, then swap by rename.

Until the swap nothing that a running component reads has changed; after it `undo` brings the old
folder back and `finish` lets go of it. A crash in between leaves `.VERSION.old`/`.VERSION.new`
folders that `recover` puts right at the next start. Blocking: call it in a thread.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from greendock.artifacts.checksum import verify_checksum
from greendock.artifacts.inventory import FileEntry, content_id, list_files, require_listed
from greendock.artifacts.permission import artifact_mode, unlisted_mode
from greendock.artifacts.unpack import unpack_zip, unpacked_size
from greendock.base.durable import sync_folder
from greendock.base.errors import DeviceError
from greendock.base.paths import Paths, safe_part
from greendock.recipe.model import Artifact, Unarchive

MARGIN_BYTES = 20 * 1024 * 1024
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ComponentFiles:
    """What is wanted: `folders` are artifact folders that hold NAME/VERSION/FILE."""

    component: str
    version: str
    artifacts: tuple[Artifact, ...]
    folders: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has to be able to read the files; None leaves ownership as it is."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Staged:
    """A component's files, ready. `swaps` are the (live, new) folders still to be exchanged."""

    files: ComponentFiles
    content_id: str
    swaps: tuple[tuple[Path, Path], ...] = ()


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
        live = self._paths.artifact_folder(wanted.component, wanted.version)
        present = list_files(live)
        files = dict(present)
        for folder in wanted.folders:
            files |= list_files(folder / safe_part(wanted.component) / safe_part(wanted.version))
        require_listed(wanted.component, wanted.artifacts, files, wanted.folders, live)
        changed = {
            name: entry
            for name, entry in files.items()
            if not entry.same_content(present.get(name))
        }
        archives = self._archives(wanted, files)
        if not changed and all(target.is_dir() for _, target in archives):
            return Staged(wanted, content_id(files))
        swaps = self._swaps(wanted, bool(archives))
        try:
            self._require_space(changed.values(), [path for path, _ in archives])
            self._collect(files, changed, swaps[0][1], cancelled)
            self._check_and_unpack(wanted, changed, archives, swaps, cancelled)
        except BaseException as error:
            for _, new in swaps:
                shutil.rmtree(new, ignore_errors=True)
            if isinstance(error, OSError) and not isinstance(error, InterruptedError):
                raise _device_error(wanted.component, error) from error
            raise
        return Staged(wanted, content_id(files), swaps)

    def _swaps(self, wanted: ComponentFiles, unpacks: bool) -> tuple[tuple[Path, Path], ...]:
        live = [self._paths.artifact_folder(wanted.component, wanted.version)]
        if unpacks:
            live.append(self._paths.unarchived_folder(wanted.component, wanted.version))
        return tuple((folder, folder.with_name(f".{folder.name}.new")) for folder in live)

    def _check_and_unpack(
        self,
        wanted: ComponentFiles,
        changed: Mapping[str, FileEntry],
        archives: list[tuple[Path, Path]],
        swaps: tuple[tuple[Path, Path], ...],
        cancelled: threading.Event,
    ) -> None:
        new = swaps[0][1]
        for artifact in wanted.artifacts:
            if artifact.file_name in changed:
                verify_checksum(artifact, new / artifact.file_name)
        for archive, target in archives:
            unpack_zip(new / archive.name, swaps[1][1] / target.name, cancelled)

    def _archives(
        self, wanted: ComponentFiles, files: dict[str, FileEntry]
    ) -> list[tuple[Path, Path]]:
        """(archive, folder that it unpacks to) for every ZIP artifact."""
        target = self._paths.unarchived_folder(wanted.component, wanted.version)
        return [
            (files[artifact.file_name].path, target / safe_part(Path(artifact.file_name).stem))
            for artifact in wanted.artifacts
            if artifact.unarchive is Unarchive.ZIP and artifact.file_name in files
        ]

    def _require_space(self, changed: Iterable[FileEntry], archives: list[Path]) -> None:
        needed = sum(entry.size_bytes for entry in changed)
        needed += sum(unpacked_size(path) for path in archives)
        free = shutil.disk_usage(self._paths.artifacts).free
        if free < needed + MARGIN_BYTES:
            raise DeviceError(
                f"cannot store artifacts: they need {needed} bytes plus a margin of "
                f"{MARGIN_BYTES}, {self._paths.artifacts} has {free} bytes free",
                codes=("ARTIFACT_DOWNLOAD_ERROR", "DISK_SPACE_CRITICAL"),
                hint="free some space on that file system",
            )

    def _collect(
        self,
        files: dict[str, FileEntry],
        changed: dict[str, FileEntry],
        new: Path,
        cancelled: threading.Event,
    ) -> None:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o755, parents=True)
        for name, entry in files.items():
            target = new / name
            target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            if name in changed:
                _copy(entry, target, cancelled)
            else:
                os.link(entry.path, target)
        sync_folder(new)

    def grant(self, staged: Staged, owner: Owner | None) -> None:
        """Give the live files the recipe's modes and `owner`. Raises DeviceError."""
        files = staged.files
        listed = {artifact.file_name: artifact for artifact in files.artifacts}
        owner_writes = os.geteuid() != 0
        try:
            for folder in (
                self._paths.artifact_folder(files.component, files.version),
                self._paths.unarchived_folder(files.component, files.version),
            ):
                _grant_tree(folder, listed, owner, owner_writes)
        except OSError as error:
            raise DeviceError(
                f"cannot set permissions of the artifacts of {files.component}: {error}",
                codes=("SET_PERMISSION_ERROR",),
            ) from error

    def swap(self, staged: Staged) -> None:
        """Make the staged files the live ones, keeping the old ones until `undo` or `finish`."""
        for live, new in staged.swaps:
            live.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            old = _old(live)
            shutil.rmtree(old, ignore_errors=True)
            if live.exists():
                live.rename(old)
            new.rename(live)
            sync_folder(live.parent)

    def undo(self, staged: Staged) -> None:
        """Back to the files from before `swap` (or `stage`). Call it once per staging."""
        for live, new in staged.swaps:
            if not new.exists() and live.exists():
                shutil.rmtree(live)
                if _old(live).exists():
                    _old(live).rename(live)
            shutil.rmtree(new, ignore_errors=True)
            if live.parent.exists():
                sync_folder(live.parent)

    def finish(self, staged: Staged) -> None:
        """The new files stay; the old ones go."""
        for live, _ in staged.swaps:
            shutil.rmtree(_old(live), ignore_errors=True)

    def recover(self, *, committed: bool) -> None:
        """After a crash: old folders come back unless the deployment had been committed."""
        for store in (self._paths.artifacts, self._paths.unarchived):
            for old in store.glob("*/.*.old"):
                live = old.with_name(old.name[1 : -len(".old")])
                if committed and live.exists():
                    shutil.rmtree(old, ignore_errors=True)
                else:
                    shutil.rmtree(live, ignore_errors=True)
                    old.rename(live)
            for new in store.glob("*/.*.new"):
                shutil.rmtree(new, ignore_errors=True)


def _old(live: Path) -> Path:
    return live.with_name(f".{live.name}.old")


def _copy(entry: FileEntry, target: Path, cancelled: threading.Event) -> None:
    with entry.path.open("rb") as source, target.open("xb") as copy:
        while chunk := source.read(_CHUNK_BYTES):
            if cancelled.is_set():
                raise InterruptedError
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    target.chmod(0o600 | (entry.mode & 0o100))
    os.utime(target, ns=(entry.modified_ns, entry.modified_ns))


def _grant_tree(
    folder: Path, listed: dict[str, Artifact], owner: Owner | None, owner_writes: bool
) -> None:
    by_stem = {Path(name).stem: artifact for name, artifact in listed.items()}
    is_unarchived = folder.parent.parent.name == "artifacts-unarchived"
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(0o755)
        _own(Path(parent), owner)
        relative = Path(parent).relative_to(folder)
        for name in names:
            path = Path(parent) / name
            if is_unarchived:
                artifact = by_stem.get(relative.parts[0]) if relative.parts else None
            else:
                artifact = listed.get((relative / name).as_posix())
            if artifact is None:
                mode = unlisted_mode(path.stat().st_mode, owner_writes=owner_writes)
            else:
                mode = artifact_mode(artifact, owner_writes=owner_writes)
            _own(path, owner)
            path.chmod(mode)


def _own(path: Path, owner: Owner | None) -> None:
    if owner is not None and os.geteuid() == 0:
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def _device_error(component: str, error: OSError) -> DeviceError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return DeviceError(
        f"cannot store artifacts of {component}: {error.strerror or error}"
        + (f" ({error.filename})" if error.filename else ""),
        codes=("ARTIFACT_DOWNLOAD_ERROR", "DISK_SPACE_CRITICAL" if full else "IO_WRITE_ERROR"),
        hint="free some space on that file system" if full else None,
    )
