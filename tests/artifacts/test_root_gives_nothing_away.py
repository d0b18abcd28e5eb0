"""A core that is root hands files to the component's user, and never one that isn't its own."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from greendock.artifacts.model import ComponentFiles, Owner, Staged
from greendock.artifacts.staging import Staging
from greendock.base.paths import Paths
from greendock.recipe.model import Access, Artifact

pytestmark = pytest.mark.root

NAME, VERSION = "com.example.App", "1.0.0"
FIRST, SECOND = Owner(4001, 4002), Owner(5001, 5002)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(tmp_path / "root")
    made.create()
    return made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts" / NAME / VERSION
    folder.mkdir(parents=True)
    (folder / "listed").write_text("one")
    (folder / "unlisted").write_text("two")
    return tmp_path / "artifacts"


def bring_in(paths: Paths, source: Path, owner: Owner, read: Access = Access.OWNER) -> Staged:
    staging = Staging(paths)
    artifacts = (Artifact("s3://b/listed", read=read),)
    files = ComponentFiles(NAME, VERSION, artifacts, (source,), "", owner)
    staged = staging.stage(files, threading.Event())
    staging.swap(staged)
    return staged


def owners(folder: Path) -> set[tuple[int, int]]:
    found = [folder, *folder.rglob("*")]
    return {(p.lstat().st_uid, p.lstat().st_gid) for p in found}


def test_another_user_gets_everything_and_undo_gives_it_back(paths: Paths, source: Path) -> None:
    live = paths.artifact_folder(NAME, VERSION)
    Staging(paths).finish(bring_in(paths, source, FIRST))
    (live / "made").write_text("by the component")
    os.chown(live / "made", FIRST.uid, FIRST.gid)
    assert owners(live) == {(FIRST.uid, FIRST.gid)}
    second = bring_in(paths, source, SECOND)
    assert owners(live) == {(SECOND.uid, SECOND.gid)}
    assert (live / "made").read_text() == "by the component"
    Staging(paths).undo(second)
    assert owners(live) == {(FIRST.uid, FIRST.gid)}


def test_a_link_that_a_component_planted_is_not_followed(
    paths: Paths, source: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root only")
    secret.chmod(0o600)
    live = paths.artifact_folder(NAME, VERSION)
    Staging(paths).finish(bring_in(paths, source, FIRST))
    (live / "listed").unlink()
    (live / "listed").symlink_to(secret)
    (live / "other").symlink_to(secret)
    (live / "second name").hardlink_to(secret)
    (source / NAME / VERSION / "unlisted").write_text("changed")
    Staging(paths).finish(bring_in(paths, source, SECOND, Access.ALL))
    status = secret.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, 0o600)
    assert (live / "listed").read_text() == "one"
    assert not (live / "listed").is_symlink()
    copies = [p for p in live.iterdir() if not p.is_symlink() and p.read_text() == "root only"]
    assert copies == []
