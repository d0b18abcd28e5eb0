"""Amazon ECR gives passwords for signed requests, and each refusal says what to do."""

from __future__ import annotations

import asyncio
import time

import pytest

from greendock.aws import errors as e
from greendock.aws.cached_source import CachedSource
from greendock.aws.credentials import AwsCredentials
from greendock.aws.ecr import Ecr
from greendock.base.clock import SystemClock
from greendock.base.errors import Retry
from lab.internet.addresses import ECR_ACCOUNT

CODES = ("ARTIFACT_DOWNLOAD_ERROR", "DOCKER_ERROR", "GET_ECR_CREDENTIAL_ERROR")
GOOD = AwsCredentials("AKIAGOOD", "the-secret", "the-token")
OLD = AwsCredentials("AKIAOLD", "old-secret", "old-token")


def known(lab, **more):
    """The lab's ECR knows GOOD, and OLD as keys that have expired."""
    keys = {
        GOOD.access_key_id: {"secret": GOOD.secret_access_key, "token": GOOD.session_token},
        OLD.access_key_id: {
            "secret": OLD.secret_access_key,
            "token": OLD.session_token,
            "expires": time.time() - 1,
        },
    }
    lab.control(aws_keys=keys, **more)


def test_from_the_certificate_to_a_pull(device):
    """Certificate, role alias, signature, password: each step is checked by the lab."""
    found = device.password()
    assert found.username == "AWS"
    assert found.expires_at > time.time() + 3600
    assert found.password not in repr(found)
    [asked] = device.lab.requests("ecr-api")
    assert asked["authorization"] == "AWS4-HMAC-SHA256"
    assert asked["accounts"] == [ECR_ACCOUNT]
    login = device.lab.docker(
        "login", "--username", "AWS", "--password-stdin", device.lab.ecr_host,
        input_text=found.password,
    )  # fmt: skip
    device.lab.docker("logout", device.lab.ecr_host)
    assert login.returncode == 0, login.stderr


def test_another_region_has_an_api_of_its_own(device, given):
    known(device.lab)
    device.password(given(GOOD), region="eu-west-1")
    assert device.lab.requests("ecr-api")[-1]["host"] == "api.ecr.eu-west-1.amazonaws.com"


def test_credentials_are_asked_for_once_for_many_passwords(device):
    device.password(times=3)
    assert len(device.lab.requests("iot")) == 1
    assert len(device.lab.requests("ecr-api")) == 3


def test_expired_credentials_are_renewed_once(device, given):
    known(device.lab)
    assert device.password(given(OLD, GOOD)).username == "AWS"
    assert len(device.lab.requests("ecr-api")) == 2


def test_expired_credentials_without_newer_ones(device, given):
    known(device.lab)
    with pytest.raises(e.CredentialsExpired) as failed:
        device.password(given(OLD))
    assert failed.value.codes == CODES
    assert failed.value.retry is Retry.BACK_OFF
    assert len(device.lab.requests("ecr-api")) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        AwsCredentials("AKIAGOOD", "another-secret", "the-token"),
        AwsCredentials("AKIANOBODY", "the-secret", "the-token"),
        AwsCredentials("AKIAGOOD", "the-secret", "another-token"),
    ],
)
def test_keys_that_aws_does_not_know(device, given, wrong):
    known(device.lab)
    with pytest.raises(e.CredentialsRefused) as failed:
        device.password(given(wrong))
    assert failed.value.codes == CODES
    assert failed.value.retry is Retry.NEVER
    for secret in (wrong.secret_access_key, wrong.session_token):
        assert secret not in failed.value.explain()


def test_a_missing_permission_is_named(device, given):
    known(device.lab, ecr_error="AccessDeniedException")
    with pytest.raises(e.AccessDenied) as failed:
        device.password(given(GOOD))
    assert "ecr:GetAuthorizationToken" in (failed.value.hint or "")
    assert failed.value.codes == CODES
    assert failed.value.retry is Retry.NEVER


def test_a_wrong_clock_is_told_from_a_wrong_key(device, given):
    known(device.lab, aws_clock_ahead_s=1200)
    with pytest.raises(e.ClockWrong) as failed:
        device.password(given(GOOD))
    assert "clock" in (failed.value.hint or "")


def test_a_busy_service_is_asked_later(device, given):
    known(device.lab, ecr_error="ThrottlingException")
    with pytest.raises(e.ServiceFailed) as failed:
        device.password(given(GOOD))
    assert (failed.value.retry, failed.value.codes) == (Retry.BACK_OFF, CODES)
    device.lab.control(
        ecr_error=None,
        ecr={"step": "token", "mode": "unavailable", "count": 1, "retry_after": "9"},
    )
    with pytest.raises(e.ServiceFailed) as failed:
        device.password(given(GOOD))
    assert failed.value.retry_after_s == 9.0


@pytest.mark.parametrize("mode", ["garbage", "eof"])
def test_an_answer_that_is_none(device, given, mode):
    known(device.lab, ecr={"step": "token", "mode": mode, "count": 1})
    with pytest.raises(e.ServiceFailed) as failed:
        device.password(given(GOOD))
    assert failed.value.retry is Retry.BACK_OFF


@pytest.mark.parametrize(
    "host",
    [
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.tld",
        "123456789012.dkr.ecr.us-east-1.evil.tld",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "evil.tld/123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "registry.lab.test:5443",
    ],
)
def test_a_look_alike_is_not_even_asked(host, given):
    """No HTTP client: nothing can be sent."""
    ecr = Ecr(None, CachedSource(given(GOOD), SystemClock()), {})  # type: ignore[arg-type]
    with pytest.raises(e.BadRequest) as failed:
        asyncio.run(ecr.authorization(ECR_ACCOUNT, "us-east-1", host))
    assert failed.value.codes == CODES
