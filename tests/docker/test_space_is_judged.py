"""What images need on the disk follows from their layers and from what is there."""

from __future__ import annotations

import pytest

from greendock.docker.platform_match import Platform
from greendock.docker.pulling.space import (
    Room,
    download_bytes,
    fits_surely,
    in_words,
    lacks_surely,
    missing_layers,
)
from greendock.docker.registry.client import RemoteImage
from greendock.docker.registry.manifest import Blob


def image(*layers: tuple[str, int], diff_ids: tuple[str, ...] | None = None) -> RemoteImage:
    """Layers as (name, bytes); the diff id of a layer `a` is `A`."""
    ids = tuple(name.upper() for name, _ in layers) if diff_ids is None else diff_ids
    blobs = tuple(Blob(name, size, "layer") for name, size in layers)
    return RemoteImage(
        "index", "manifest", Platform("linux", "amd64"), Blob("config", 100, "config"), blobs, ids
    )


def missing(images, present=()):
    return [tuple(x.digest for x in each.layers) for each in missing_layers(images, present)]


ONE = image(("a", 10), ("b", 20), ("c", 30))


@pytest.mark.parametrize(
    ("present", "names"),
    [
        ([], ("a", "b", "c")),
        ([("A",)], ("b", "c")),
        ([("A", "B")], ("c",)),
        ([("A", "B", "C")], ()),
        ([("A", "B", "C", "D")], ()),
        # A layer on another base is another layer to an engine.
        ([("B", "C")], ("a", "b", "c")),
        ([("X", "B", "C")], ("a", "b", "c")),
        ([("A",), ("A", "B")], ("c",)),
    ],
)
def test_layers_are_present_by_their_chain(present, names):
    assert missing([ONE], present) == [names]


def test_a_layer_that_two_images_share_is_fetched_once():
    two = image(("a", 10), ("b", 20), ("d", 40))
    assert missing([ONE, two]) == [("a", "b", "c"), ("d",)]
    assert download_bytes(missing_layers([ONE, two], [])) == 100


def test_a_layer_twice_in_one_image_is_fetched_once():
    assert missing([image(("a", 10), ("a", 10), diff_ids=("A", "A"))]) == [("a",)]


def test_without_diff_ids_every_layer_counts():
    assert missing([image(("a", 10), ("b", 20), diff_ids=())], [("A", "B")]) == [("a", "b")]


@pytest.mark.parametrize(
    ("download", "free", "margin", "surely_fits", "surely_lacks"),
    [
        (100, 500, 0, True, False),
        (100, 499, 0, False, False),
        (100, 600, 100, True, False),
        (100, 200, 0, False, False),
        (100, 199, 0, False, True),
        (100, 299, 100, False, True),
        (0, 0, 100, True, False),
    ],
)
def test_bounds(download, free, margin, surely_fits, surely_lacks):
    room = Room("/data", free, margin)
    assert fits_surely(download, room) is surely_fits
    assert lacks_surely(download, room) is surely_lacks


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (9_999, "9999 B"), (10_000, "10.0 kB"), (268_435_456, "268.4 MB")],
)
def test_sizes_in_words(size, text):
    assert in_words(size) == text
