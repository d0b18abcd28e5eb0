"""What files a component has and needs; compares folders without reading file contents.

Two files count as the same when size and modification time agree (copies keep the time), so that
a deployment that changes nothing reads nothing. Called by staging.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from greendock.base.errors import ArtifactError
from greendock.recipe.model import Artifact


@dataclass(frozen=True, slots=True)
class FileEntry:
    path: Path
    size_bytes: int
    modified_ns: int
    mode: int

    def same_content(self, other: FileEntry | None) -> bool:
        return other is not None and (self.size_bytes, self.modified_ns) == (
            other.size_bytes,
            other.modified_ns,
        )


def list_files(folder: Path) -> dict[str, FileEntry]:
    """The regular files below `folder` by relative path; empty when there is no folder.

    Links to files are followed, links to folders are not; devices and sockets are refused.
    """
    found: dict[str, FileEntry] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            try:
                status = path.stat()
            except OSError as error:
                raise ArtifactError(
                    f"cannot read artifact file {path}: {error.strerror}"
                ) from error
            if not stat.S_ISREG(status.st_mode):
                raise ArtifactError(f"cannot use artifact {path}: it is not a regular file")
            relative = path.relative_to(folder).as_posix()
            found[relative] = FileEntry(path, status.st_size, status.st_mtime_ns, status.st_mode)
    return found


def content_id(files: Mapping[str, FileEntry]) -> str:
    """A short text that changes when a file is added, removed or replaced; "" for no files."""
    if not files:
        return ""
    digest = hashlib.sha256()
    for name in sorted(files):
        entry = files[name]
        digest.update(f"{name}\0{entry.size_bytes}\0{entry.modified_ns}\n".encode())
    return digest.hexdigest()[:16]


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
        if artifact.scheme == "docker" or artifact.file_name in files:
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
            hint=where,
        )


def _glob_literal(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
