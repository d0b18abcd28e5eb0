"""Artifact files: staged beside, checked, unpacked, swapped in, brought back."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import threading
import zipfile
from pathlib import Path

import pytest

from greendock.artifacts.staging import ComponentFiles, Staging
from greendock.base.errors import ArtifactError
from greendock.base.paths import Paths
from greendock.recipe.model import Access, Artifact, Unarchive

NAME, VERSION = "com.example.App", "1.0.0"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(tmp_path / "root")
    made.create()
    return made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts" / NAME / VERSION
    folder.mkdir(parents=True)
    (folder / "app.txt").write_text("one")
    return tmp_path / "artifacts"


def wanted(source: Path | None, *artifacts: Artifact) -> ComponentFiles:
    return ComponentFiles(NAME, VERSION, artifacts, (source,) if source else ())


def bring_in(paths: Paths, files: ComponentFiles) -> Staging:
    staging = Staging(paths)
    staged = staging.stage(files, threading.Event())
    staging.swap(staged)
    staging.grant(staged, None)
    staging.finish(staged)
    return staging


def tree(paths: Paths) -> dict[str, bytes]:
    return {
        p.relative_to(paths.root).as_posix(): p.read_bytes()
        for p in (paths.root / "packages").rglob("*")
        if p.is_file()
    }


def test_files_are_live_only_after_the_swap_and_undo_brings_the_old_ones_back(
    paths: Paths, source: Path
) -> None:
    bring_in(paths, wanted(source))
    before = tree(paths)
    (source / NAME / VERSION / "app.txt").write_text("two!")
    staging = Staging(paths)
    staged = staging.stage(wanted(source), threading.Event())
    live = paths.artifact_folder(NAME, VERSION) / "app.txt"
    assert live.read_text() == "one"
    staging.swap(staged)
    assert live.read_text() == "two!"
    staging.undo(staged)
    assert tree(paths) == before


def test_nothing_is_staged_when_nothing_changed(paths: Paths, source: Path) -> None:
    bring_in(paths, wanted(source))
    first = Staging(paths).stage(wanted(source), threading.Event())
    second = Staging(paths).stage(wanted(None), threading.Event())
    assert first.swaps == second.swaps == ()
    assert first.content_id == second.content_id != ""


def test_the_content_id_changes_with_a_file(paths: Paths, source: Path) -> None:
    bring_in(paths, wanted(source))
    old = Staging(paths).stage(wanted(None), threading.Event()).content_id
    (source / NAME / VERSION / "app.txt").write_text("other")
    assert Staging(paths).stage(wanted(source), threading.Event()).content_id != old


def test_a_missing_file_is_refused_and_its_namesake_elsewhere_is_pointed_out(
    paths: Paths, source: Path
) -> None:
    stray = source / "com.example.Other" / VERSION
    stray.mkdir(parents=True)
    (stray / "image.tar").write_text("x")
    with pytest.raises(ArtifactError) as caught:
        Staging(paths).stage(
            wanted(source, Artifact("s3://bucket/a/image.tar")), threading.Event()
        )
    assert "image.tar" in caught.value.message
    assert str(stray / "image.tar") in (caught.value.hint or "")
    assert tree(paths) == {}


def test_a_wrong_digest_is_refused_and_leaves_nothing(paths: Paths, source: Path) -> None:
    right = base64.b64encode(hashlib.sha256(b"one").digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"two").digest()).decode()
    uri = "s3://bucket/app.txt"
    with pytest.raises(ArtifactError) as caught:
        Staging(paths).stage(
            wanted(source, Artifact(uri, digest=wrong, algorithm="SHA-256")), threading.Event()
        )
    assert "ARTIFACT_CHECKSUM_MISMATCH" in caught.value.codes
    assert tree(paths) == {}
    bring_in(paths, wanted(source, Artifact(uri, digest=right, algorithm="SHA-256")))
    assert list(tree(paths).values()) == [b"one"]


def test_a_zip_is_unpacked_into_a_folder_named_after_it(paths: Paths, source: Path) -> None:
    with zipfile.ZipFile(source / NAME / VERSION / "code.v1.zip", "w") as archive:
        archive.writestr("bin/tool.sh", "echo")
    bring_in(paths, wanted(source, Artifact("s3://b/code.v1.zip", unarchive=Unarchive.ZIP)))
    assert (
        paths.unarchived_folder(NAME, VERSION) / "code.v1" / "bin/tool.sh"
    ).read_text() == "echo"


@pytest.mark.parametrize("entry", ["../evil", "/abs", "a/../../evil", "..\\evil"])
def test_an_entry_that_would_leave_its_folder_is_refused(
    paths: Paths, source: Path, entry: str
) -> None:
    with zipfile.ZipFile(source / NAME / VERSION / "code.zip", "w") as archive:
        archive.writestr(entry, "x")
    with pytest.raises(ArtifactError) as caught:
        Staging(paths).stage(
            wanted(source, Artifact("s3://b/code.zip", unarchive=Unarchive.ZIP)), threading.Event()
        )
    assert "IO_UNZIP_ERROR" in caught.value.codes
    assert tree(paths) == {}
    assert not list(paths.root.rglob("evil"))


def test_a_link_in_a_zip_is_refused(paths: Paths, source: Path) -> None:
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(source / NAME / VERSION / "code.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(ArtifactError, match="link"):
        Staging(paths).stage(
            wanted(source, Artifact("s3://b/code.zip", unarchive=Unarchive.ZIP)), threading.Event()
        )


def test_a_cancelled_staging_leaves_nothing(paths: Paths, source: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(InterruptedError):
        Staging(paths).stage(wanted(source), cancelled)
    assert tree(paths) == {}


def test_modes_follow_the_permission_table(paths: Paths, source: Path) -> None:
    folder = source / NAME / VERSION
    script = folder / "own.sh"
    script.write_text("x")
    script.chmod(0o755)
    (folder / "all").write_text("x")
    bring_in(
        paths,
        wanted(
            source,
            Artifact("s3://b/app.txt"),
            Artifact("s3://b/all", read=Access.ALL, execute=Access.ALL),
        ),
    )
    live = paths.artifact_folder(NAME, VERSION)
    own = 0o200 if os.geteuid() else 0
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in live.iterdir()}
    assert modes == {"app.txt": 0o440 | own, "all": 0o555 | own, "own.sh": 0o550 | own}


@pytest.mark.parametrize(("committed", "content"), [(False, "one"), (True, "two!")])
def test_a_crash_between_swap_and_finish_is_put_right(
    paths: Paths, source: Path, committed: bool, content: str
) -> None:
    bring_in(paths, wanted(source))
    (source / NAME / VERSION / "app.txt").write_text("two!")
    staging = Staging(paths)
    staging.swap(staging.stage(wanted(source), threading.Event()))
    Staging(paths).recover(committed=committed)
    assert list(tree(paths).values()) == [content.encode()]


def test_special_files_and_unreadable_links_are_refused(paths: Paths, source: Path) -> None:
    (source / NAME / VERSION / "dangling").symlink_to("/nowhere/at/all")
    with pytest.raises(ArtifactError, match="dangling"):
        Staging(paths).stage(wanted(source), threading.Event())
