"""`greendock.docker.access`, `policy` and `inject`, of the core and of a component."""

from __future__ import annotations

from typing import Any

import pytest

from greendock.base.errors import ConfigurationError
from greendock.config.container_settings import (
    Access,
    ContainerSettings,
    PolicyChoice,
    own_container_settings,
    read_container_settings,
)


def core(**docker: Any) -> ContainerSettings:
    return read_container_settings({"docker": docker})


def own(before: ContainerSettings, **docker: Any) -> ContainerSettings:
    return own_container_settings("com.example.A", {"greendock": {"docker": docker}}, before)


def test_defaults():
    assert read_container_settings({}) == ContainerSettings(
        Access.AUTO, PolicyChoice("greengrass"), frozenset()
    )


def test_words_may_have_any_case():
    settings = core(access="ALL", policy="Strict", inject=["IPC", "credentials"])
    assert settings.access is Access.ALL
    assert settings.policy == PolicyChoice("strict")
    assert settings.inject == {"ipc", "credentials"}


def test_a_map_starts_from_a_preset_and_sets_single_rules():
    policy = core(
        policy={
            "preset": "strict",
            "Privileged": True,
            "binds": ["/data", "/opt"],
            "capabilities": "all",
            "devices": "none",
            "hostnamespaces": "network",
        }
    ).policy
    assert policy == PolicyChoice(
        "strict",
        {
            "privileged": True,
            "binds": ("/data", "/opt"),
            "capabilities": None,
            "devices": (),
            "hostNamespaces": ("network",),
        },
    )


def test_a_component_without_own_values_has_the_cores():
    before = core(access="none", policy="strict", inject="ipc")
    assert own_container_settings("a", {}, before) == before
    assert own_container_settings("a", {"greendock": "x"}, before) == before


def test_a_components_values_win():
    after = own(core(access="none", inject=["ipc"]), access="all", policy="strict", inject=[])
    assert after == ContainerSettings(Access.ALL, PolicyChoice("strict"), frozenset())


def test_a_component_changes_single_rules_of_the_cores_policy():
    before = core(policy={"preset": "strict", "binds": ["/data"], "privileged": True})
    after = own(before, policy={"privileged": False})
    assert after.policy == PolicyChoice("strict", {"binds": ("/data",), "privileged": False})


def test_a_component_that_names_a_preset_begins_anew():
    before = core(policy={"preset": "strict", "binds": ["/data"]})
    assert own(before, policy={"preset": "strict"}).policy == PolicyChoice("strict")
    assert own(before, policy="greengrass").policy == PolicyChoice("greengrass")


@pytest.mark.parametrize(
    ("docker", "key"),
    [
        ({"access": "some"}, "access"),
        ({"access": ["all"]}, "access"),
        ({"policy": "lax"}, "policy"),
        ({"policy": ["strict"]}, "policy"),
        ({"policy": {"preset": "lax"}}, "policy.preset"),
        ({"policy": {"privilegd": True}}, "policy.privilegd"),
        ({"policy": {"privileged": "maybe"}}, "policy.privileged"),
        ({"policy": {"binds": [1]}}, "policy.binds"),
        ({"policy": {"binds": ["data"]}}, "policy.binds"),
        ({"policy": {"hostNamespaces": ["net"]}}, "policy.hostNamespaces"),
        ({"policy": {"devices": {"a": 1}}}, "policy.devices"),
        ({"inject": ["tokens"]}, "inject"),
        ({"inject": {"ipc": True}}, "inject"),
    ],
)
def test_a_wrong_value_is_refused_and_its_key_named(docker: dict[str, Any], key: str):
    with pytest.raises(ConfigurationError) as of_core:
        core(**docker)
    assert f"greendock.docker.{key}" in of_core.value.message
    with pytest.raises(ConfigurationError) as of_component:
        own(ContainerSettings(), **docker)
    assert f"com.example.A configuration.greendock.docker.{key}" in of_component.value.message
