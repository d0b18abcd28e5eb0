"""Signatures are those of AWS's own client."""

from __future__ import annotations

import asyncio

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from greendock.aws.credentials import AwsCredentials
from greendock.aws.s3_uri import S3Uri
from greendock.aws.signing import sign
from greendock.net.http import Request

KEYS = AwsCredentials("AKIDEXAMPLE", "secret/key+with=signs", "session-token")
ORACLES = {"s3": S3SigV4Auth, "ecr": SigV4Auth}


def signed(request: Request, service: str) -> dict[str, str]:
    found = asyncio.run(sign(request, KEYS, service, "eu-west-1"))
    return {name.lower(): value for name, value in found.headers.items()}


def expected(request: Request, service: str, moment: str) -> str:
    """The Authorization header that botocore makes of the same request at the same time."""
    theirs = AWSRequest(request.method, request.url, data=request.body, headers=request.headers)
    theirs.context["timestamp"] = moment
    keys = Credentials(KEYS.access_key_id, KEYS.secret_access_key, KEYS.session_token)
    oracle = ORACLES[service](keys, service, "eu-west-1")
    theirs.headers["X-Amz-Date"] = moment
    theirs.headers["X-Amz-Security-Token"] = KEYS.session_token
    if service == "s3":
        theirs.headers["X-Amz-Content-SHA256"] = oracle.payload(theirs)
    canonical = oracle.canonical_request(theirs)
    text = oracle.string_to_sign(theirs, canonical)
    names = oracle.signed_headers(oracle.headers_to_sign(theirs))
    signature = oracle.signature(text, theirs)
    scope = oracle.scope(theirs)
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}"


@settings(max_examples=150)
@given(
    key=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60),
    offset=st.integers(0, 10**9),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_objects_of_s3(key, offset, method):
    path = S3Uri("bucket", key).path
    url = f"https://bucket.s3.eu-west-1.amazonaws.com/{path}"
    request = Request(method, url, {"Range": f"bytes={offset}-"})
    found = signed(request, "s3")
    assert found["authorization"] == expected(request, "s3", found["x-amz-date"])
    assert found["x-amz-security-token"] == KEYS.session_token


@settings(max_examples=50)
@given(body=st.binary(max_size=200))
def test_calls_of_ecr(body):
    request = Request(
        "POST",
        "https://api.ecr.eu-west-1.amazonaws.com/",
        {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "A.B"},
        body,
    )
    found = signed(request, "ecr")
    assert found["authorization"] == expected(request, "ecr", found["x-amz-date"])


@pytest.mark.parametrize("service", ["s3", "ecr"])
def test_no_key_is_shown(service):
    request = Request("GET", "https://bucket.s3.eu-west-1.amazonaws.com/a")
    found = asyncio.run(sign(request, KEYS, service, "eu-west-1"))
    for text in (repr(KEYS), str(KEYS), repr(found)):
        assert KEYS.secret_access_key not in text
        assert "session-token" not in text
