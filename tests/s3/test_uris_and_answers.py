"""S3 URIs are read as the Greengrass nucleus reads them, and any answer becomes a typed error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.aws import errors as e
from greendock.aws.s3_answers import S3Refusal, refused, region_of
from greendock.aws.s3_uri import read_s3_uri


@pytest.mark.parametrize(
    ("uri", "bucket", "key", "path"),
    [
        ("s3://b-1/a.zip", "b-1", "a.zip", "a.zip"),
        ("S3://bucket/a/b.zip", "bucket", "a/b.zip", "a/b.zip"),
        ("s3://bucket/a%20b+c.zip", "bucket", "a b+c.zip", "a%20b%2Bc.zip"),
        ("s3://bucket/a?versionId=1", "bucket", "a", "a"),
        ("s3://bucket//a/../b", "bucket", "/a/../b", "/a/../b"),
        ("s3://DOC-EXAMPLE-BUCKET/x", "DOC-EXAMPLE-BUCKET", "x", "x"),
    ],
)
def test_uris(uri, bucket, key, path):
    found = read_s3_uri(uri)
    assert (found.bucket, found.key, found.path) == (bucket, key, path)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "s3:",
        "s3://",
        "s3://b",
        "s3://bucket/",
        "s3:///key",
        "http://bucket/key",
        "s3://a..b/key",
        "s3://evil.tld@bucket/k",
        "s3://bucket:80/k",
        "s3://bucket/a%00b",
    ],
)
def test_what_names_no_object(uri):
    with pytest.raises(e.BadRequest) as wrong:
        read_s3_uri(uri)
    assert wrong.value.codes[-1] == "S3_ARTIFACT_URI_NOT_VALID"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100))
def test_every_key_comes_through(key):
    from urllib.parse import quote, unquote

    if "\0" in key:
        return
    found = read_s3_uri(f"s3://bucket/{quote(key, safe='/')}")
    assert found.key == key
    assert unquote(found.path) == key
    assert found.path.isascii()


def answer(status, body=b"", *, signed=True, **headers):
    return S3Refusal(status, headers, body, signed)


def xml(code, message="words"):
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "code", "error", "last"),
    [
        (403, "AccessDenied", e.AccessDenied, "S3_ACCESS_DENIED"),
        (403, "RequestTimeTooSkewed", e.ClockWrong, "S3_ACCESS_DENIED"),
        (400, "ExpiredToken", e.CredentialsExpired, "S3_ACCESS_DENIED"),
        (404, "NoSuchKey", e.NotFound, "S3_RESOURCE_NOT_FOUND"),
        (404, "NoSuchBucket", e.NotFound, "S3_RESOURCE_NOT_FOUND"),
        (412, "PreconditionFailed", e.ObjectChanged, "S3_ERROR"),
        (503, "SlowDown", e.ServiceFailed, "S3_ERROR"),
        (500, "InternalError", e.ServiceFailed, "S3_ERROR"),
        (400, "InvalidArgument", e.BadRequest, "S3_BAD_REQUEST"),
        (418, "", e.BadRequest, "S3_BAD_REQUEST"),
    ],
)
def test_refusals(status, code, error, last):
    found = refused("cannot read", answer(status, xml(code)))
    assert type(found) is error
    assert found.codes == ("ARTIFACT_DOWNLOAD_ERROR", last)
    assert str(status) in found.message


def test_a_body_with_a_declaration_is_not_read():
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]>' + xml("AccessDenied", "&b;")
    assert "AccessDenied" not in refused("cannot read", answer(400, bomb)).message


@pytest.mark.parametrize(
    ("given_answer", "region"),
    [
        (answer(301, **{"x-amz-bucket-region": "eu-west-1"}), "eu-west-1"),
        (answer(400, b"<Error><Region>eu-west-1</Region></Error>"), "eu-west-1"),
        (answer(404, **{"x-amz-bucket-region": "eu-west-1"}), None),
        (answer(301, **{"x-amz-bucket-region": "evil.tld/"}), None),
    ],
)
def test_where_a_bucket_is(given_answer, region):
    assert region_of(given_answer) == region


@given(st.integers(100, 599), st.binary(max_size=500), st.booleans())
def test_nothing_makes_it_stumble(status, body, signed):
    found = refused("cannot read", answer(status, body, signed=signed))
    assert isinstance(found, e.AwsError)
