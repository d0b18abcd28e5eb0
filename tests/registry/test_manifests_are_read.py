"""Manifests of every kind become data, and the one for the engine's platform is chosen."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.platform_match import Platform
from greendock.docker.registry.manifest import (
    Blob,
    Index,
    Manifest,
    Offer,
    OldManifest,
    choose,
    digest_of,
    has_digest,
    offered,
    read_config,
    read_manifest,
)

A, B, C = (f"sha256:{x * 64}" for x in "abc")
GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 10, "digest": A}


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def an_index(*platforms: str, **members: object) -> Index:
    """`os/architecture[/variant]` each; `-` for an entry without a platform."""
    entries = []
    for number, text in enumerate(platforms):
        entry: dict[str, object] = {"digest": f"sha256:{number:064x}", "size": 1}
        if text != "-":
            keys = ("os", "architecture", "variant")
            entry["platform"] = dict(zip(keys, text.split("/"), strict=False))
        entries.append(entry)
    found = read_manifest(encoded({"schemaVersion": 2, "manifests": entries, **members}))
    assert isinstance(found, Index)
    return found


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        None,
    ],
)
def test_a_manifest(media_type):
    layers = [
        {"mediaType": GZIP, "size": 20, "digest": B},
        {"mediaType": "application/vnd.oci.image.layer.v1.tar+zstd", "size": 0, "digest": C},
    ]
    document = {"schemaVersion": 2, "mediaType": media_type, "config": CONFIG, "layers": layers}
    assert read_manifest(encoded(document)) == Manifest(
        Blob(A, 10, CONFIG["mediaType"]),
        (Blob(B, 20, GZIP), Blob(C, 0, "application/vnd.oci.image.layer.v1.tar+zstd")),
    )


def test_a_schema_1_manifest_is_known_as_such():
    document = {"schemaVersion": 1, "architecture": "amd64", "fsLayers": [{"blobSum": A}]}
    assert read_manifest(encoded(document)) == OldManifest("amd64")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"config": CONFIG, "layers": [], "manifests": []}, "at once"),
        ({"schemaVersion": 2}, "neither"),
        ({"config": CONFIG}, "neither"),
        ([], "can't be read"),
        ({"config": {**CONFIG, "digest": "sha256:abc"}, "layers": []}, "no digest"),
        ({"config": {**CONFIG, "digest": "md5:" + "a" * 32}, "layers": []}, "no digest"),
        ({"config": {**CONFIG, "digest": A + "\n"}, "layers": []}, "no digest"),
        ({"config": {**CONFIG, "size": -1}, "layers": []}, "a size"),
        ({"config": {**CONFIG, "size": 10**30}, "layers": []}, "a size"),
        ({"config": {**CONFIG, "size": "big"}, "layers": []}, "can't be read"),
        ({"config": CONFIG, "layers": [{}]}, "can't be read"),
    ],
)
def test_what_is_no_manifest(document, reason):
    with pytest.raises(ValueError, match=reason):
        read_manifest(encoded(document))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff\xfe", b"[" * 1_000_000, b'{"a":' * 90_000]
)
def test_what_is_no_json(body):
    with pytest.raises(ValueError, match=r"can't be read|too deeply"):
        read_manifest(body)
    with pytest.raises(ValueError, match=r"can't be read|too deeply"):
        read_config(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
MEMBERS = """
    schemaVersion config layers manifests digest size platform os fsLayers mediaType architecture
    variant rootfs diff_ids
"""
names = st.sampled_from(MEMBERS.split())
sensible = st.sampled_from([None, 2, 1, A, "linux", {"digest": A, "size": 1}, [], [A]])
documents = st.recursive(
    json_values | sensible,
    lambda inner: st.dictionaries(names, inner, max_size=6) | st.lists(inner, max_size=3),
    max_leaves=20,
)


@given(st.dictionaries(names, documents, max_size=6) | documents)
def test_no_json_breaks_the_reader(document):
    body = encoded(document)
    for read in (read_manifest, read_config):
        try:
            read(body)
        except ValueError as error:
            assert str(error).startswith("it ")


@given(st.binary(), st.sampled_from([read_manifest, read_config]))
def test_no_bytes_break_the_reader(body, read):
    try:
        read(body)
    except ValueError as error:
        assert str(error).startswith("it ")


def test_a_configuration():
    body = encoded(
        {
            "os": "linux",
            "architecture": "arm",
            "variant": "v7",
            "rootfs": {"type": "layers", "diff_ids": [A, B]},
        }
    )
    found = read_config(body)
    assert found.platform == Platform("linux", "arm")
    assert (found.variant, found.diff_ids) == ("v7", (A, B))


@pytest.mark.parametrize("rootfs", [None, {}, {"diff_ids": None}, {"diff_ids": ["x"]}])
def test_a_configuration_that_tells_little(rootfs):
    found = read_config(encoded({"rootfs": rootfs}))
    assert (found.platform, found.diff_ids) == (Platform("", ""), ())


CHOICES = [
    # engine, variant, what is offered, which one it takes
    ("amd64", "", ["linux/arm64/v8", "linux/amd64"], 1),
    ("amd64", "", ["linux/386", "linux/amd64"], 1),
    ("amd64", "", ["linux/386", "linux/arm64"], 0),
    ("amd64", "", ["linux/amd64/v3", "linux/386"], 1),
    ("amd64", "", ["linux/amd64/v3"], None),
    ("amd64", "v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], 1),
    ("amd64", "", ["linux/amd64/v1"], 0),
    ("386", "", ["linux/amd64", "linux/386"], 1),
    ("386", "", ["linux/amd64"], None),
    ("arm64", "v8", ["linux/amd64", "linux/arm64/v8"], 1),
    ("arm64", "v8", ["linux/arm64"], 0),
    ("arm64", "", ["linux/arm64/v8"], 0),
    ("arm64", "", ["linux/arm64/v9", "linux/arm64/v8"], 1),
    ("arm64", "", ["linux/arm/v6", "linux/arm/v7"], 1),
    ("arm64", "", ["linux/arm/v7", "linux/arm64"], 1),
    ("arm", "v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm/v7", "linux/arm/v8"], 2),
    ("arm", "v6", ["linux/arm/v7", "linux/arm/v6"], 1),
    ("arm", "v6", ["linux/arm/v7", "linux/arm/v5"], 1),
    ("arm", "v6", ["linux/arm"], None),
    ("arm", "v6", ["linux/arm/v7"], None),
    ("arm", "v8", ["linux/arm/v6", "linux/arm/v7"], 1),
    ("arm", "", ["linux/arm/v6", "linux/arm/v7"], 1),
    ("arm", "v7", ["linux/arm64/v8"], None),
    ("amd64", "", ["windows/amd64", "linux/amd64"], 1),
    ("amd64", "", ["windows/amd64"], None),
    ("amd64", "", ["unknown/unknown", "linux/amd64", "unknown/unknown"], 1),
    ("amd64", "", ["-", "linux/amd64"], 1),
    ("amd64", "", ["linux/s390x", "-"], 1),
    ("amd64", "", ["linux/amd64", "linux/amd64"], 0),
    ("riscv64", "", ["linux/amd64", "linux/riscv64"], 1),
    ("amd64", "", ["linux/arm/strange", "linux/amd64"], 1),
    ("", "", ["linux/s390x"], 0),
    ("amd64", "", [], None),
]


@pytest.mark.parametrize(("architecture", "variant", "platforms", "expected"), CHOICES)
def test_the_manifest_for_a_platform(architecture, variant, platforms, expected):
    found = choose(an_index(*platforms), Platform("linux", architecture), variant)
    wanted = None if expected is None else f"sha256:{expected:064x}"
    assert (found.manifest.digest if found else None) == wanted


@given(
    st.lists(
        st.sampled_from(["linux", "windows", ""]).flatmap(
            lambda os: st.tuples(
                st.sampled_from(["amd64", "386", "arm", "arm64", "x"]),
                st.sampled_from(["", "v6", "v7", "v8", "v99", "odd"]),
            ).map(lambda rest: Offer(Blob(A, 1, ""), Platform(os, rest[0]), rest[1]))
        )
    ),
    st.sampled_from(["amd64", "386", "arm", "arm64"]),
)
def test_whatever_is_offered_the_choice_runs_and_the_exact_one_wins(offers, architecture):
    found = choose(Index(tuple(offers)), Platform("linux", architecture), "")
    exact = [x for x in offers if x.platform == Platform("linux", architecture) and not x.variant]
    if found is not None:
        assert found.platform is not None
        assert found.platform.os == "linux"
    if exact:
        assert found is not None
        assert found.platform == Platform("linux", architecture)


def test_attestations_are_no_platforms():
    index = an_index("linux/amd64", "unknown/unknown", "linux/arm/v7", "linux/amd64")
    assert offered(index.offers) == "linux/amd64, linux/arm/v7"
    assert offered(()) == "no platform at all"


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_digests_are_those_of_the_bytes(algorithm):
    digest = f"{algorithm}:{hashlib.new(algorithm, b'x').hexdigest()}"
    assert has_digest(b"x", digest)
    assert not has_digest(b"y", digest)
    assert not has_digest(b"x", digest.upper())
    assert digest_of(b"x") == f"sha256:{hashlib.sha256(b'x').hexdigest()}"


@pytest.mark.parametrize("text", ["", "sha256:", "md5:" + "0" * 32, "sha256:" + "g" * 64, "x"])
def test_what_is_no_digest_fits_nothing(text):
    assert not has_digest(b"", text)
