"""Whether local artifact folders fit the recipes that are deployed.

Pure. A folder is found by the component's exact name and version; one letter off and the file is
missing at run time, long after the mistake. So a recipe that needs a file which lies in a folder
of no known component is refused, with the command that mends it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

_NOT_PART_OF_A_NAME = r"(?![\w/-]|\.\w)"


class Folder(NamedTuple):
    """`<root>/<name>/<version>`; `files` are relative to it."""

    root: str
    name: str
    version: str
    files: frozenset[str]

    @property
    def path(self) -> str:
        return f"{self.root}/{self.name}/{self.version}"


class Need(NamedTuple):
    """A recipe that is deployed: its lifecycle texts, and the file names of its artifacts."""

    name: str
    version: str
    texts: tuple[str, ...]
    files: frozenset[str]

    def uses(self, file: str) -> bool:
        if file in self.files:
            return True
        mention = re.compile(
            r"\{artifacts:path\}/" + re.escape(file) + _NOT_PART_OF_A_NAME, re.IGNORECASE
        )
        return any(mention.search(text) for text in self.texts)


class Misplaced(NamedTuple):
    """`need` uses `files`, which its own folders lack and `folder` has."""

    need: Need
    files: tuple[str, ...]
    folder: Folder
    has_own_folder: bool

    @property
    def right_path(self) -> str:
        return f"{self.folder.root}/{self.need.name}/{self.need.version}"

    @property
    def message(self) -> str:
        files = ", ".join(self.files)
        return (
            f"cannot deploy {self.need.name} {self.need.version}: {files} is not in its artifact "
            f"folder {self.right_path} but in {self.folder.path}, which belongs to no recipe here"
        )

    @property
    def command(self) -> str:
        """What to type to mend it."""
        target = shlex.quote(self.right_path)
        if self.has_own_folder:
            sources = [shlex.quote(f"{self.folder.path}/{file}") for file in self.files]
            return f"mv {' '.join(sources)} {target}"
        parent = shlex.quote(f"{self.folder.root}/{self.need.name}")
        return f"mkdir -p {parent} && mv {shlex.quote(self.folder.path)} {target}"


class Fit(NamedTuple):
    """`unused` folders fit no known component and nobody needs a file of theirs."""

    misplaced: list[Misplaced]
    unused: list[Folder]


def judge(
    needs: Sequence[Need], folders: Sequence[Folder], known: Collection[tuple[str, str]]
) -> Fit:
    """`known` are the (name, version) whose folders are in order even if not deployed now."""
    strangers = [folder for folder in folders if (folder.name, folder.version) not in known]
    misplaced = [
        found
        for need in needs
        for folder in strangers
        if (found := _misplaced(need, folder, folders)) is not None
    ]
    blamed = [each.folder for each in misplaced]
    return Fit(misplaced, [folder for folder in strangers if folder not in blamed])


def _misplaced(need: Need, folder: Folder, folders: Sequence[Folder]) -> Misplaced | None:
    own = [each for each in folders if (each.name, each.version) == (need.name, need.version)]
    present = {file for each in own for file in each.files}
    files = tuple(sorted(file for file in folder.files - present if need.uses(file)))
    if not files:
        return None
    has_own_folder = any(each.root == folder.root for each in own)
    return Misplaced(need, files, folder, has_own_folder)


def texts_in(value: Any) -> list[str]:
    """Every text in a lifecycle section, at any depth."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in texts_in(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in texts_in(each)]
    return []
