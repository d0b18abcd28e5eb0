"""An image archive is loaded once for each content, recorded, and a tag in use is left alone."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from greendock.docker import errors as e
from greendock.docker.keeping.image_change import uses_of
from greendock.docker.model import LoadableArchive
from lab.images import busybox, image, save

NAME = "archived:1"


@pytest.fixture
def archive_of(tmp_path):
    """Makes an archive whose image prints `text`; what was obtained is counted."""

    def make(text="one", *, content=None, suffix=".tar", identity=None):
        path = tmp_path / f"{text}{suffix}"
        made = image([busybox()], ["/bin/echo", text])
        save(made, [NAME], path)
        if suffix.endswith(".gz"):
            path.write_bytes(gzip.compress(path.read_bytes(), 1))
        if content is not None:
            path.write_bytes(content)
        obtained = []

        async def obtain():
            obtained.append(path)
            return path

        archive = LoadableArchive(
            "com.example.A", "1.0.0", "s3://bucket/a.tar", identity or text, obtain
        )
        return archive, made.id, obtained

    return make


def load(household, archive):
    return household.run(lambda tools: tools.archives.load([archive], lambda _: None))


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_its_image_is_there_and_ours(household, archive_of, suffix):
    archive, image_id, _ = archive_of(suffix=suffix)
    found = load(household, archive)
    assert [(x.image_id, x.needed_by) for x in found] == [(image_id, ("com.example.A 1.0.0",))]
    assert household.id_of(NAME) == image_id
    assert [(x.image_id, x.how) for x in household.ledger.view().brought] == [(image_id, "loaded")]


def test_the_same_content_is_not_read_again(household, archive_of):
    archive, image_id, obtained = archive_of()
    load(household, archive)
    found = load(household, archive)
    assert (found[0].image_id, found[0].pulled) == (image_id, False)
    assert len(obtained) == 1


def test_it_is_loaded_again_when_its_image_is_gone_or_renamed(household, lab, archive_of):
    archive, image_id, obtained = archive_of()
    load(household, archive)
    lab.remove_image(image_id)
    load(household, archive)
    assert household.id_of(NAME) == image_id
    assert lab.docker("pull", "-q", "mysql:8.0").returncode == 0
    assert lab.docker("tag", "mysql:8.0", NAME).returncode == 0
    load(household, archive)
    assert len(obtained) == 3


def test_a_name_in_use_keeps_its_meaning_until_the_deployment_is_applied(household, archive_of):
    first, old, _ = archive_of("one")
    load(household, first)
    second, new, _ = archive_of("two")
    found = load(household, second)
    assert found[0].is_unnamed
    assert household.id_of(NAME) == old
    household.run(lambda tools: tools.change.put_in_place(found))
    assert household.id_of(NAME) == new
    household.run(lambda tools: tools.change.put_back())
    assert household.id_of(NAME) == old


def test_a_load_that_is_cut_off_is_undone_and_what_it_brought_is_ours(household, archive_of):
    first, old, _ = archive_of("one")
    found = load(household, first)
    household.ledger.replace_uses(uses_of(found))
    second, new, _ = archive_of("two")

    async def cut_off(tools):
        tools.archives._store = CutOffStore(tools.store)
        with pytest.raises(asyncio.CancelledError):
            await tools.archives.load([second], lambda _: None)

    household.run(cut_off)
    assert household.id_of(NAME) == new
    household.run(lambda tools: tools.change.recover())  # the next life of the core
    assert household.id_of(NAME) == old
    load(household, second)
    assert {x.image_id for x in household.ledger.view().brought} == {old, new}


class CutOffStore:
    """A store whose load is cancelled when the engine has just done it."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def load(self, *arguments):
        await self._store.load(*arguments)
        raise asyncio.CancelledError


@pytest.mark.parametrize("content", [b"", b"no archive", b"\0" * 10240])
def test_what_is_no_archive_is_refused(household, archive_of, content):
    archive, _, _ = archive_of(content=content)
    with pytest.raises(e.ArchiveNotLoaded, match=r"s3://bucket/a\.tar"):
        load(household, archive)
    assert household.ledger.view().brought == ()


def test_an_archive_that_ends_early_is_refused(household, archive_of, tmp_path):
    archive, _, _ = archive_of()
    path = tmp_path / "one.tar"
    path.write_bytes(path.read_bytes()[:200_000])
    with pytest.raises(e.ArchiveNotLoaded):
        load(household, archive)
