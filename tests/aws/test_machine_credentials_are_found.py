"""The machine's own credentials are found as AWS's tools find them; what there was is named."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from greendock.aws.chain import ChainSource, traces
from greendock.aws.errors import CredentialsUnavailable, NoCredentials
from greendock.base.errors import Retry


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Without any AWS settings, and without instance metadata."""
    for name in tuple(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


def found(deadline_s=10.0):
    return asyncio.run(ChainSource(deadline_s).credentials())


def test_variables(machine):
    machine.setenv("AWS_ACCESS_KEY_ID", "AKIA1")
    machine.setenv("AWS_SECRET_ACCESS_KEY", "secret-1")
    machine.setenv("AWS_SESSION_TOKEN", "token-1")
    credentials = found()
    assert credentials.access_key_id == "AKIA1"
    assert (credentials.secret_access_key, credentials.session_token) == ("secret-1", "token-1")
    assert credentials.expires_at is None
    machine.setenv("AWS_ACCESS_KEY_ID", "AKIA2")
    assert found().access_key_id == "AKIA2", "a change counts at once"


def test_a_profile(machine, tmp_path):
    path = tmp_path / "credentials"
    path.write_text(
        "[default]\naws_access_key_id = AKIA0\naws_secret_access_key = s0\n"
        "[device]\naws_access_key_id = AKIA1\naws_secret_access_key = s1\n"
    )
    machine.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    assert found().access_key_id == "AKIA0"
    machine.setenv("AWS_PROFILE", "device")
    assert found().secret_access_key == "s1"


def test_a_machine_without_any(machine):
    with pytest.raises(NoCredentials) as failed:
        found()
    assert "AWS_ACCESS_KEY_ID" in (failed.value.hint or "")


def test_settings_that_give_nothing_are_named(machine, tmp_path):
    path = tmp_path / "credentials"
    path.write_text("[other]\naws_access_key_id = top-secret\n")
    machine.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    machine.setenv("AWS_PROFILE", "absent")
    with pytest.raises(CredentialsUnavailable) as failed:
        found()
    assert not isinstance(failed.value, NoCredentials)
    assert failed.value.retry is Retry.BACK_OFF
    assert str(path) in failed.value.message
    assert "AWS_PROFILE" in failed.value.message
    assert "top-secret" not in failed.value.explain()


def test_a_source_that_does_not_answer_in_time(machine):
    machine.setenv("AWS_ACCESS_KEY_ID", "AKIA1")
    with pytest.raises(CredentialsUnavailable, match="no answer within 0 s"):
        found(deadline_s=0)


def test_traces_are_names_and_paths():
    home = Path("~/.aws/config").expanduser()
    environ = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/etc/aws"}
    assert traces(environ, lambda path: True) == (
        "AWS_ACCESS_KEY_ID",
        str(home.with_name("credentials")),
        "/etc/aws",
    )
    assert traces({}, lambda path: False) == ()
