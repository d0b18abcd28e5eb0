"""A device's certificate gives credentials of its role; every refusal is explained."""

from __future__ import annotations

import time

import pytest

from greendock.aws import errors as e
from greendock.base.errors import Retry
from lab.certificates import DEVICE_NAME
from lab.internet.iot import ROLE_ALIAS


def test_credentials_of_the_role(device):
    found = device.credentials()
    assert found.access_key_id.startswith("ASIA")
    assert found.session_token
    assert 3500 < found.expires_at - time.time() <= 3600
    [asked] = device.lab.requests("iot")
    assert asked["path"] == f"/role-aliases/{ROLE_ALIAS}/credentials"
    assert asked["thing"] == DEVICE_NAME
    assert any("credentials.iot" in entry["path"] for entry in device.lab.requests("proxy"))


@pytest.mark.parametrize(
    ("status", "error", "retry", "hint"),
    [
        (400, e.BadRequest, Retry.NEVER, "thingName"),
        (401, e.AccessDenied, Retry.NEVER, "has to be active"),
        (403, e.AccessDenied, Retry.NEVER, "iot:AssumeRoleWithCertificate"),
        (404, e.NotFound, Retry.NEVER, "iotRoleAlias"),
        (302, e.BadRequest, Retry.NEVER, "iotCredEndpoint"),
        (429, e.ServiceFailed, Retry.BACK_OFF, ""),
        (500, e.ServiceFailed, Retry.BACK_OFF, ""),
        (503, e.ServiceFailed, Retry.BACK_OFF, ""),
    ],
)
def test_each_answer_has_its_error(device, status, error, retry, hint):
    device.lab.control(iot_status=status)
    with pytest.raises(e.AwsError) as failed:
        device.credentials()
    assert type(failed.value) is error
    assert failed.value.retry is retry
    assert hint in (failed.value.hint or "")
    assert failed.value.retry_after_s == (7.0 if status in (429, 503) else None)
    assert str(status) in failed.value.message
    assert "arn:aws" not in failed.value.explain()


def test_what_the_provider_itself_refuses(device):
    device.change(alias="Other/Alias")
    with pytest.raises(e.NotFound):
        device.credentials()
    assert device.lab.requests("iot")[-1]["path"] == "/role-aliases/Other/Alias/credentials"
    device.change(alias=ROLE_ALIAS, thing_name="another-device")
    with pytest.raises(e.BadRequest) as failed:
        device.credentials()
    assert "thingName" in (failed.value.hint or "")


@pytest.mark.parametrize(
    "body",
    [
        "top-secret",
        "[]",
        '{"credentials": null}',
        '{"credentials": {"accessKeyId": "top-secret", "secretAccessKey": 7}}',
        '{"credentials": {"accessKeyId": "a", "secretAccessKey": "top-secret"}}',
        '{"credentials": {"accessKeyId": "a", "secretAccessKey": "top-secret", '
        '"sessionToken": "t", "expiration": "top-secret"}}',
        '{"credentials": {"accessKeyId": "a", "secretAccessKey": "top-secret\\r\\nX: y", '
        '"sessionToken": "t", "expiration": "2030-01-01T00:00:00Z"}}',
    ],
)
def test_an_answer_that_makes_no_sense_is_told_without_its_content(device, body):
    device.lab.control(iot_body=body)
    with pytest.raises(e.ServiceFailed) as failed:
        device.credentials()
    assert failed.value.retry is Retry.BACK_OFF
    assert "top-secret" not in failed.value.explain()
    assert failed.value.__cause__ is None


def test_a_certificate_of_another_authority_is_refused(device, elsewhere):
    device.change(certificate=elsewhere / "device.pem", key=elsewhere / "device.key")
    with pytest.raises(e.CredentialsUnavailable) as failed:
        device.credentials()
    assert failed.value.codes[0] == "ARTIFACT_DOWNLOAD_ERROR"
    assert device.lab.requests("iot") == []


def test_an_endpoint_that_nobody_vouches_for_gets_nothing(device, elsewhere, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(elsewhere / "ca.pem"))
    device.change(authority=elsewhere / "ca.pem")
    with pytest.raises(e.CredentialsUnavailable) as failed:
        device.credentials()
    assert failed.value.codes == ("ARTIFACT_DOWNLOAD_ERROR", "TLS_HANDSHAKE_FAILURE")
    assert failed.value.retry is Retry.NEVER
    assert not isinstance(failed.value, e.NoCredentials)
    assert device.lab.requests("iot") == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"endpoint": "evil.example.com/x?"}, "iotCredEndpoint"),
        ({"endpoint": "user@evil.example.com"}, "iotCredEndpoint"),
        ({"thing_name": "a\r\nX-Header: b"}, "thingName"),
        ({"thing_name": ""}, "thingName"),
    ],
)
def test_settings_that_can_be_no_such_thing_are_not_sent(device, changes, key):
    device.change(**changes)
    with pytest.raises(e.BadRequest) as failed:
        device.credentials()
    assert failed.value.hint == f"correct {key}"
    assert device.lab.requests("proxy") == []


def test_a_missing_certificate_file_is_named(device, tmp_path):
    device.change(certificate=tmp_path / "none.pem")
    with pytest.raises(e.CredentialsUnavailable, match=r"none\.pem"):
        device.credentials()
