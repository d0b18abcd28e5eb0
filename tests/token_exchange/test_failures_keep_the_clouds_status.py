"""A failure reaches the caller with the cloud's status and in words of ours."""

from __future__ import annotations

import pytest
from exchange_scene import ask

from greendock.aws import errors as e
from greendock.base.errors import ConfigurationError

CLOUDS_WORDS = "arn:aws:iam::123456789012:role/device"


def failure(kind, status=None):
    error = kind(f"cannot get AWS credentials: {CLOUDS_WORDS}")
    error.http_status = status
    return error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (failure(e.BadRequest, 400), 400),
        (failure(e.AccessDenied, 403), 403),
        (failure(e.NotFound, 404), 404),
        (failure(e.ServiceFailed, 429), 429),
        (failure(e.ServiceFailed, 500), 500),
        (failure(e.ServiceFailed, 503), 503),
        (failure(e.BadRequest, 302), 302),
        (failure(e.BadRequest, 304), 500),
        (failure(e.BadRequest, 204), 500),
        (failure(e.BadRequest, 0), 500),
        (failure(e.BadRequest, 999), 500),
        (failure(e.ServiceFailed), 500),
        (failure(e.CredentialsUnavailable), 500),
        (failure(e.NoCredentials), 500),
    ],
)
def test_status_and_text(serve, core, error, status):
    async def scenario(service):
        core.fault = error
        reply = await ask(service)
        assert reply.status == status
        assert reply.headers["content-type"].startswith("text/plain")
        assert b"the core's log says why" in reply.body
        assert CLOUDS_WORDS.encode() not in reply.body

    serve(scenario)


def test_the_log_says_why(serve, core, caplog):
    async def scenario(service):
        core.fault = failure(e.AccessDenied, 403)
        for _ in range(3):
            assert (await ask(service)).status == 403
        assert core.asked == 1

    serve(scenario)
    assert caplog.text.count(CLOUDS_WORDS) == 1


def test_credentials_that_are_over_are_a_500(serve, core):
    async def scenario(service):
        core.lifetime_s = -1.0
        assert (await ask(service)).status == 500
        core.lifetime_s = 1.0
        assert (await ask(service)).status == 200

    serve(scenario)


@pytest.mark.parametrize(
    ("status", "key", "default_s"),
    [(403, "clientError", 120), (503, "serverError", 60), (302, "unknownError", 300)],
)
def test_failures_stand_as_configured(serve, core, status, key, default_s):
    async def scenario(service):
        core.fault = failure(e.AwsError, status)
        assert (await ask(service)).status == status
        for wait_s, asked in ((default_s - 1, 1), (2, 2)):
            core.clock.time += wait_s
            assert (await ask(service)).status == status
            assert core.asked == asked
        core.settings["credentialRetryInSec"] = {key: 10}
        for wait_s, asked in ((9, 2), (2, 3)):
            core.clock.time += wait_s
            assert (await ask(service)).status == status
            assert core.asked == asked

    serve(scenario)


def test_settings_that_name_no_source_any_more(serve, core):
    async def scenario(service):
        core.fault = ConfigurationError("cannot get AWS credentials by role alias: no alias")
        assert (await ask(service)).status == 500

    serve(scenario)
