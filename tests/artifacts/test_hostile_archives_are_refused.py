"""ZIP artifacts made to harm: every one is refused by name, and nothing of it stays."""

from __future__ import annotations

import struct
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendock.artifacts.changes import Access
from greendock.artifacts.unpack import unpack_zip
from greendock.base.errors import ArtifactError

ACCESS = Access(0o440, None)


def unpack(archive: Path, target: Path) -> None:
    unpack_zip(archive, target, ACCESS, threading.Event())


def deflated(path: Path, content: bytes = b"x" * 10_000) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data", content)
    return path.read_bytes()


def damaged(path: Path) -> None:
    data = bytearray(deflated(path, bytes(range(256)) * 40))
    data[60:70] = b"\xff" * 10
    path.write_bytes(data)


def larger_than_stated(path: Path) -> None:
    data = deflated(path)
    path.write_bytes(data.replace(struct.pack("<L", 10_000), struct.pack("<L", 10)))


def same_name_twice(path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data", "1")
        archive.writestr("data", "2")


def file_and_folder(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("a/b", "2")


def other_compression(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", "1")


def name_that_is_no_text(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("caf\u00e9", "1")
    path.write_bytes(path.read_bytes().replace("caf\u00e9".encode(), b"caf\xff\xfe"))


def no_archive(path: Path) -> None:
    path.write_text("hello")


@pytest.mark.parametrize(
    "make",
    [
        damaged,
        larger_than_stated,
        same_name_twice,
        file_and_folder,
        other_compression,
        name_that_is_no_text,
        no_archive,
    ],
)
def test_a_faulty_archive_is_an_artifact_error(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    archive = tmp_path / "a.zip"
    make(archive)
    with pytest.raises(ArtifactError, match=r"cannot unpack a\.zip") as caught:
        unpack(archive, tmp_path / "out")
    assert "IO_UNZIP_ERROR" in caught.value.codes


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_raises_anything_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("zip")
    archive = folder / "a.zip"
    content = bytearray(deflated(archive, bytes(range(256))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(content)
    with suppress(ArtifactError):
        unpack(archive, folder / "out")
    assert {p.name for p in folder.iterdir()} <= {"a.zip", "out"}


def test_a_link_in_the_place_of_an_archive_is_not_followed(tmp_path: Path) -> None:
    deflated(tmp_path / "secret.zip")
    (tmp_path / "a.zip").symlink_to("secret.zip")
    with pytest.raises(OSError, match="symbolic links"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
