"""An object is read from any place on, its very end included, and never from another place."""

from __future__ import annotations

import pytest

from greendock.aws import errors as e
from greendock.aws.s3_range import first_of, size_of

CONTENT = bytes(range(256)) * 8


@pytest.mark.parametrize("offset", [0, 1, 1024, 2047, 2048])
def test_from_each_place_on(bucket, offset):
    bucket.put(data=CONTENT)
    etag = bucket.describe("data").etag
    assert bucket.read("data", offset, etag) == CONTENT[offset:]


def test_behind_its_end_there_is_another_object(bucket):
    bucket.put(data=CONTENT)
    with pytest.raises(e.ObjectChanged):
        bucket.read("data", len(CONTENT) + 1)


def test_an_empty_object(bucket):
    bucket.put(data=b"")
    found = bucket.describe("data")
    assert found.size_bytes == 0
    assert bucket.read("data", 0, found.etag) == b""


@pytest.mark.parametrize(
    ("status", "headers", "size", "first"),
    [
        (200, {"content-length": "7"}, 7, 0),
        (200, {"content-length": "+7"}, None, 0),
        (200, {"content-length": "\u0667"}, None, 0),
        (200, {}, None, 0),
        (206, {"content-length": "2", "content-range": "bytes 5-6/7"}, 7, 5),
        (206, {"content-range": "bytes 5-6/*"}, None, None),
        (206, {"content-range": "items 5-6/7"}, None, None),
        (206, {"content-length": "2"}, None, None),
    ],
)
def test_heads_of_answers(status, headers, size, first):
    assert size_of(status, headers) == size
    assert first_of(status, headers) == first
