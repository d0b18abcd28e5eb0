"""Each answer of Amazon ECR's API is a password or a typed error, whatever it holds."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.aws import errors as e
from greendock.aws.answer_head import is_clock_wrong, retry_after_s
from greendock.aws.ecr_answers import purpose, read_authorization
from greendock.aws.refusals import Refusal, refused
from greendock.base.errors import Retry

NOON = 1_700_049_600.0
AT_NOON = "Wed, 15 Nov 2023 12:00:00 GMT"


def answer(status, kind="", words="words", **headers):
    return Refusal(status, headers, json.dumps({"__type": kind, "message": words}).encode(), NOON)


@pytest.mark.parametrize(
    ("status", "kind", "error", "retry"),
    [
        (400, "AccessDeniedException", e.AccessDenied, Retry.NEVER),
        (403, "", e.AccessDenied, Retry.NEVER),
        (400, "com.amazon.coral.service#AccessDeniedException", e.AccessDenied, Retry.NEVER),
        (400, "AccessDeniedException:http://internal.amazon.com/", e.AccessDenied, Retry.NEVER),
        (400, "UnrecognizedClientException", e.CredentialsRefused, Retry.NEVER),
        (403, "InvalidSignatureException", e.CredentialsRefused, Retry.NEVER),
        (400, "ExpiredTokenException", e.CredentialsExpired, Retry.BACK_OFF),
        (400, "RequestExpired", e.ClockWrong, Retry.BACK_OFF),
        (400, "ThrottlingException", e.ServiceFailed, Retry.BACK_OFF),
        (429, "", e.ServiceFailed, Retry.BACK_OFF),
        (500, "ServerException", e.ServiceFailed, Retry.BACK_OFF),
        (502, "", e.ServiceFailed, Retry.BACK_OFF),
        (400, "InvalidParameterException", e.BadRequest, Retry.NEVER),
        (302, "", e.BadRequest, Retry.NEVER),
    ],
)
def test_refusals(status, kind, error, retry):
    found = refused(purpose("Amazon ECR gives none"), answer(status, kind))
    assert type(found) is error
    assert found.retry is retry
    assert found.codes[-1] == "GET_ECR_CREDENTIAL_ERROR"
    assert found.hint or retry is Retry.BACK_OFF


@pytest.mark.parametrize(
    ("date", "error"),
    [
        (AT_NOON, e.CredentialsRefused),
        ("Wed, 15 Nov 2023 12:04:59 GMT", e.CredentialsRefused),
        ("Wed, 15 Nov 2023 12:05:01 GMT", e.ClockWrong),
        ("Wed, 15 Nov 2023 11:54:59 GMT", e.ClockWrong),
        ("", e.CredentialsRefused),
        ("yesterday", e.CredentialsRefused),
    ],
)
def test_a_signature_may_be_wrong_because_of_the_time(date, error):
    assert (
        type(refused(purpose("no"), answer(403, "InvalidSignatureException", date=date))) is error
    )


def test_the_header_names_the_error_too():
    headers = {"x-amzn-errortype": "AccessDeniedException:http://internal.amazon.com/"}
    assert type(refused(purpose("no"), Refusal(400, headers, b"", NOON))) is e.AccessDenied


@pytest.mark.parametrize(
    ("text", "pause_s"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("999999999999999999999999", 3600.0),
        ("Wed, 15 Nov 2023 12:01:00 GMT", 60.0),
        ("Wed, 15 Nov 2023 11:00:00 GMT", 0.0),
        ("Wed, 15 Nov 2299 11:00:00 GMT", 3600.0),
        ("-7", None),
        ("soon", None),
        ("\u0667", None),
        ("", None),
    ],
)
def test_retry_after(text, pause_s):
    assert retry_after_s({"retry-after": text}, NOON) == pause_s


@given(st.text(max_size=60))
def test_no_date_makes_it_stumble(text):
    retry_after_s({"retry-after": text}, NOON)
    is_clock_wrong({"date": text}, NOON)


@given(st.integers(100, 599), st.binary(max_size=300), st.text(max_size=30))
def test_no_refusal_makes_it_stumble(status, body, kind):
    found = refused(purpose("no"), Refusal(status, {"x-amzn-errortype": kind}, body, NOON))
    assert isinstance(found, e.AwsError)


def body(login, expires=NOON):
    token = base64.b64encode(login).decode() if isinstance(login, bytes) else login
    data = {"authorizationToken": token, "expiresAt": expires}
    return json.dumps({"authorizationData": [data]}).encode()


def test_a_password():
    found = read_authorization(body(b"AWS:pass:word"))
    assert found is not None
    assert (found.username, found.password, found.expires_at) == ("AWS", "pass:word", NOON)
    assert "pass:word" not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"authorizationData": []}',
        b'{"authorizationData": [7]}',
        body(b"AWS"),
        body(b"AWS:"),
        body(b":password"),
        body("%%%"),
        body(7),
        body(b"AWS:\xff"),
        body(b"AWS:password", expires="soon"),
        body(b"AWS:password", expires=None),
    ],
)
def test_what_holds_no_password(text):
    assert read_authorization(text) is None
