"""The core's own settings: keys in any case, defaults, and errors that name the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from greendock.base.errors import ConfigurationError
from greendock.config.device_file import (
    DeviceConfiguration,
    from_init_config,
    read_device_file,
    write_device_file,
)
from greendock.config.settings import Settings, own_soak_s, read_settings


def read(
    nucleus: object = None, greendock: object = None, env: dict[str, str] | None = None
) -> Settings:
    return read_settings({}, nucleus or {}, greendock or {}, {}, env or {})  # type: ignore[arg-type]


def test_defaults_need_no_configuration_at_all() -> None:
    settings = read()
    assert settings.aws_region == "us-east-1"
    assert settings.posix_shell == "sh"
    assert settings.docker.engine_wait_s == 60
    assert settings.docker.max_concurrent_pulls == 3
    assert settings.logging.file_size_bytes == 1024 * 1024


def test_greengrass_keys_match_in_any_case() -> None:
    settings = read(
        {"RUNWITHDEFAULT": {"PosixUser": "u:g", "posixshell": "bash"}, "AWSRegion": "eu-west-1"}
    )
    assert (settings.default_posix_user, settings.posix_shell) == ("u:g", "bash")
    assert settings.aws_region == "eu-west-1"


def test_the_region_falls_back_to_the_environment() -> None:
    assert read(env={"AWS_REGION": "eu-central-1"}).aws_region == "eu-central-1"
    assert read({"awsRegion": ""}, env={"AWS_DEFAULT_REGION": "x"}).aws_region == "x"


@pytest.mark.parametrize(
    ("nucleus", "greendock", "key"),
    [
        ({"logging": {"format": "XML"}}, {}, "logging.format"),
        ({"runWithDefault": "root"}, {}, "runWithDefault"),
        ({"interpolateComponentConfiguration": "maybe"}, {}, "interpolateComponentConfiguration"),
        ({}, {"docker": {"maxConcurrentPulls": 0}}, "docker.maxConcurrentPulls"),
        ({}, {"docker": {"engineWaitSeconds": "soon"}}, "docker.engineWaitSeconds"),
        ({}, {"docker": {"pullPolicy": "Sometimes"}}, "docker.pullPolicy"),
        ({}, {"restart": {"backoffSeconds": True}}, "restart.backoffSeconds"),
        ({}, {"health": {"soakSeconds": -1}}, "health.soakSeconds"),
        ({}, {"health": {"soakSeconds": "long"}}, "health.soakSeconds"),
    ],
)
def test_a_wrong_value_names_its_key(nucleus: dict, greendock: dict, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(nucleus, greendock)
    assert key in caught.value.message


def test_a_component_may_have_a_soak_time_of_its_own() -> None:
    assert read().soak_s == 10
    assert read(greendock={"health": {"soakSeconds": 0}}).soak_s == 0
    own = {"greendock": {"health": {"soakSeconds": 30}}}
    assert own_soak_s("C", own, 10) == 30
    assert own_soak_s("C", {"greendock": {"docker": {}}}, 10) == 10
    assert own_soak_s("C", {"greendock": "no map"}, 10) == 10
    with pytest.raises(
        ConfigurationError, match=r"C configuration\.greendock\.health\.soakSeconds"
    ):
        own_soak_s("C", {"greendock": {"health": {"soakSeconds": "long"}}}, 10)


def test_the_device_file_survives_a_round_trip(tmp_path: Path) -> None:
    assert read_device_file(tmp_path) is None
    device = from_init_config(
        {
            "System": {"thingName": "T"},
            "services": {"aws.greengrass.Nucleus": {"Configuration": {"awsRegion": "r"}}},
        },
        "config.yaml",
        "core-1",
    )
    write_device_file(tmp_path, device)
    assert read_device_file(tmp_path) == DeviceConfiguration(
        "core-1", {"thingName": "T"}, {"aws.greengrass.Nucleus": {"awsRegion": "r"}}, {}
    )


@pytest.mark.parametrize(
    "document",
    [
        ["a list"],
        {"services": {"X": [1]}},
        {"services": {"X": {"configuration": "text"}}},
        {"System": "text"},
    ],
)
def test_a_section_of_another_kind_is_refused(document: object) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot use config\.yaml"):
        from_init_config(document, "config.yaml", "core-1")


def test_a_torn_device_file_is_an_error_and_not_a_blank_identity(tmp_path: Path) -> None:
    (tmp_path / "device.json").write_text('{"coreId": "x", "sys')
    with pytest.raises(ConfigurationError, match=r"device\.json"):
        read_device_file(tmp_path)
