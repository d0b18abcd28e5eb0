"""Compose files are read in the component's own folders, and no link leads out of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from greendock.docker.compose.component_folders import ComponentFolders


@pytest.fixture
def folders(tmp_path: Path) -> ComponentFolders:
    """`live` is what scripts name; its content is in `new` still."""
    new, work, outside = tmp_path / "new", tmp_path / "work", tmp_path / "outside"
    for folder in (new / "sub", work, outside):
        folder.mkdir(parents=True)
    (new / "sub" / "compose.yaml").write_text("new")
    (work / "compose.yaml").write_text("work")
    (outside / "secret").write_text("secret")
    (new / "link").symlink_to(outside / "secret")
    (new / "folder").symlink_to(outside)
    os.mkfifo(new / "pipe")
    (new / "large").write_text("x" * 1_000_000)
    return ComponentFolders({tmp_path / "live": new, work: work})


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("live/sub/compose.yaml", "new"),
        ("live/./sub/../sub//compose.yaml", "new"),
        ("work/compose.yaml", "work"),
        ("new/sub/compose.yaml", None),
        ("outside/secret", None),
        ("live/../outside/secret", None),
        ("work/../outside/secret", None),
        ("live/link", None),
        ("live/folder/secret", None),
        ("live/pipe", None),
        ("live/sub", None),
        ("live", None),
        ("live/nothing", None),
        ("live/sub/compose.yaml/x", None),
        ("live/a\0b", None),
    ],
)
def test_a_regular_file_within_is_read_and_nothing_else(
    folders: ComponentFolders, tmp_path: Path, path: str, text: str | None
) -> None:
    assert folders.read(f"{tmp_path}/{path}") == text


def test_a_large_file_is_not_read_to_its_end(folders: ComponentFolders, tmp_path: Path) -> None:
    found = folders.read(f"{tmp_path}/live/large")
    assert found is not None
    assert len(found) < 1_000_000


def test_a_link_in_the_place_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "compose.yaml").write_text("secret")
    (tmp_path / "work").symlink_to(tmp_path / "outside")
    work = tmp_path / "work"
    assert ComponentFolders({work: work}).read(f"{work}/compose.yaml") is None
