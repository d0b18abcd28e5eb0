"""Which image a recipe means, and under which name it goes into the bundle."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from made import IMAGE as BUNDLED
from made import write_bundle
from msgspec.structs import replace

from greendock.bundle.index import Image
from greendock.bundle.reader import BundleFile
from greendock.cli.bundle_images import find_images, load_images, name_images
from greendock.cli.errors import CliError
from greendock.deployment.bundle_source import BundledComponent, BundledImage
from greendock.docker.engine.model import ImageInfo
from greendock.docker.reference import ImageReference

OLD, NEW = "sha256:" + "01" * 32, "sha256:" + "02" * 32
DIGEST = "sha256:" + "d1" * 32


class Store:
    """An image store that knows these names; ids are names too."""

    def __init__(self, names: dict[str, str], tags: tuple[str, ...] = ()) -> None:
        self.names = {**names, **{value: value for value in names.values()}}
        self.tags = tags

    async def find(self, name: ImageReference | str) -> ImageInfo | None:
        found = self.names.get(name if isinstance(name, str) else name.pull_reference)
        if found is None:
            return None
        return ImageInfo(found, self.tags, (f"team/app@{DIGEST}",), 5, "linux", "amd64")

    async def tag(self, image_id: str, name: str, tag: str) -> None:
        self.names[f"{name}:{tag}"] = image_id


def find(store: Store, uri: str, image_id: str | None = None) -> Image:
    image = BundledImage(uri, image_id)
    component = BundledComponent("a", "1.0.0", "", False, Path("/none"), (image, image))
    [found] = asyncio.run(find_images(store, [component, component]))
    return found


def test_a_tag_is_kept(capsys):
    found = find(Store({"team/app:1": NEW}), "docker:team/app:1")
    assert (found.image_id, found.name_and_tag, found.digest) == (NEW, "team/app:1", DIGEST)
    assert (found.reference, found.by_digest) == ("team/app:1", False)
    assert capsys.readouterr().err == ""


def test_a_tag_that_has_moved_is_not_taken_for_the_image():
    found = find(Store({"team/app:1": NEW, "other:1": OLD}), "docker:team/app:1", OLD)
    assert (found.image_id, found.name_and_tag) == (OLD, None)


def test_another_image_in_its_place_is_told(capsys):
    found = find(Store({"team/app:1": NEW}), "docker:team/app:1", OLD)
    assert found.image_id == NEW
    assert "team/app:1 is another image now" in capsys.readouterr().err


@pytest.mark.parametrize("tag", ["", ":1"])
def test_a_digest_is_recorded(tag):
    store = Store({f"team/app@{DIGEST}": NEW})
    found = find(store, f"docker:team/app{tag}@{DIGEST}")
    assert (found.image_id, found.name_and_tag) == (NEW, None)
    assert (found.digest, found.by_digest) == (DIGEST, True)
    asyncio.run(name_images(store, [found]))
    assert store.names.get("team/app:1") == (NEW if tag else None)


def test_the_tag_of_the_recipe_is_given_on_import():
    store = Store({"other:1": OLD, "team/app:1": NEW})
    asyncio.run(name_images(store, [find(store, "docker:team/app:1", OLD)]))
    assert store.names["team/app:1"] == OLD


@pytest.mark.parametrize("tags", [(), ("team/loaded:1",)])
def test_a_loaded_archive_is_known_by_its_id(tags):
    store = Store({"x": NEW}, tags)
    found = find(store, "s3://bucket/app.tar", NEW)
    name = tags[0] if tags else None
    assert (found.image_id, found.name_and_tag, found.reference) == (NEW, name, name or NEW)
    asyncio.run(name_images(store, [found]))
    assert store.names == {"x": NEW, NEW: NEW}


@pytest.mark.parametrize("uri", ["docker:team/app:1", "s3://bucket/app.tar"])
def test_what_the_engine_lacks_is_an_error(uri):
    with pytest.raises(CliError, match=r"cannot pack image .* of a 1\.0\.0"):
        find(Store({}), uri, OLD)


class Loading:
    """An engine whose ids are others than those in the bundle; `loaded` is what it says."""

    def __init__(self, infos: dict[str, ImageInfo], loaded: tuple[str, ...] = ()) -> None:
        self.infos = infos
        self.loaded = loaded

    async def find(self, name: str) -> ImageInfo | None:
        return self.infos.get(name)

    async def load(self, archive, what: str, deadline_s: float) -> tuple[str, ...]:
        assert b"".join([piece async for piece in archive]) == b"archive"
        return self.loaded


def stored(image_id: str, *layers: str) -> ImageInfo:
    return ImageInfo(image_id, (), (), 5, "linux", "amd64", layers)


def load(folder: Path, engine: Loading, image: Image) -> str:
    write_bundle(folder / "x", archive=b"archive", image=image)
    with BundleFile(folder / "x") as bundle:
        [found] = asyncio.run(load_images(engine, bundle))
    assert replace(found, image_id=image.image_id) == image
    return found.image_id


NAMED = replace(BUNDLED, layers=("one", "two"))
BARE = replace(NAMED, name_and_tag=None)


def test_the_same_id_is_the_image(tmp_path):
    engine = Loading({NAMED.image_id: stored(NAMED.image_id)})
    assert load(tmp_path, engine, NAMED) == NAMED.image_id


def test_another_kind_of_store_has_it_under_another_id(tmp_path):
    named = Loading({str(NAMED.name_and_tag): stored(NEW, "one", "two")})
    assert load(tmp_path, named, NAMED) == NEW
    infos = {NEW: stored(NEW, "one", "two"), OLD: stored(OLD, "one")}
    assert load(tmp_path, Loading(infos, (OLD, NEW)), BARE) == NEW


@pytest.mark.parametrize(
    ("image", "infos"),
    [
        (NAMED, {}),
        (NAMED, {str(NAMED.name_and_tag): stored(NEW, "one", "three")}),
        (replace(NAMED, layers=()), {str(NAMED.name_and_tag): stored(NEW)}),
        (BARE, {NEW: stored(NEW, "one")}),
        (BARE, {NEW: stored(NEW, "one", "two"), OLD: stored(OLD, "one", "two")}),
    ],
)
def test_an_image_that_is_not_there_after_loading_is_named(tmp_path, image, infos):
    with pytest.raises(CliError, match=f"does not have {image.reference} .{image.image_id}"):
        load(tmp_path, Loading(infos, tuple(infos)), image)
