"""Finds out which artifacts are not on the device; reads folders, and files for their digest.

Says nothing about how they can be had. Called by downloads, in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from greendock.artifacts.changes import listed_id
from greendock.artifacts.checksum import verify_checksum
from greendock.artifacts.inventory import FileEntry, list_all_given, list_live, require_listed
from greendock.artifacts.model import ComponentFiles, MissingFile
from greendock.base.errors import ArtifactError
from greendock.base.paths import Paths
from greendock.recipe.model import Artifact


@dataclass(frozen=True, slots=True)
class FoundArchive:
    """An image archive. `path` None: it has to be fetched, unless the images that came of it
    are still there; `known`: the identity of what was loaded then."""

    missing: MissingFile
    path: Path | None
    known: str | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """`files`: as wanted, without the archives."""

    files: tuple[ComponentFiles, ...]
    missing: tuple[MissingFile, ...]
    archives: tuple[FoundArchive, ...]


def scan(paths: Paths, wanted: Sequence[ComponentFiles]) -> Scan:
    """Raises ArtifactError for what is missing and comes from no object store, OSError."""
    files, missing, archives = [], [], []
    for item in wanted:
        is_archive = {a: a.file_name in item.archives for a in item.artifacts}
        listed = replace(item, artifacts=tuple(a for a in item.artifacts if not is_archive[a]))
        live_folder = paths.artifact_folder(item.component, item.version)
        live, given = list_live(live_folder), list_all_given(item)
        unfetched = [
            a
            for a in item.artifacts
            if a.scheme != "s3" and not (is_archive[a] and a.uri in item.loaded)
        ]
        require_listed(item.component, unfetched, {**live, **given}, item.folders, live_folder)
        missing += _missing(listed, live, given)
        archives += [
            FoundArchive(
                _wanted(item, artifact),
                _path(artifact, live, given),
                item.loaded.get(artifact.uri),
            )
            for artifact in item.artifacts
            if is_archive[artifact]
        ]
        files.append(listed)
    return Scan(tuple(files), _once(missing), tuple(archives))


def _missing(
    listed: ComponentFiles, live: Mapping[str, FileEntry], given: Mapping[str, FileEntry]
) -> list[MissingFile]:
    artifacts = {artifact.file_name: artifact for artifact in listed.artifacts}
    there = {**live, **given}
    # What was checked when it was deployed and has not been touched since is not read again.
    known = listed.content_id.partition(".")[0]
    if artifacts.keys() <= there.keys() and known and listed_id(artifacts, there) == known:
        return []
    return [
        _wanted(listed, artifact)
        for name, artifact in artifacts.items()
        if artifact.scheme == "s3"
        and name not in given
        and not (name in live and _is_right(artifact, live[name].path))
    ]


def _is_right(artifact: Artifact, path: Path) -> bool:
    with suppress(ArtifactError, FileNotFoundError):
        verify_checksum(artifact, path)
        return True
    return False


def _path(
    artifact: Artifact, live: Mapping[str, FileEntry], given: Mapping[str, FileEntry]
) -> Path | None:
    entry = given.get(artifact.file_name) or live.get(artifact.file_name)
    return entry.path if entry else None


def _wanted(files: ComponentFiles, artifact: Artifact) -> MissingFile:
    return MissingFile(files.component, files.version, artifact)


def _once(files: Sequence[MissingFile]) -> tuple[MissingFile, ...]:
    """Two components never share a file; one may list it twice."""
    return tuple(
        {(f.component, f.version, f.artifact.file_name): f for f in reversed(files)}.values()
    )[::-1]
