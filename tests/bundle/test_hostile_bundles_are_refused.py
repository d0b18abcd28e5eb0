"""A bundle that was changed, cut or made up is refused as a whole."""

from __future__ import annotations

import os
import tarfile
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made import APP, RECIPE, draft, forge, write_bundle

from greendock.bundle.errors import BundleDamaged, BundleError, BundleTooNew
from greendock.bundle.index import INDEX, BundleIndex, decode_index
from greendock.bundle.reader import BundleFile

RECIPE_NAME = f"recipes/{APP}-1.0.0.yaml"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("bundle") / "x"
    write_bundle(path, {"data.txt": b"data" * 200}, b"image archive" * 100)
    return path.read_bytes()


def refuse(path, data: bytes, error: type[BundleError] = BundleError) -> BundleError:
    path.write_bytes(data)
    with pytest.raises(error) as refusal, BundleFile(path) as bundle:
        bundle.verify()
    assert refusal.value.message.startswith(f"cannot use {path}: ")
    return refusal.value


def plain() -> dict[str, Any]:
    """An index as it is in JSON."""
    index: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(draft({"data.txt": b"1"})))
    return index


@settings(max_examples=400)
@given(st.data())
def test_any_changed_byte_is_found(tmp_path_factory, whole, data):
    position = data.draw(st.integers(0, len(whole) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda x: x != whole[position]))
    changed = bytearray(whole)
    changed[position] = value
    refuse(tmp_path_factory.mktemp("b") / "x", bytes(changed))


@settings(max_examples=150)
@given(st.data())
def test_any_cut_is_found(tmp_path_factory, whole, data):
    size = data.draw(st.integers(0, len(whole) - 1))
    refuse(tmp_path_factory.mktemp("b") / "x", whole[:size])


@pytest.mark.parametrize("more", [b"\0", bytes(512), bytes(10240), b"more"])
def test_bytes_behind_the_end_are_found(tmp_path, whole, more):
    refuse(tmp_path / "x", whole + more, BundleDamaged)


def test_every_byte_of_the_headers_counts(tmp_path, whole):
    """Names, modes, owners, types: all blocks but the content of members."""
    path = tmp_path / "x"
    path.write_bytes(whole)
    with tarfile.open(path) as archive:
        starts = [member.offset for member in archive.getmembers()]
    for start in starts:
        for position in range(start, start + 512, 7):
            changed = bytearray(whole)
            changed[position] ^= 1
            refuse(path, bytes(changed))


@given(st.binary(max_size=3000))
@example(b"")
@example(bytes(5000))
def test_any_other_file_is_refused(tmp_path_factory, data):
    refuse(tmp_path_factory.mktemp("b") / "x", data)


def test_a_later_format_is_named(tmp_path):
    index = {**plain(), "formatVersion": 2, "components": "elsewhere"}
    forge(tmp_path / "x", index, {})
    with pytest.raises(BundleTooNew, match="version 2, this Greendock reads version 1") as refusal:
        BundleFile(tmp_path / "x")
    assert "newer Greendock" in str(refusal.value.hint)


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "/etc/passwd", "a//b", ".", "a/.", "", "a/", "x\0y", "n" * 256],
)
def test_names_that_leave_the_folder_are_refused(tmp_path, path):
    index = plain()
    index["components"][0]["artifacts"][0]["path"] = path
    index["members"][1]["name"] = f"artifacts/{APP}/1.0.0/{path}"
    with pytest.raises(BundleError):
        decode_index(msgspec.json.encode(index))


@pytest.mark.parametrize("name", ["..", "a/b", "", "a b", "x" * 129])
def test_names_of_components_are_single_folders(name):
    index = plain()
    index["components"][0]["name"] = name
    index["components"][0]["recipe"] = f"recipes/{name}-1.0.0.yaml"
    index["roots"] = {name: "1.0.0"}
    index["members"][0]["name"] = f"recipes/{name}-1.0.0.yaml"
    index["members"][1]["name"] = f"artifacts/{name}/1.0.0/data.txt"
    with pytest.raises(BundleError, match="names a component wrongly"):
        decode_index(msgspec.json.encode(index))


def twice(index: dict[str, Any]) -> None:
    index["components"][0]["artifacts"] *= 2
    index["members"].append(index["members"][1])


def two_versions(index: dict[str, Any]) -> None:
    other = {"name": APP, "version": "2.0.0", "recipe": f"recipes/{APP}-2.0.0.yaml"}
    index["components"].append(other)
    index["members"].insert(1, {**index["members"][0], "name": other["recipe"]})


def file_and_folder(index: dict[str, Any]) -> None:
    artifact = index["components"][0]["artifacts"][0]
    index["components"][0]["artifacts"].append({**artifact, "path": "data.txt/below"})
    name = f"artifacts/{APP}/1.0.0/data.txt/below"
    index["members"].append({**index["members"][1], "name": name})


@pytest.mark.parametrize(
    "change",
    [
        twice,
        two_versions,
        file_and_folder,
        lambda x: x["members"].append({**x["members"][0], "name": "other"}),
        lambda x: x["members"].pop(),
        lambda x: x["members"].reverse(),
        lambda x: x["members"][0].update(size=-1),
        lambda x: x["members"][0].update(size=1 << 60),
        lambda x: x["members"][0].update(size=1 << 40),
        lambda x: x["members"][0].update(sha256="A" * 64),
        lambda x: x["members"][0].update(sha256="a" * 64 + "\n"),
        lambda x: x["components"][0].update(recipe="recipes/../x.yaml"),
        lambda x: x["components"][0]["artifacts"][0].update(mode=0o4755),
        lambda x: x["components"][0]["artifacts"][0].update(modifiedNs=-1),
        lambda x: x["components"][0]["artifacts"][0].update(modifiedNs=1 << 63),
        lambda x: x.update(roots={}),
        lambda x: x.update(roots={APP: "9.9.9"}),
        lambda x: x.update(roots={"other": "1.0.0"}),
        lambda x: x.update(created="yesterday"),
        lambda x: x.update(created="2026-13-45T99:99:99Z"),
        lambda x: x.update(formatVersion=0),
        lambda x: x.update(formatVersion="1"),
        lambda x: x.update(images=[{"uri": "docker:a"}]),
        lambda x: x.pop("platform"),
        lambda x: x.update(components=None),
    ],
)
def test_an_index_that_makes_no_sense_is_refused(tmp_path, change):
    index = plain()
    change(index)
    forge(tmp_path / "x", index, {RECIPE_NAME: RECIPE})
    with pytest.raises(BundleError):
        BundleFile(tmp_path / "x")


def right_index() -> BundleIndex:
    import hashlib

    index = draft({})
    [member] = index.members
    right = msgspec.structs.replace(member, sha256=hashlib.sha256(RECIPE).hexdigest())
    return msgspec.structs.replace(index, members=(right,))


def test_a_forged_bundle_can_be_right(tmp_path):
    """So that the refusals below have the reason that they say."""
    forge(tmp_path / "x", right_index(), {RECIPE_NAME: RECIPE})
    with BundleFile(tmp_path / "x") as bundle:
        bundle.verify()


@pytest.mark.parametrize(
    "odd",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.LNKTYPE, "linkname": "greendock-bundle.json"},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
        {"type": tarfile.FIFOTYPE},
        {"type": tarfile.DIRTYPE},
        {"name": "../x"},
        {"name": "/etc/cron.d/x"},
        {"mode": 0o4755},
        {"uid": 1000},
    ],
)
def test_links_devices_and_other_names_are_refused(tmp_path, odd):
    forge(tmp_path / "x", right_index(), {RECIPE_NAME: RECIPE}, **odd)
    with pytest.raises(BundleDamaged), BundleFile(tmp_path / "x") as bundle:
        bundle.verify()


def test_a_member_that_the_index_lacks_is_refused(tmp_path):
    forge(tmp_path / "x", right_index(), {RECIPE_NAME: RECIPE, "more": b"1"})
    with pytest.raises(BundleDamaged, match="longer"), BundleFile(tmp_path / "x") as bundle:
        bundle.verify()


def test_a_member_that_is_there_twice_is_refused(tmp_path):
    forge(tmp_path / "x", right_index(), {RECIPE_NAME: RECIPE})
    with tarfile.open(tmp_path / "x", "a") as archive:
        archive.addfile(tarfile.TarInfo(RECIPE_NAME))
    with pytest.raises(BundleDamaged), BundleFile(tmp_path / "x") as bundle:
        bundle.verify()


def test_a_huge_index_is_not_read(tmp_path):
    with tarfile.open(tmp_path / "x", "w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo(INDEX)
        info.size = 1 << 40
        archive.addfile(info)
    with pytest.raises(BundleError, match="its index has"):
        BundleFile(tmp_path / "x")


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(BundleError, match="not a regular file"):
            BundleFile(path)
    with pytest.raises(BundleError, match="No such file"):
        BundleFile(tmp_path / "nothing")


def test_a_change_after_the_check_is_found(tmp_path, whole):
    path = tmp_path / "x"
    path.write_bytes(whole)
    with BundleFile(path) as bundle:
        bundle.verify()
        path.write_bytes(whole.replace(b"datadata", b"datAdata"))
        with pytest.raises(BundleDamaged, match=r"data\.txt was changed"):
            for _ in bundle.read(f"artifacts/{APP}/1.0.0/data.txt"):
                pass
