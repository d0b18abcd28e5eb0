"""Each refusal of a registry is an error with its class, its retry, its code and its hint."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.base.error_codes import ERROR_TYPES
from greendock.base.errors import Retry
from greendock.docker import errors as e
from greendock.docker.reference import parse_image
from greendock.docker.registry.answers import (
    BLOB,
    MANIFEST,
    TOKEN,
    Refusal,
    Subject,
    read_retry_after,
    refused,
    unreachable,
)
from greendock.net import errors as net

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/repository:1.0"
EXPIRED = "Your authorization token has expired. Reauthenticate and try again."


def answer(
    status: int,
    code: str = "",
    message: str = "",
    *,
    image: str = "mysql:8.0",
    step: str = MANIFEST,
    logged_in: bool = False,
    out_of_scope: bool = False,
    body: bytes | None = None,
    host: str = "",
    **headers: str,
) -> e.PullFailed:
    reference = parse_image(image)
    wanted = reference.digest or reference.tag or ""
    host = host or reference.registry
    subject = Subject(reference, step, host, wanted, logged_in, ("hunter22",))
    if body is None:
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return refused(subject, Refusal(status, named, body, out_of_scope), NOW)


TABLE = [
    (dict(status=401), e.RegistryLoginFailed, Retry.NEVER, "DOCKER_LOGIN_ERROR"),
    (dict(status=401, logged_in=True), e.RegistryLoginFailed, Retry.NEVER, "DOCKER_LOGIN_ERROR"),
    (dict(status=401, step=TOKEN), e.RegistryLoginFailed, Retry.NEVER, "DOCKER_LOGIN_ERROR"),
    (
        dict(status=401, out_of_scope=True),
        e.ImageAccessDenied,
        Retry.NEVER,
        "DOCKER_IMAGE_NOT_VALID",
    ),
    (dict(status=403, code="DENIED"), e.ImageAccessDenied, Retry.NEVER, "DOCKER_IMAGE_NOT_VALID"),
    (dict(status=403, step=TOKEN), e.ImageAccessDenied, Retry.NEVER, "DOCKER_IMAGE_NOT_VALID"),
    (
        dict(status=403, code="DENIED", message=EXPIRED, image=ECR),
        e.RegistryLoginFailed,
        Retry.NEVER,
        "DOCKER_LOGIN_ERROR",
    ),
    (dict(status=404), e.ImageNotFound, Retry.NEVER, "DOCKER_IMAGE_NOT_VALID"),
    (dict(status=404, step=BLOB), e.PullFailed, Retry.NEVER, "DOCKER_PULL_ERROR"),
    (dict(status=404, step=TOKEN), e.RegistryFailed, Retry.BACK_OFF, "DOCKER_SERVICE_UNAVAILABLE"),
    (dict(status=429), e.RateLimited, Retry.BACK_OFF, "DOCKER_PULL_ERROR"),
    (dict(status=403, code="TOOMANYREQUESTS"), e.RateLimited, Retry.BACK_OFF, "DOCKER_PULL_ERROR"),
    (dict(status=408), e.RegistryFailed, Retry.BACK_OFF, "DOCKER_SERVICE_UNAVAILABLE"),
    (dict(status=500), e.RegistryFailed, Retry.BACK_OFF, "DOCKER_SERVICE_UNAVAILABLE"),
    (dict(status=503), e.RegistryFailed, Retry.BACK_OFF, "DOCKER_SERVICE_UNAVAILABLE"),
    (dict(status=302), e.RegistryFailed, Retry.BACK_OFF, "DOCKER_SERVICE_UNAVAILABLE"),
    (dict(status=400, code="NAME_INVALID"), e.PullFailed, Retry.NEVER, "DOCKER_PULL_ERROR"),
]


@pytest.mark.parametrize(("given", "kind", "retry", "code"), TABLE)
def test_a_refusal(given, kind, retry, code):
    error = answer(**given)
    assert type(error) is kind
    assert error.retry is retry
    assert error.codes[-1] == code
    assert set(error.codes) <= set(ERROR_TYPES)
    assert error.step == given.get("step", MANIFEST)
    assert error.message.startswith("cannot ")
    assert str(parse_image(given.get("image", "mysql:8.0"))) in error.message


@pytest.mark.parametrize(
    ("step", "permission"),
    [(MANIFEST, "ecr:BatchGetImage"), (BLOB, "ecr:GetDownloadUrlForLayer")],
)
def test_the_permission_that_a_role_lacks(step, permission):
    error = answer(403, "DENIED", "not authorized", image=ECR, step=step)
    assert type(error) is e.ImageAccessDenied
    assert permission in (error.hint or "")
    for elsewhere in (
        answer(403, "DENIED", "not authorized", step=step),
        answer(403, "DENIED", "not authorized", image=ECR, step=step, host="s3.test"),
    ):
        assert type(elsewhere) is e.ImageAccessDenied
        assert "ecr:" not in (elsewhere.hint or "")


@pytest.mark.parametrize(
    ("code", "image", "text"),
    [
        ("NAME_UNKNOWN", "mysql:8.0", "has no repository library/mysql"),
        ("MANIFEST_UNKNOWN", "mysql:8.0", "has no tag 8.0"),
        ("", "mysql:8.0", "has no tag 8.0"),
        ("MANIFEST_UNKNOWN", f"mysql@sha256:{'a' * 64}", f"has no digest sha256:{'a' * 64}"),
    ],
)
def test_what_exactly_is_missing(code, image, text):
    assert text in answer(404, code, image=image).message


def test_a_login_that_is_not_configured_is_asked_for():
    assert "greendock.docker.registries" in (answer(401).hint or "")
    assert "check the credentials" in (answer(401, logged_in=True).hint or "")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_the_registrys_wish_for_quiet_is_kept(status):
    assert answer(status, retry_after="7").retry_after_s == 7
    assert answer(status).retry_after_s is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2),
        (" 30 ", 30),
        ("0", 1),
        ("86400", 3600),
        ("9" * 400, 3600),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10),
        ("Tue, 14 Nov 2023 22:13:30 -0000", 10),
        ("Tue, 14 Nov 2023 22:13:00 GMT", 1),
        ("Wed, 14 Nov 2040 22:13:00 GMT", 3600),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("Tue, 99 Nov 2023 22:13:30 GMT", None),
    ],
)
def test_retry_after(text, seconds):
    assert read_retry_after(text, NOW) == seconds


@given(st.text(), st.floats(0, 4e9))
def test_retry_after_is_within_its_limits_or_not_told(text, now):
    found = read_retry_after(text, now)
    assert found is None or 1 <= found <= 3600


def test_the_registrys_words_are_shown_without_secrets_and_without_control_characters():
    text = answer(401, "UNAUTHORIZED", "no \x1b[31m hunter22 \n is wrong" + "x" * 1000).message
    assert "hunter22" not in text
    assert "\x1b" not in text
    assert "\n" not in text
    assert "*** is wrong" in text
    assert len(text) < 500


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff", b"[" * 90_000, b'{"errors": null}', b"7"]
)
def test_a_refusal_without_words(body):
    assert answer(503, body=body).message.endswith("docker.io answered 503")


@given(st.integers(100, 599), st.binary(max_size=200), st.sampled_from([TOKEN, MANIFEST, BLOB]))
def test_every_status_is_some_error(status, body, step):
    error = answer(status, body=body, step=step)
    assert error.step == step
    assert error.message.startswith("cannot ")


SUBJECT = Subject(parse_image("mysql:8.0"), MANIFEST, "registry.test", "8.0")


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (net.NameNotResolved("cannot reach x: no name", host="x"), e.RegistryUnreachable, ""),
        (net.ConnectionRefused("cannot reach x: refused", host="x"), e.RegistryUnreachable, ""),
        (net.ConnectionBroken("cannot reach x: reset", host="x"), e.ConnectionLost, ""),
        (net.NoAnswer("cannot reach x: late", host="x"), e.PullStalled, ""),
        (
            net.TlsFailed("cannot reach x: TLS failed", host="x"),
            e.RegistryUntrusted,
            "TLS_HANDSHAKE_FAILURE",
        ),
        (
            net.ProxyRefused("cannot reach x: 407", host="x", status=407, retry=Retry.NEVER),
            e.RegistryUnreachable,
            "",
        ),
    ],
)
def test_an_error_of_the_network_keeps_what_it_says(error, kind, code):
    found = unreachable(SUBJECT, error)
    assert type(found) is kind
    assert found.message == f"cannot read the manifest of mysql:8.0: {error.message}"
    assert (found.hint, found.retry, found.step) == (error.hint, error.retry, MANIFEST)
    assert found.codes[-1] == (code or "NETWORK_ERROR")
