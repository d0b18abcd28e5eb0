"""Artifact files: staged beside, checked, unpacked, swapped in, brought back."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import stat
import threading
import zipfile
from pathlib import Path

import pytest

from greendock.artifacts.model import ComponentFiles, Staged
from greendock.artifacts.staging import Staging
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


def wanted(source: Path | None, *artifacts: Artifact, content_id: str = "") -> ComponentFiles:
    return ComponentFiles(NAME, VERSION, artifacts, (source,) if source else (), content_id)


def stage(paths: Paths, files: ComponentFiles) -> Staged:
    return Staging(paths).stage(files, threading.Event())


def bring_in(paths: Paths, files: ComponentFiles) -> Staged:
    staging = Staging(paths)
    staged = staging.stage(files, threading.Event())
    staging.swap(staged)
    staging.finish(staged)
    return staged


def hidden(paths: Paths) -> list[str]:
    """What an exchange of folders leaves while it is not over."""
    return [p.name for p in (paths.root / "packages").rglob(".*")]


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
    known = bring_in(paths, wanted(source)).content_id
    first = stage(paths, wanted(source, content_id=known))
    second = stage(paths, wanted(None, content_id=known))
    assert first.swaps == second.swaps == ()
    assert first.content_id == second.content_id == known != ""


def test_the_content_id_changes_with_a_file(paths: Paths, source: Path) -> None:
    known = bring_in(paths, wanted(source)).content_id
    (source / NAME / VERSION / "app.txt").write_text("other")
    assert stage(paths, wanted(source, content_id=known)).content_id != known


def test_what_a_component_writes_into_its_folder_does_not_count(
    paths: Paths, source: Path
) -> None:
    listed = Artifact("s3://bucket/app.txt")
    known = bring_in(paths, wanted(source, listed)).content_id
    live = paths.artifact_folder(NAME, VERSION)
    (live / "__pycache__").mkdir()
    (live / "__pycache__" / "app.pyc").write_text("made here")
    (live / "dangling").symlink_to("/nowhere/at/all")
    os.mkfifo(live / "pipe")
    again = stage(paths, wanted(source, listed, content_id=known))
    assert (again.content_id, again.swaps) == (known, ())


def test_what_a_component_made_comes_along_when_its_files_change(
    paths: Paths, source: Path
) -> None:
    bring_in(paths, wanted(source))
    live = paths.artifact_folder(NAME, VERSION)
    (live / "venv").mkdir()
    (live / "venv" / "tool").write_text("made here")
    (live / "link").symlink_to("venv")
    (source / NAME / VERSION / "app.txt").write_text("two!")
    bring_in(paths, wanted(source))
    assert (live / "link" / "tool").read_text() == "made here"
    assert (live / "link").is_symlink()
    assert (live / "app.txt").read_text() == "two!"


def test_a_file_that_was_replaced_in_the_store_by_hand_counts(paths: Paths, source: Path) -> None:
    listed = Artifact("s3://bucket/app.txt")
    known = bring_in(paths, wanted(source, listed)).content_id
    live = paths.artifact_folder(NAME, VERSION) / "app.txt"
    live.unlink()
    live.write_text("by hand")
    assert stage(paths, wanted(None, listed, content_id=known)).content_id != known


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
    Staging(paths).swap(stage(paths, wanted(source)))
    for _ in range(2):
        Staging(paths).recover(committed=committed)
        assert list(tree(paths).values()) == [content.encode()]
        assert hidden(paths) == []


@pytest.mark.parametrize("committed", [False, True])
def test_a_crash_while_a_first_version_is_put_in_place_is_put_right(
    paths: Paths, source: Path, committed: bool
) -> None:
    Staging(paths).swap(stage(paths, wanted(source)))
    Staging(paths).recover(committed=committed)
    assert list(tree(paths).values()) == ([b"one"] if committed else [])
    assert hidden(paths) == []


def test_undo_can_be_repeated(paths: Paths, source: Path) -> None:
    bring_in(paths, wanted(source))
    before = tree(paths)
    (source / NAME / VERSION / "app.txt").write_text("two!")
    staged = stage(paths, wanted(source))
    Staging(paths).swap(staged)
    for _ in range(3):
        Staging(paths).undo(staged)
        assert tree(paths) == before


def test_undo_puts_a_half_done_swap_right(paths: Paths, source: Path) -> None:
    archive = source / NAME / VERSION / "code.zip"
    listed = Artifact("s3://b/code.zip", unarchive=Unarchive.ZIP)
    for content in ("old", "newer"):
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("f", content)
        if content == "old":
            bring_in(paths, wanted(source, listed))
    before = tree(paths)
    staged = stage(paths, wanted(source, listed))
    (_, _), (_, second) = staged.swaps
    second.rename(second.with_name("elsewhere"))
    with pytest.raises(FileNotFoundError):
        Staging(paths).swap(staged)
    shutil.rmtree(second.with_name("elsewhere"))
    Staging(paths).undo(staged)
    assert tree(paths) == before
    assert hidden(paths) == []


def test_after_an_undo_that_failed_the_next_swap_keeps_the_last_committed_files(
    paths: Paths, source: Path
) -> None:
    bring_in(paths, wanted(source))
    for content in ("never committed", "nor this"):
        (source / NAME / VERSION / "app.txt").write_text(content)
        staged = stage(paths, wanted(source))
        Staging(paths).swap(staged)
    Staging(paths).undo(staged)
    assert list(tree(paths).values()) == [b"one"]


def test_staging_leaves_mode_and_owner_of_live_files_alone(paths: Paths, source: Path) -> None:
    bring_in(paths, wanted(source, Artifact("s3://b/app.txt")))
    live = paths.artifact_folder(NAME, VERSION) / "app.txt"
    before = live.stat()
    staged = stage(paths, wanted(source, Artifact("s3://b/app.txt", read=Access.ALL)))
    assert (live.stat().st_mode, live.stat().st_ctime_ns) == (before.st_mode, before.st_ctime_ns)
    Staging(paths).swap(staged)
    assert live.stat().st_mode & 0o777 == (0o444 if os.geteuid() == 0 else 0o644)
    Staging(paths).undo(staged)
    assert live.stat().st_mode == before.st_mode


def test_a_digest_is_checked_for_files_that_are_in_the_store_already(
    paths: Paths, source: Path
) -> None:
    uri = "s3://bucket/app.txt"
    known = bring_in(paths, wanted(source, Artifact(uri))).content_id
    wrong = base64.b64encode(hashlib.sha256(b"two").digest()).decode()
    listed = Artifact(uri, digest=wrong, algorithm="SHA-256")
    with pytest.raises(ArtifactError) as caught:
        stage(paths, wanted(None, listed, content_id=known))
    assert "ARTIFACT_CHECKSUM_MISMATCH" in caught.value.codes


def test_special_files_and_unreadable_links_are_refused(paths: Paths, source: Path) -> None:
    (source / NAME / VERSION / "dangling").symlink_to("/nowhere/at/all")
    with pytest.raises(ArtifactError, match="dangling"):
        stage(paths, wanted(source))
    (source / NAME / VERSION / "dangling").unlink()
    os.mkfifo(source / NAME / VERSION / "pipe")
    with pytest.raises(ArtifactError, match="pipe"):
        stage(paths, wanted(source))


def test_a_failed_staging_leaves_no_folder_behind(paths: Paths, source: Path) -> None:
    with pytest.raises(ArtifactError):
        stage(paths, wanted(source, Artifact("s3://b/app.txt", unarchive=Unarchive.ZIP)))
    assert list(paths.artifacts.iterdir()) == list(paths.unarchived.iterdir()) == []
