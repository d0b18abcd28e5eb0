"""Artifact files go in without what a component might slip in, and come out for the core only."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from made import APP, RECIPE, write_bundle

from greendock.base.errors import DeviceError
from greendock.bundle.errors import BundleDamaged
from greendock.bundle.reader import BundleFile
from greendock.cli.bundle_extract import extract, place_for, require_space
from greendock.cli.bundle_files import list_files, open_file

SOMEBODY = 12345


@contextmanager
def user(uid: int) -> Iterator[None]:
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


def open_way_to(folder: Path) -> None:
    """Let everybody get there."""
    top = Path(tempfile.gettempdir())
    for place in (folder, *folder.parents):
        if not place.is_relative_to(top) or place == top:
            break
        place.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    (folder / "sub").mkdir(parents=True)
    (folder / "b.txt").write_text("b")
    (folder / "a.sh").write_text("script")
    (folder / "a.sh").chmod(0o755)
    (folder / "sub" / "c").write_text("ccc")
    os.utime(folder / "b.txt", ns=(1, 1_500_000_000_000_000_001))
    return folder


def test_regular_files_are_listed_with_mode_and_time(folder):
    found = list_files(folder)
    assert [(x.artifact.path, x.size) for x in found] == [("a.sh", 6), ("b.txt", 1), ("sub/c", 3)]
    assert found[0].artifact.mode == 0o755
    assert found[1].artifact.modified_ns == 1_500_000_000_000_000_001
    for each in found:
        with open_file(folder, each.artifact.path) as file:
            assert file.read() == (folder / each.artifact.path).read_bytes()


def test_no_folder_has_no_files(tmp_path):
    assert list_files(tmp_path / "none") == []


def test_links_and_pipes_stay_out(folder, capsys):
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "folder").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    assert [x.artifact.path for x in list_files(folder)] == ["a.sh", "b.txt", "sub/c"]
    told = capsys.readouterr().err
    assert f"{folder / 'link'} is left out" in told
    assert f"{folder / 'pipe'} is left out" in told


@pytest.mark.parametrize("put", ["link", "folder link", "pipe"])
def test_what_takes_a_files_place_is_refused(folder, put):
    list_files(folder)
    path = folder / "sub" / "c"
    path.unlink()
    if put == "link":
        path.symlink_to("/etc/passwd")
    elif put == "pipe":
        os.mkfifo(path)
    else:
        (folder / "sub").rmdir()
        (folder / "sub").symlink_to("/etc")
    with pytest.raises(DeviceError, match="cannot pack"):
        open_file(folder, "sub/c")


@pytest.mark.root
def test_somebody_elses_file_under_a_second_name_stays_out(folder, tmp_path, capsys):
    os.chown(folder, SOMEBODY, SOMEBODY)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    os.link(secret, folder / "mine")
    assert "mine" not in [x.artifact.path for x in list_files(folder)]
    assert "mine is left out" in capsys.readouterr().err
    with pytest.raises(DeviceError, match="another file"):
        open_file(folder, "mine")


@pytest.mark.root
def test_what_may_not_be_read_is_an_error_and_not_missing(folder, tmp_path):
    open_way_to(tmp_path)
    (folder / "sub").chmod(0o700)
    with user(SOMEBODY), pytest.raises(DeviceError, match="Permission denied") as refusal:
        list_files(folder)
    assert "as root" in str(refusal.value.hint)


class Made(NamedTuple):
    file: Path
    root: Path


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A bundle and a core's root folder."""
    write_bundle(tmp_path / "x", {"run.sh": b"script", "sub/data": b"data"})
    (tmp_path / "root" / "deployments").mkdir(parents=True, mode=0o700)
    return Made(tmp_path / "x", tmp_path / "root")


def test_files_come_out_as_they_were(made):
    with BundleFile(made.file) as bundle:
        extracted = extract(bundle, str(made.root))
    assert extracted.folder.parent == made.root / "deployments"
    assert (extracted.recipes / f"{APP}-1.0.0.yaml").read_bytes() == RECIPE
    script = extracted.artifacts / APP / "1.0.0" / "run.sh"
    assert script.read_bytes() == b"script"
    assert (extracted.artifacts / APP / "1.0.0" / "sub" / "data").read_bytes() == b"data"
    assert script.stat().st_mtime_ns == 1_700_000_000_123_456_789
    assert stat.S_IMODE(extracted.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(script.stat().st_mode) == 0o640
    extracted.remove()
    assert list((made.root / "deployments").iterdir()) == []


@pytest.mark.root
def test_they_belong_to_the_cores_user(made):
    os.chown(made.root, SOMEBODY, SOMEBODY)
    with BundleFile(made.file) as bundle:
        extracted = extract(bundle, str(made.root))
    paths = [extracted.folder, *extracted.folder.rglob("*")]
    assert len(paths) == 9
    for path in paths:
        assert (path.lstat().st_uid, path.lstat().st_gid) == (SOMEBODY, SOMEBODY)
        assert path.is_dir() or path.lstat().st_mode & 0o007 == 0
    assert stat.S_IMODE(extracted.folder.stat().st_mode) == 0o700


@pytest.mark.root
def test_another_user_makes_them_readable_for_the_core(made, tmp_path, monkeypatch):
    open_way_to(tmp_path)
    made.file.chmod(0o644)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    monkeypatch.setattr("tempfile.tempdir", str(shared))
    with user(SOMEBODY), BundleFile(made.file) as bundle:
        extracted = extract(bundle, str(made.root))
    assert extracted.folder.parent == shared
    for path in (extracted.folder, *extracted.folder.rglob("*")):
        assert path.stat().st_mode & 0o004
    extracted.remove()


def test_a_change_after_the_check_leaves_no_folder(made):
    with BundleFile(made.file) as bundle:
        bundle.verify()
        made.file.write_bytes(made.file.read_bytes().replace(b"script", b"scripT"))
        with pytest.raises(BundleDamaged):
            extract(bundle, str(made.root))
    assert list((made.root / "deployments").iterdir()) == []


def test_a_full_disk_is_told_before_anything_is_written(made):
    needed = 1 << 60
    with pytest.raises(DeviceError, match=f"need {needed} bytes") as refusal:
        require_space(place_for(str(made.root)), needed, "the images")
    assert "DISK_SPACE_CRITICAL" in refusal.value.codes
    require_space(str(made.root / "elsewhere"), needed, "the images of another machine")


@pytest.mark.root
def test_a_disk_without_more_files_leaves_no_folder(made):
    """Its figures say that there is room for bytes; it takes no more files."""
    small = made.root / "deployments"
    options = "size=100m,nr_inodes=5"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", small], check=True)
    try:
        with BundleFile(made.file) as bundle, pytest.raises(DeviceError) as refusal:
            extract(bundle, str(made.root))
        assert "DISK_SPACE_CRITICAL" in refusal.value.codes
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)
