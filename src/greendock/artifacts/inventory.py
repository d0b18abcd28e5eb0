"""What files a component has and is given; reads folders, never the content of files.

Two files count as the same when size and modification time agree (copies keep the time), so that
a deployment that changes nothing reads nothing. Called by staging.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from greendock.artifacts.model import ComponentFiles, Owner
from greendock.base.errors import ArtifactError
from greendock.base.paths import safe_part
from greendock.recipe.model import Artifact


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One regular file as found."""

    path: Path
    size_bytes: int
    modified_ns: int
    mode: int
    owner: Owner

    def same_content(self, other: FileEntry | None) -> bool:
        return other is not None and (self.size_bytes, self.modified_ns) == (
            other.size_bytes,
            other.modified_ns,
        )


def list_given(folder: Path) -> dict[str, FileEntry]:
    """The files below a folder that came with a deployment; empty when there is no such folder.

    Links to files are followed, links to folders are not; devices and sockets are refused, and so
    is what can't be read. Raises ArtifactError.
    """
    found: dict[str, FileEntry] = {}
    if not folder.exists():
        return found
    for parent, _, names in os.walk(folder, onerror=_unreadable):
        for name in names:
            path = Path(parent) / name
            try:
                status = path.stat()
            except OSError as error:
                raise _refused(path, error) from error
            if not stat.S_ISREG(status.st_mode):
                raise ArtifactError(f"cannot use artifact {path}: it is not a regular file")
            found[path.relative_to(folder).as_posix()] = _entry(path, status)
    return found


def list_all_given(wanted: ComponentFiles) -> dict[str, FileEntry]:
    """What all folders of a deployment hold for one component; the last folder counts."""
    found: dict[str, FileEntry] = {}
    for folder in wanted.folders:
        found |= list_given(folder / safe_part(wanted.component) / safe_part(wanted.version))
    return found


def walk_live(folder: Path) -> Iterator[tuple[Path, list[str], list[str], int]]:
    """The folders below a folder of the store: relative path, names of folders and of files, and a
    descriptor to reach them by. Nothing when it isn't there.

    The component may write there meanwhile, so no link is followed.
    """
    with suppress(FileNotFoundError):
        for parent, folders, files, descriptor in os.fwalk(folder):
            yield Path(parent).relative_to(folder), folders, files, descriptor


def list_live(folder: Path) -> dict[str, FileEntry]:
    """The regular files below a folder of the store; what else is there is passed over."""
    found: dict[str, FileEntry] = {}
    for below, _, names, descriptor in walk_live(folder):
        for name in names:
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                relative = below / name
                found[relative.as_posix()] = _entry(folder / relative, status)
    return found


def owner_of(folder: Path) -> Owner | None:
    """Whose `folder` is; None when there is no folder."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return None
    return Owner(status.st_uid, status.st_gid) if stat.S_ISDIR(status.st_mode) else None


def require_listed(
    component: str,
    artifacts: Sequence[Artifact],
    files: Mapping[str, FileEntry],
    folders: Sequence[Path],
    store: Path,
) -> None:
    """Raise ArtifactError unless every listed file artifact is among `files`.

    `folders` are the artifact folders given with the deployment; a file of the same name under
    another component there is pointed out.
    """
    for artifact in artifacts:
        if artifact.file_name in files:
            continue
        strays = [
            path
            for folder in folders
            for path in sorted(folder.glob(f"*/*/{_glob_literal(artifact.file_name)}"))
        ]
        where = f"put the file at {store / artifact.file_name}, or give the folder that holds "
        where += f"{component}/VERSION/{artifact.file_name} with --artifactDir"
        if strays:
            where = f"{strays[0]} has that name: move it to the folder of {component}"
        raise ArtifactError(
            f"cannot get artifact {artifact.uri} of {component}: the file {artifact.file_name} is "
            "not on this device, and this core has no source to fetch it from",
            codes=("ARTIFACT_DOWNLOAD_ERROR", "DEVICE_CONFIG_NOT_VALID_FOR_ARTIFACT_DOWNLOAD"),
            hint=where,
        )


def _entry(path: Path, status: os.stat_result) -> FileEntry:
    return FileEntry(
        path,
        status.st_size,
        status.st_mtime_ns,
        stat.S_IMODE(status.st_mode),
        Owner(status.st_uid, status.st_gid),
    )


def _unreadable(error: OSError) -> None:
    raise _refused(Path(error.filename), error)


def _refused(path: Path, error: OSError) -> ArtifactError:
    return ArtifactError(
        f"cannot read artifact file {path}: {error.strerror or error}",
        codes=("ARTIFACT_DOWNLOAD_ERROR", "IO_READ_ERROR"),
        hint="the core reads the folder as its own user; check its permissions",
    )


def _glob_literal(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
