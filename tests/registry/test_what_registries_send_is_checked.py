"""What a registry sends is held against its digests and limits before anything relies on it."""

from __future__ import annotations

import hashlib
import json

import pytest
from aiohttp import web

from greendock.base.errors import Retry
from greendock.docker.errors import (
    ContentMismatch,
    PlatformMismatch,
    PullFailed,
    RegistryFailed,
)
from lab import images


@pytest.fixture
def image() -> images.Image:
    layers = [images.layer({"a": (b"1" * 100_000, 0o644)}), images.random_layer(5000)]
    return images.image(layers, ["/a"])


@pytest.fixture
def ask(asking, small):
    """Describe `name` of the small registry, then do `more` with the answer."""

    def ask(name: str = ":1.0", more=None):
        async def action(registry):
            async with small.open():
                text = f"{small.host}/team/app{name}"
                found = await asking.described(registry, text)
                return await more(registry, text, found) if more else found

        return asking.run(action)

    return ask


def test_an_image_as_it_is(ask, small, image):
    small.put("1.0", image)
    found = ask()
    assert (found.digest, found.manifest_digest) == (image.digest, image.digest)
    assert (found.config.digest, found.config.size_bytes) == (image.id, len(image.config))
    expected = [(images.digest_of(x.compressed), len(x.compressed)) for x in image.layers]
    assert [(x.digest, x.size_bytes) for x in found.layers] == expected
    assert found.diff_ids == tuple(images.digest_of(x.archive) for x in image.layers)
    assert str(found.platform) == f"linux/{images.own_architecture()}"
    assert found.is_told


def test_by_digest_the_bytes_have_to_match(ask, small, image):
    small.put("1.0", image)
    assert ask(f"@{image.digest}").digest == image.digest
    small.manifests[image.digest] = (image.manifest + b" ", images.MANIFEST_TYPE)
    with pytest.raises(ContentMismatch) as caught:
        ask(f":1.0@{image.digest}")
    assert (caught.value.step, caught.value.retry) == ("manifest", Retry.BACK_OFF)
    small.manifests[image.digest] = (b"<html>", "text/html")
    with pytest.raises(ContentMismatch):
        ask(f"@{image.digest}")


def test_a_digest_of_another_kind(ask, small, image):
    digest = f"sha512:{hashlib.sha512(image.manifest).hexdigest()}"
    small.put("1.0", image)
    small.manifests[digest] = small.manifests["1.0"]
    assert ask(f"@{digest}").digest == digest


def test_the_registrys_word_for_a_digest_is_not_enough(ask, small, image):
    small.put("1.0", image)
    for told in (f"sha256:{'0' * 64}", "nonsense", ""):
        headers = {"Docker-Content-Digest": told}
        small.answers["1.0"] = web.Response(body=image.manifest, headers=headers)
        assert ask().digest == image.digest
    told = f"sha512:{hashlib.sha512(image.manifest).hexdigest()}"
    headers = {"Docker-Content-Digest": told}
    small.answers["1.0"] = web.Response(body=image.manifest, headers=headers)
    assert ask().digest == told


def test_a_configuration_that_was_changed(ask, small, image):
    small.put("1.0", image)
    small.blobs[image.id] = image.config.replace(b"linux", b"linuy")
    with pytest.raises(ContentMismatch) as caught:
        ask()
    assert caught.value.step == "blob"


def test_a_manifest_of_an_index_that_was_changed(ask, small, image):
    index = images.index([image])
    small.put("1.0", index)
    small.manifests[image.digest] = (image.manifest + b"\n", images.MANIFEST_TYPE)
    with pytest.raises(ContentMismatch, match=image.digest):
        ask()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html>log in</html>", "can't be read"),
        (b"{}", "neither"),
        (b"[" * 200_000, "nested too deeply|can't be read"),
        (b" " * (4 * 1024 * 1024 + 1), "larger than 4194304 bytes"),
    ],
)
def test_a_manifest_that_makes_no_sense(ask, small, body, text):
    small.answers["1.0"] = web.Response(body=body)
    with pytest.raises(RegistryFailed, match=text) as caught:
        ask()
    assert caught.value.step == "manifest"
    assert caught.value.codes[-1] == "DOCKER_SERVICE_UNAVAILABLE"


def test_a_configuration_that_is_too_large(ask, small, image):
    small.put("1.0", image)
    small.blobs[image.id] = b" " * (8 * 1024 * 1024 + 1)
    with pytest.raises(RegistryFailed, match="larger than") as caught:
        ask()
    assert (caught.value.step, caught.value.retry) == ("blob", Retry.NEVER)


def test_something_else_than_an_image(ask, small):
    chart = images.Image((), b"apiVersion: v2", b"")
    config = {"digest": chart.id, "size": 14, "mediaType": "application/vnd.cncf.helm.config.v1"}
    manifest = json.dumps({"schemaVersion": 2, "config": config, "layers": []}).encode()
    small.put("1.0", images.Image((), chart.config, manifest))
    with pytest.raises(PullFailed, match="configuration is none of an image") as caught:
        ask()
    assert caught.value.retry is Retry.NEVER


def test_layers_and_their_unpacked_digests_have_to_be_as_many(ask, small, image):
    config = image.config.replace(images.digest_of(image.layers[0].archive).encode(), b"x")
    manifest = image.manifest.replace(image.id.encode(), images.digest_of(config).encode())
    small.put("1.0", images.Image(image.layers, config, manifest))
    assert ask().diff_ids == ()


def test_a_schema_1_manifest_tells_nothing(ask, small):
    old = {"schemaVersion": 1, "architecture": images.own_architecture(), "fsLayers": []}
    small.answers["1.0"] = web.Response(body=json.dumps(old).encode())
    found = ask()
    assert not found.is_told
    assert (found.layers, found.diff_ids, found.digest) == ((), (), "")


def test_an_index_in_an_index(ask, small, image):
    inner = images.index([image])
    entry = {"digest": inner.digest, "size": 1}
    outer = images.Index((), json.dumps({"manifests": [entry]}).encode(), images.LIST_TYPE)
    small.put("0.9", inner)
    small.put("1.0", outer)
    with pytest.raises(RegistryFailed, match="an index in an index"):
        ask()


def test_no_platform_in_the_index_but_in_the_configuration(ask, small):
    other = images.image([], ["/a"], architecture="s390x")
    entry = {"digest": other.digest, "size": 1}
    index = images.Index((other,), json.dumps({"manifests": [entry]}).encode(), images.LIST_TYPE)
    small.put("1.0", index)
    with pytest.raises(PlatformMismatch, match="has it for linux/s390x, the engine runs linux/"):
        ask()


def test_emulated_platforms_are_no_mismatch_for_a_single_manifest(ask, asking, small):
    small.put("1.0", images.image([], ["/a"], architecture="s390x"))
    with pytest.raises(PlatformMismatch):
        ask()
    for emulated in (frozenset({"s390x"}), None):
        asking.place = type(asking.place)(asking.place.engine, True, emulated=emulated)
        assert ask().platform.architecture == "s390x"


def test_the_engine_elsewhere_has_a_localhost_of_its_own(asking):
    asking.place = type(asking.place)(asking.place.engine, is_local=False)
    assert not asking.describe("localhost:5000/team/app:1.0").is_told


@pytest.fixture
def sizes(ask, asking):
    """Unpacked sizes of all layers, of the first, and of none."""

    async def more(registry, text, found):
        wanted = (found.layers, found.layers[:1], ())
        return [await asking.unpacked(registry, text, found, x) for x in wanted]

    return lambda: ask(more=more)


def test_what_layers_become_when_they_are_unpacked(sizes, small, image):
    small.put("1.0", image)
    large, random = image.layers
    assert sizes() == [
        len(large.archive) + max(len(random.archive), len(random.compressed)),
        len(large.archive),
        0,
    ]
    assert len(small.authorizations("/blobs/")) == 1 + 3


@pytest.mark.parametrize("status", [200, 403, 404, 416])
def test_a_registry_that_gives_no_part_of_a_layer(sizes, small, image, status):
    small.put("1.0", image)
    for layer in image.layers:
        small.answers[images.digest_of(layer.compressed)] = status
    packed = [len(x.compressed) for x in image.layers]
    assert sizes() == [3 * sum(packed), 3 * packed[0], 0]


def test_a_registry_that_fails_meanwhile(sizes, small, image):
    small.put("1.0", image)
    small.answers[images.digest_of(image.layers[0].compressed)] = 503
    with pytest.raises(RegistryFailed) as caught:
        sizes()
    assert caught.value.step == "blob"
