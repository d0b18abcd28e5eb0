"""Credentials that S3 refuses are renewed once; only a device without any asks without."""

from __future__ import annotations

import time

import pytest

from greendock.aws import errors as e
from greendock.aws.credentials import AwsCredentials
from greendock.base.errors import Retry

OLD = AwsCredentials("ASIAOLD", "old-secret", "old-token")


class Renewing:
    """Gives old credentials first, then those of a file."""

    def __init__(self, bucket):
        self.bucket = bucket
        self.asked = 0

    async def credentials(self):
        self.asked += 1
        return OLD if self.asked == 1 else await self.bucket.file.credentials()


class Only:
    """Gives the same, or fails the same way, each time."""

    def __init__(self, outcome):
        self.outcome = outcome

    async def credentials(self):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.fixture
def expired(bucket):
    """A bucket with an object, and OLD as credentials whose time is over."""
    bucket.put(data=b"content", empty=b"")
    keys = {"secret": OLD.secret_access_key, "token": OLD.session_token, "expires": 1.0}
    bucket.lab.control(aws_keys={OLD.access_key_id: keys})
    return bucket


@pytest.mark.parametrize(("key", "size"), [("data", 7), ("empty", 0)])
def test_expired_ones_are_renewed_though_head_does_not_tell(expired, key, size):
    expired.source = Renewing(expired)
    assert expired.describe(key).size_bytes == size
    assert expired.source.asked == 2


def test_expired_ones_are_renewed_before_reading(expired):
    expired.source = Renewing(expired)
    assert expired.read("data") == b"content"


def test_expired_ones_without_newer_ones(expired):
    expired.source = Only(OLD)
    for ask in (expired.describe, expired.read):
        with pytest.raises(e.CredentialsExpired) as failed:
            ask("data")
        assert failed.value.retry is Retry.BACK_OFF
        assert failed.value.codes == ("ARTIFACT_DOWNLOAD_ERROR", "S3_ACCESS_DENIED")
        assert "old-token" not in failed.value.explain()
        assert "old-secret" not in failed.value.explain()


def test_ones_that_are_not_known_may_have_been_replaced(bucket):
    bucket.put(data=b"content")
    bucket.source = Renewing(bucket)
    assert bucket.read("data") == b"content"


@pytest.mark.parametrize(
    "error",
    [
        e.CredentialsUnavailable("cannot get AWS credentials: the file is faulty"),
        e.AccessDenied("cannot get AWS credentials of role alias x: it answered 403"),
        e.ServiceFailed("cannot get AWS credentials of role alias x: it answered 503"),
    ],
)
def test_a_source_that_fails_is_not_passed_over(bucket, error):
    bucket.put(data=b"content")
    bucket.source = Only(error)
    asked = len(bucket.lab.requests("s3"))
    with pytest.raises(type(error), match="cannot get AWS credentials"):
        bucket.read("data")
    assert len(bucket.lab.requests("s3")) == asked


def test_a_public_object_needs_none(bucket):
    bucket.put(data=b"content")
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket.name}/*",
    }
    bucket.publish(statement)
    bucket.source = Only(e.NoCredentials("cannot get AWS credentials: none"))
    assert bucket.describe("data").size_bytes == 7
    assert bucket.read("data", 3) == b"tent"
    assert bucket.lab.requests("s3")[-1]["authorization"] == ""


def test_keys_that_expire_in_a_moment_still_serve(bucket):
    bucket.put(data=b"content")

    class Short:
        async def credentials(self):
            own = await bucket.file.credentials()
            end = time.time() + 30
            return AwsCredentials(own.access_key_id, own.secret_access_key, None, end)

    bucket.source = Short()
    assert bucket.read("data") == b"content"


def test_a_session_of_a_role_is_signed_with_its_token(bucket):
    bucket.put(data=b"content")
    keys = bucket.allow_role("s3:GetObject")
    assert keys["Token"]
    assert bucket.read("data") == b"content"
    bucket.allow_role("s3:ListBucket")
    with pytest.raises(e.AccessDenied) as failed:
        bucket.read("data")
    assert "s3:GetObject" in (failed.value.hint or "")
