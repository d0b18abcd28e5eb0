"""Which settings the core runs by: its own file, and what was deployed on top of it."""

from __future__ import annotations

from typing import Any

import pytest

from greendock.base.errors import ConfigurationError
from greendock.config.device_file import DeviceConfiguration
from greendock.config.tree import from_plain
from greendock.daemon.core_settings import CoreSettings
from greendock.deployment.device_state import DeployedComponent, DeviceState
from greendock.lifecycle.model import RunWith

NUCLEUS = "aws.greengrass.Nucleus"


def device(configuration: dict[str, Any]) -> DeviceConfiguration:
    return DeviceConfiguration("core-1", {}, {NUCLEUS: configuration}, {})


def deployed(configuration: dict[str, Any], name: str = NUCLEUS) -> DeviceState:
    tree = from_plain(configuration, 1000)
    one = DeployedComponent(name, "2.18.0", None, "", False, tree, RunWith(), "")
    return DeviceState({name: one})


def test_deployed_values_lie_on_top_of_the_file() -> None:
    own = device({"logging": {"level": "WARN", "format": "JSON"}})
    settings = CoreSettings(own, deployed({"logging": {"level": "DEBUG"}})).current
    assert (settings.logging.level, settings.logging.format) == ("DEBUG", "JSON")


def test_a_file_that_was_changed_since_counts_where_nothing_was_deployed() -> None:
    state = deployed({"logging": {"level": "DEBUG"}})
    settings = CoreSettings(device({"runWithDefault": {"posixUser": "svc"}}), state)
    assert settings.default_posix_user == "svc"


def test_deployed_values_that_are_not_accepted_any_more_do_not_keep_the_core_from_starting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = CoreSettings(device({"posixShell": "sh"}), deployed({"logging": {"level": "LOUD"}}))
    assert settings.current.logging.level == "INFO"
    assert "logging.level" in caplog.text


def test_a_faulty_file_does() -> None:
    with pytest.raises(ConfigurationError, match=r"logging\.level"):
        CoreSettings(device({"logging": {"level": "LOUD"}}), DeviceState())


def test_a_components_own_pull_policy_is_checked_before_and_counts_once_planned() -> None:
    settings = CoreSettings(device({}), DeviceState())
    wrong = deployed({"greendock": {"docker": {"pullPolicy": "Sometimes"}}}, "com.example.App")
    with pytest.raises(ConfigurationError, match=r"com\.example\.App"):
        settings.plan(wrong)
    right = deployed({"greendock": {"docker": {"pullPolicy": "Never"}}}, "com.example.App")
    settings.plan(right)
    assert settings.pull_policy("com.example.App") == "Never"
    assert settings.pull_policy("com.example.Other") == ""
