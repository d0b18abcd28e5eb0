"""What has to happen to a component's files, decided from what is there and what is given; pure.

A content id has two halves. The first stands for the listed artifacts (their files and what the
recipe says of them), the second for files that deployments brought without their being listed.
What a component writes into its own folder counts in neither: it must not be installed again for
that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greendock.artifacts.inventory import FileEntry
from greendock.artifacts.model import Owner
from greendock.artifacts.permission import artifact_mode, unlisted_mode
from greendock.recipe.model import Artifact


@dataclass(frozen=True, slots=True)
class Access:
    """Mode and owner that a file gets; owner None: whoever creates it."""

    mode: int
    owner: Owner | None


@dataclass(frozen=True, slots=True)
class Changes:
    """`brought` are copied from where they were given, `again` copied within the store for their
    access. `relisted`: a listed file or what the recipe says of one differs from what is deployed,
    so digests are checked and archives unpacked."""

    content_id: str
    brought: Mapping[str, FileEntry]
    again: Mapping[str, FileEntry]
    access: Mapping[str, Access]
    relisted: bool

    @property
    def changes_files(self) -> bool:
        return bool(self.brought or self.again)


@dataclass(frozen=True, slots=True)
class Present:
    """The live folder: its files, and whose it is (None: there is no folder)."""

    files: Mapping[str, FileEntry]
    owner: Owner | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What the deployment says: listed artifacts, the content id as deployed, who runs it."""

    artifacts: Sequence[Artifact]
    content_id: str
    owner: Owner | None
    owner_writes: bool


def decide(wish: Wish, present: Present, given: Mapping[str, FileEntry]) -> Changes:
    """Every listed artifact has to be in `present` or `given`."""
    listed = {artifact.file_name: artifact for artifact in wish.artifacts}
    brought = {n: e for n, e in given.items() if not e.same_content(present.files.get(n))}
    kept = {n: e for n, e in present.files.items() if n not in brought}
    handed_over = wish.owner is not None and present.owner not in (None, wish.owner)
    again = {
        name: entry
        for name, entry in kept.items()
        if handed_over or (name in listed and not _fits(entry, listed[name], wish))
    }
    copied = {**again, **brought}
    access = {n: Access(_mode(n, e, listed, given, wish), wish.owner) for n, e in copied.items()}
    known_listed, _, known_brought = wish.content_id.partition(".")
    new_listed = listed_id(listed, {**present.files, **given})
    unlisted = {name: entry for name, entry in brought.items() if name not in listed}
    content_id = f"{new_listed}.{_brought_id(known_brought, unlisted)}"
    return Changes(
        content_id="" if content_id == "." else content_id,
        brought=brought,
        again=again,
        access=access,
        relisted=new_listed != known_listed,
    )


def _fits(entry: FileEntry, artifact: Artifact, wish: Wish) -> bool:
    mode = artifact_mode(artifact, owner_writes=wish.owner_writes)
    return entry.mode == mode and wish.owner in (None, entry.owner)


def _mode(
    name: str,
    entry: FileEntry,
    listed: Mapping[str, Artifact],
    given: Mapping[str, FileEntry],
    wish: Wish,
) -> int:
    if name in listed:
        return artifact_mode(listed[name], owner_writes=wish.owner_writes)
    if name in given:
        return unlisted_mode(entry.mode, owner_writes=wish.owner_writes)
    # The component's own file, or one that somebody put into the store by hand.
    return entry.mode & 0o777 | 0o440


def listed_id(listed: Mapping[str, Artifact], files: Mapping[str, FileEntry]) -> str:
    """The first half of a content id. Every listed name has to be among `files`."""
    parts = []
    for name, item in sorted(listed.items()):
        entry = files[name]
        rules = (item.digest, item.algorithm, item.unarchive, item.read, item.execute)
        parts.append(repr((name, entry.size_bytes, entry.modified_ns, *map(str, rules))))
    return _digest(parts)


def _brought_id(known: str, brought: Mapping[str, FileEntry]) -> str:
    """Chained: the id of now says all that was brought since the component was first deployed."""
    if not brought:
        return known
    parts = [repr((n, e.size_bytes, e.modified_ns)) for n, e in sorted(brought.items())]
    return _digest([known, *parts])


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16] if parts else ""
