"""How large a layer becomes is told by its last bytes, or taken to be three times as much."""

from __future__ import annotations

import gzip
import os

import pytest

from greendock.docker.registry.unpacked_size import estimate, is_gzip

GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI = "application/vnd.oci.image.layer.v1.tar"


@pytest.mark.parametrize("content", [b"x" * 100_000, os.urandom(50_000), b"ab" * 7])
def test_gzip_tells_its_length(content):
    packed = gzip.compress(content)
    expected = max(len(content), len(packed))
    if len(content) < 0.9 * len(packed):
        expected = 3 * len(packed)
    for media_type in (GZIP, f"{OCI}+gzip"):
        assert estimate(len(packed), media_type, packed[-4:]) == expected


@pytest.mark.parametrize(
    ("packed_bytes", "media_type", "ending", "expected"),
    [
        (100, f"{OCI}+zstd", b"", 300),
        (100, f"{OCI}+zstd", b"\xff\xff\xff\xff", 300),
        (100, "", b"", 300),
        (100, OCI, b"", 100),
        (100, GZIP, b"", 300),
        (100, GZIP, b"\x01\x00", 300),
        (1000, GZIP, (5000).to_bytes(4, "little"), 5000),
        (1000, GZIP, (950).to_bytes(4, "little"), 1000),
        # The end of the last of several parts, or of more than 4 GiB.
        (1000, GZIP, (10).to_bytes(4, "little"), 3000),
        (6 * 1024**3, GZIP, (10).to_bytes(4, "little"), 18 * 1024**3),
    ],
)
def test_estimates(packed_bytes, media_type, ending, expected):
    assert estimate(packed_bytes, media_type, ending) == expected


def test_what_is_gzip():
    assert is_gzip(GZIP)
    assert is_gzip("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    assert not is_gzip(f"{OCI}+zstd")
