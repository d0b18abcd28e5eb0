"""Objects are found, read from any byte, in any region, and refusals say what is missing."""

from __future__ import annotations

import pytest

from greendock.aws import errors as e
from greendock.base.errors import Retry

CONTENT = bytes(range(256)) * 1000


def test_size_and_content(bucket):
    bucket.put(data=CONTENT)
    found = bucket.describe("data")
    assert found.size_bytes == len(CONTENT)
    assert found.etag
    assert bucket.read("data", 0, found.etag) == CONTENT
    assert bucket.read("data", 1000, found.etag) == CONTENT[1000:]
    hosts = {entry["host"] for entry in bucket.lab.requests("s3")}
    assert hosts == {f"{bucket.name}.s3.us-east-1.amazonaws.com"}


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("a b/c+d.bin", "a%20b/c+d.bin"),
        ("ü/100%.bin", "%C3%BC/100%25.bin"),
        ("x=1&y=2;z.bin", "x=1&y=2;z.bin"),
        ("a/./b/~c.bin", "a/./b/~c.bin"),
    ],
)
def test_keys_of_all_kinds(bucket, key, written):
    bucket.put_keys({key: b"it"})
    assert bucket.read(written) == b"it"


def test_a_bucket_with_dots_stands_in_the_path(bucket):
    bucket.name = f"{bucket.name}.example.com"
    bucket.put(data=b"it")
    assert bucket.read("data") == b"it"
    assert bucket.lab.requests("s3")[-1]["host"] == "s3.us-east-1.amazonaws.com"


def test_a_bucket_of_another_region_is_followed_and_remembered(bucket):
    bucket.put("eu-west-1", data=b"it")

    async def twice(s3):
        return [await s3.describe(bucket.uri("data")) for _ in range(2)]

    bucket.run(twice)
    assert [entry["status"] for entry in bucket.lab.requests("s3")] == [301, 200, 200]


def test_another_store_than_amazons(bucket):
    bucket.put(data=CONTENT)
    bucket.endpoint = bucket.aws.endpoint
    assert bucket.read("data") == CONTENT
    assert bucket.lab.requests("s3") == []


def test_an_object_that_changed_is_not_mixed_with_the_old_one(bucket):
    bucket.put(data=b"one")
    etag = bucket.describe("data").etag
    bucket.aws.call(
        ("s3", "put_object", {"Bucket": bucket.name, "Key": "data", "Body": b"two".hex()})
    )
    with pytest.raises(e.ObjectChanged):
        bucket.read("data", 1, etag)


def test_a_role_without_the_permission_is_told_which(bucket):
    bucket.put(data=CONTENT)
    bucket.allow("s3:PutObject")
    for ask in (bucket.describe, bucket.read):
        with pytest.raises(e.AccessDenied) as refused:
            ask("data")
        assert refused.value.codes == ("ARTIFACT_DOWNLOAD_ERROR", "S3_ACCESS_DENIED")
        assert "s3:GetObject" in (refused.value.hint or "")
        assert refused.value.retry is Retry.NEVER


def test_a_wrong_secret_is_told(bucket):
    bucket.put(data=CONTENT)
    bucket.wrong_secret()
    with pytest.raises(e.AccessDenied) as refused:
        bucket.read("data")
    assert "does not accept this device's credentials" in (refused.value.hint or "")
    assert "wrong" not in refused.value.message


def test_without_credentials_it_is_asked_all_the_same(bucket):
    bucket.put(data=CONTENT)
    bucket.no_credentials()
    with pytest.raises(e.AccessDenied) as refused:
        bucket.read("data")
    assert "this device has no AWS credentials" in (refused.value.hint or "")
    assert bucket.lab.requests("s3")[-1]["authorization"] == ""


@pytest.mark.parametrize("missing", ["key", "bucket"])
def test_what_does_not_exist(bucket, missing):
    bucket.allow("s3:GetObject", "s3:ListBucket")
    bucket.put(data=CONTENT)
    if missing == "bucket":
        bucket.name = "no-such-bucket"
    with pytest.raises(e.NotFound) as refused:
        bucket.read("other")
    assert refused.value.codes[-1] == "S3_RESOURCE_NOT_FOUND"


def test_a_busy_store_is_tried_again_later(bucket):
    bucket.put(data=CONTENT)
    bucket.lab.control(s3={"mode": "unavailable", "count": 1, "retry_after": "7"})
    with pytest.raises(e.ServiceFailed) as failed:
        bucket.read("data")
    assert (failed.value.retry, failed.value.retry_after_s) == (Retry.BACK_OFF, 7.0)
    assert failed.value.codes[-1] == "S3_ERROR"


def test_a_connection_that_breaks_is_of_the_network(bucket):
    bucket.put(data=CONTENT)
    bucket.lab.control(s3={"mode": "cut", "count": 1})
    with pytest.raises(e.ServiceFailed) as failed:
        bucket.read("data")
    assert failed.value.codes == ("ARTIFACT_DOWNLOAD_ERROR", "NETWORK_ERROR")
    assert failed.value.retry is Retry.BACK_OFF
