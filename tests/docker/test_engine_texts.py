"""What engines say becomes the right error, whatever the image is called."""

from __future__ import annotations

import pytest

from greendock.base.error_codes import ERROR_TYPES
from greendock.base.errors import Retry
from greendock.docker import errors as e
from greendock.docker.engine.texts import ENGINE_TEXTS, error_for

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
DENIED = "repository does not exist or may require 'docker login': denied:"
HUB = "https://registry-1.docker.io/v2/"

SAID = [
    (404, f"pull access denied for {ECR}/r, {DENIED} Your authorization token has expired. "
     "Reauthenticate and try again.", e.RegistryLoginFailed),
    (500, f'Head "https://{ECR}/v2/r/manifests/1": no basic auth credentials',
     e.RegistryLoginFailed),
    (500, "unauthorized: authentication required", e.RegistryLoginFailed),
    (500, f'Get "{HUB}": unauthorized: incorrect username or password', e.RegistryLoginFailed),
    (404, f"pull access denied for nosuch/thing, {DENIED} requested access to the resource is "
     "denied", e.ImageAccessDenied),
    (None, "pull access denied, repository does not exist or may require authorization: server "
     "message: insufficient_scope: authorization failed", e.ImageAccessDenied),
    (404, "manifest for mysql:9.9 not found: manifest unknown: manifest unknown",
     e.ImageNotFound),
    (None, "initializing source docker://mysql:9.9: reading manifest 9.9 in docker.io/library/"
     "mysql: manifest unknown", e.ImageNotFound),
    (None, "Tag 9.9 not found in repository docker.io/library/mysql", e.ImageNotFound),
    (404, "docker.io/library/nosuch:1: not found", e.ImageNotFound),
    (500, "name unknown", e.ImageNotFound),
    (500, "toomanyrequests: You have reached your unauthenticated pull rate limit.",
     e.RateLimited),
    (None, "unexpected status from HEAD request to https://r/v2/: 429 Too Many Requests",
     e.RateLimited),
    (500, "received unexpected HTTP status: 503 Service Unavailable", e.RegistryFailed),
    (500, f'Get "{HUB}": dial tcp: lookup registry-1.docker.io on 10.0.0.1:53: no such host',
     e.RegistryUnreachable),
    (500, f'Get "{HUB}": Bad Gateway', e.RegistryUnreachable),
    (500, f'Get "{HUB}": Proxy Authentication Required', e.RegistryUnreachable),
    (500, f'Get "{HUB}": proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused',
     e.RegistryUnreachable),
    (500, f'Get "{HUB}": net/http: TLS handshake timeout', e.RegistryUnreachable),
    (500, f'Get "{HUB}": x509: certificate signed by unknown authority', e.RegistryUntrusted),
    (None, "unexpected EOF", e.ConnectionLost),
    (500, f'Get "{HUB}": EOF', e.ConnectionLost),
    (None, "read tcp 10.0.0.2:1->10.0.0.3:443: read: connection reset by peer",
     e.ConnectionLost),
    (None, "filesystem layer verification failed for digest sha256:00", e.ContentMismatch),
    (None, "unknown blob", e.PullFailed),
    (404, "no matching manifest for linux/arm/v7 in the manifest list entries",
     e.PlatformMismatch),
    (None, "failed to register layer: write /data: no space left on device", e.NoSpace),
    (400, "invalid reference format: repository name must be lowercase", e.ImageNotFound),
    (400, "client version 1.99 is too new. Maximum supported API version is 1.41",
     e.ApiVersionRefused),
    (None, "context canceled", e.EngineUnavailable),
    (500, "something that nobody has seen yet", e.PullFailed),
]  # fmt: skip


@pytest.mark.parametrize(("status", "text", "expected"), SAID)
def test_a_text_becomes_its_error(status, text, expected):
    found = error_for("cannot pull x", text, status)
    assert type(found) is expected
    assert found.message == f"cannot pull x: {text}"


@pytest.mark.parametrize(
    "name", ["timeout/denied:eof", "toomanyrequests:unauthorized", "x509/no-such-host:1"]
)
def test_the_name_of_an_image_is_never_taken_for_a_message(name):
    found = error_for("cannot pull x", f"manifest for {name} not found: manifest unknown", 404)
    assert type(found) is e.ImageNotFound
    assert all(" " in text for row in ENGINE_TEXTS for text in row.texts)
    assert all(text == text.lower() for row in ENGINE_TEXTS for text in row.texts)


def all_errors(base=e.DockerError):
    for found in base.__subclasses__():
        yield found
        yield from all_errors(found)


@pytest.mark.parametrize("error", list(all_errors()), ids=lambda kind: kind.__name__)
def test_every_error_has_known_codes(error):
    assert set(error.default_codes) <= set(ERROR_TYPES)


@pytest.mark.parametrize(
    ("error", "retry"),
    [
        (e.ImageNotFound, Retry.NEVER),
        (e.RegistryLoginFailed, Retry.NEVER),
        (e.NoSpace, Retry.NEVER),
        (e.EngineNotPermitted, Retry.NEVER),
        (e.EngineUnavailable, Retry.WHEN_ENGINE_IS_BACK),
        (e.RegistryUnreachable, Retry.WHEN_ONLINE),
        (e.ConnectionLost, Retry.BACK_OFF),
        (e.RateLimited, Retry.BACK_OFF),
    ],
)
def test_errors_say_when_another_try_can_help(error, retry):
    assert error("cannot do it: because").retry is retry
