"""Settings of local secrets and shadows: what may be written, and that no error shows a secret."""

from __future__ import annotations

from typing import Any

import pytest

from greendock.base.errors import ConfigurationError
from greendock.config.device_file import DeviceConfiguration
from greendock.config.secret_settings import CloudSecret, SecretEntry, read_secret_settings
from greendock.daemon.core_settings import CoreSettings
from greendock.deployment.device_state import DeviceState

ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/api-AbCdEf"
SHADOW_MANAGER = "aws.greengrass.ShadowManager"


def read(entries: Any) -> dict[str, SecretEntry]:
    return dict(read_secret_settings({"Secrets": entries}, {}).local)


def test_no_secrets_are_needed() -> None:
    assert read(None) == {}


def test_everything_that_can_be_said_of_a_secret() -> None:
    found = read(
        {
            "db": {"file": "/run/secrets/db"},
            "prod/api": {
                "env": "API_KEY",
                "arn": ARN,
                "versionId": "v1",
                "stages": ["AWSCURRENT", "blue"],
                "binary": True,
            },
        }
    )
    assert found == {
        "db": SecretEntry("db", file="/run/secrets/db"),
        "prod/api": SecretEntry(
            "prod/api", None, "API_KEY", ARN, "v1", ("AWSCURRENT", "blue"), is_binary=True
        ),
    }


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ("hunter2", "greendock.secrets: expected a map"),
        ({"db": "hunter2"}, "greendock.secrets.db: expected a map"),
        ({"db": {"value": "hunter2"}}, "may not stand in the configuration"),
        ({"db": {"SecretString": "hunter2"}}, "may not stand in the configuration"),
        ({"db": {"file": "f", "password": "hunter2"}}, "may not stand in the configuration"),
        ({"db": {}}, "one of file and env"),
        ({"db": {"file": "f", "env": "E"}}, "one of file and env"),
        ({"d b": {"file": "f"}}, "letters, digits"),
        ({"db": {"file": "f", "arn": "arn:aws:s3:::x"}}, "greendock.secrets.db.arn"),
        ({"db": {"file": "f", "binary": "maybe"}}, "greendock.secrets.db.binary"),
        ({"db": {"file": "f", "stages": [1]}}, "greendock.secrets.db.stages"),
        ({"db": {"file": "f"}, "DB": {"file": "g"}}, "only in case"),
        ({"a": {"file": "f", "arn": ARN}, "b": {"env": "E", "arn": ARN}}, "the same arn"),
    ],
)
def test_faulty_entries_name_their_place_and_show_no_secret(entries: Any, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(entries)
    assert text in caught.value.message
    assert "hunter2" not in caught.value.explain()
    assert caught.value.__cause__ is None


def test_variables_of_secrets_are_kept_from_components() -> None:
    device = DeviceConfiguration(greendock={"secrets": {"db": {"env": "DB_PASSWORD"}}})
    settings = CoreSettings(device, DeviceState())
    assert "DB_PASSWORD" in settings.withheld_variables


def test_the_machines_own_credentials_are_kept_from_components() -> None:
    """Those have the token exchange service, which asks who they are."""
    withheld = CoreSettings(DeviceConfiguration(), DeviceState()).withheld_variables
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} <= withheld
    assert {"AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"} <= withheld
    assert "AWS_REGION" not in withheld


def test_secrets_of_aws_come_from_the_secret_manager() -> None:
    other = ARN.replace("api", "db")
    items = [{"arn": ARN}, {"arn": other, "labels": ["AWSPREVIOUS"]}]
    found = read_secret_settings({}, {"cloudSecrets": items}).cloud
    assert found == (CloudSecret(ARN), CloudSecret(other, ("AWSPREVIOUS",)))


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ("all", "expected a list"),
        ({"arn": ARN}, "expected a list"),
        (["all"], "cloudSecrets[0]"),
        ([{"arn": ARN}, {}], "cloudSecrets[1].arn"),
        ([{"arn": "arn:aws:s3:::x"}], "cloudSecrets[0].arn"),
        ([{"arn": ARN, "labels": [1]}], "cloudSecrets[0].labels"),
    ],
)
def test_faulty_secrets_of_aws_name_their_place(items: Any, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_secret_settings({}, {"cloudSecrets": items})
    assert text in caught.value.message


def test_limits_of_shadows_come_from_the_shadow_manager() -> None:
    configuration = {
        "shadowDocumentSizeLimitBytes": 30720,
        "rateLimits": {"maxLocalRequestsPerSecondPerThing": 5, "maxTotalLocalRequestsRate": 50},
    }
    device = DeviceConfiguration(services={SHADOW_MANAGER: configuration})
    shadows = CoreSettings(device, DeviceState()).current.shadows
    assert (shadows.state_bytes, shadows.requests_per_thing) == (30720, 5)
    assert shadows.requests_in_total == 50


@pytest.mark.parametrize(
    ("configuration", "key"),
    [
        ({"shadowDocumentSizeLimitBytes": 30721}, "shadowDocumentSizeLimitBytes"),
        ({"rateLimits": {"maxTotalLocalRequestsRate": 0}}, "maxTotalLocalRequestsRate"),
    ],
)
def test_limits_that_are_too_large_or_too_small(configuration: dict[str, Any], key: str) -> None:
    device = DeviceConfiguration(services={SHADOW_MANAGER: configuration})
    with pytest.raises(ConfigurationError, match=key):
        CoreSettings(device, DeviceState())
