"""What is written into a bundle comes out of it; the file is a plain tar archive."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import APP, IMAGE, RECIPE, draft, write_bundle

from greendock.base.errors import DeviceError, UsageError
from greendock.bundle.errors import BundleError
from greendock.bundle.index import IMAGES, decode_index
from greendock.bundle.reader import BundleFile
from greendock.bundle.writer import BundleWriter

NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=40
).filter(lambda x: x not in (".", "..") and len(x.encode()) <= 255)
FILES = st.dictionaries(NAMES, st.binary(max_size=1500), max_size=4)


def content(bundle: BundleFile, name: str) -> bytes:
    return b"".join(bundle.read(name))


@given(FILES, st.none() | st.binary(max_size=4000))
def test_members_come_back(tmp_path_factory, files, archive):
    path = tmp_path_factory.mktemp("bundle") / "x"
    written = write_bundle(path, files, archive)
    with BundleFile(path) as bundle:
        bundle.verify()
        assert bundle.index == written
        assert content(bundle, f"recipes/{APP}-1.0.0.yaml") == RECIPE
        for name, data in files.items():
            assert content(bundle, f"artifacts/{APP}/1.0.0/{name}") == data
        if archive is not None:
            assert content(bundle, IMAGES) == archive
            assert bundle.index.images == (IMAGE,)


def test_tar_lists_and_unpacks_it(tmp_path):
    path = tmp_path / "x.bundle"
    long = "folder/" * 30 + "file"
    write_bundle(path, {"a file": b"1", long: b"2" * 600}, b"images")
    listed = subprocess.run(["tar", "tf", path], capture_output=True, text=True, check=True)
    assert listed.stderr == ""
    assert listed.stdout.splitlines() == [
        "greendock-bundle.json",
        "greendock-bundle.sha256",
        f"recipes/{APP}-1.0.0.yaml",
        f"artifacts/{APP}/1.0.0/a file",
        f"artifacts/{APP}/1.0.0/{long}",
        "images/images.tar",
    ]
    subprocess.run(["tar", "xf", path, "-C", tmp_path], check=True)
    assert (tmp_path / "artifacts" / APP / "1.0.0" / long).read_bytes() == b"2" * 600
    check = ["sha256sum", "--check", "greendock-bundle.sha256"]
    subprocess.run(check, cwd=tmp_path, check=True, capture_output=True)
    index = json.loads((tmp_path / "greendock-bundle.json").read_bytes())
    assert index["formatVersion"] == 1
    for member in index["members"]:
        data = (tmp_path / member["name"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (member["size"], member["sha256"])


def test_an_archive_of_more_than_eight_gigabytes_has_its_size(tmp_path):
    """Its header is written with an unknown size and replaced; the file has holes."""
    path = tmp_path / "x"
    index = draft({}, (IMAGE,))
    size = 9 << 30
    with BundleWriter(path, index, overwrite=False) as writer:
        with writer.member(index.members[0].name) as sink:
            sink.write(RECIPE)
        with writer.member(IMAGES) as sink:
            sink.write(b"x")
            writer._file.seek(size - 1, os.SEEK_CUR)
            sink.size = size
        writer.finish()
    with tarfile.open(path) as archive:
        assert archive.getmember(IMAGES).size == size
    with BundleFile(path) as bundle:
        assert bundle.index.sizes()[IMAGES] == size


def test_it_is_readable_for_its_owner_only(tmp_path):
    write_bundle(tmp_path / "x")
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


def test_an_existing_file_stays(tmp_path):
    path = tmp_path / "x"
    path.write_text("mine")
    with pytest.raises(UsageError, match="it exists"):
        BundleWriter(path, draft({}), overwrite=False)
    assert path.read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


def test_a_file_that_appears_meanwhile_stays(tmp_path):
    path = tmp_path / "x"
    index = draft({})
    with pytest.raises(UsageError), BundleWriter(path, index, overwrite=False) as writer:
        with writer.member(index.members[0].name) as sink:
            sink.write(RECIPE)
        path.write_text("mine")
        writer.finish()
    assert path.read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError, OSError(28, "full")])
def test_nothing_stays_of_one_that_was_not_finished(tmp_path, failure):
    expected = DeviceError if isinstance(failure, OSError) else failure
    index = draft({})
    with (
        pytest.raises(expected),
        BundleWriter(tmp_path / "x", index, overwrite=False) as writer,
        writer.member(index.members[0].name) as sink,
    ):
        sink.write(RECIPE)
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(tmp_path):
    """/dev/full refuses every write, as a full disk does."""
    index = draft({})
    with (
        pytest.raises(DeviceError) as refusal,
        BundleWriter(tmp_path / "x", index, overwrite=False) as writer,
    ):
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, writer._file.fileno())
        os.close(full)
        with writer.member(index.members[0].name) as sink:
            sink.write(RECIPE + bytes(1 << 20))
    assert "DISK_SPACE_CRITICAL" in refusal.value.codes
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_changes_while_it_is_packed_is_refused(tmp_path):
    index = draft({})
    with (
        pytest.raises(BundleError, match=r"has .* now"),
        BundleWriter(tmp_path / "x", index, overwrite=False) as writer,
        writer.member(index.members[0].name) as sink,
    ):
        sink.write(RECIPE[:-1])
    assert list(tmp_path.iterdir()) == []


def test_modes_and_times_are_kept(tmp_path):
    write_bundle(tmp_path / "x", {"run.sh": b"1"})
    with BundleFile(tmp_path / "x") as bundle:
        [artifact] = bundle.index.components[0].artifacts
    assert (artifact.mode, artifact.modified_ns) == (0o640, 1_700_000_000_123_456_789)


def test_unknown_members_of_the_index_are_passed_over():
    index = draft({})
    import msgspec

    plain = msgspec.to_builtins(index)
    data = msgspec.json.encode({**plain, "later": {"a": 1}})
    assert decode_index(data) == index
