"""Configuration: read, changed, watched, judged."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from awsiot.greengrasscoreipc import model
from checks import NOBODY, SELF, TARGET, UNKNOWN_ID, case, refused


@case("get_configuration", fails=("get_configuration",))
def configuration_is_read(client: Any) -> None:
    whole = client.call("get_configuration", key_path=[])
    assert whole.component_name == SELF, whole
    assert whole.value["deep"]["leaf"] == 1, whole
    leaf = client.call("get_configuration", key_path=["deep", "leaf"])
    assert leaf.value == {"leaf": 1}, leaf
    other = client.call("get_configuration", component_name=TARGET, key_path=["greeting"])
    assert other.value == {"greeting": "hello"}, other
    for key_path in (["nothing"], ["deep", "leaf", "deeper"]):
        error = refused(
            model.ResourceNotFoundError, client.call, "get_configuration", key_path=key_path
        )
        assert error.message, error


@case(
    "update_configuration",
    "subscribe_to_configuration_update",
    fails=("update_configuration", "subscribe_to_configuration_update"),
)
def configuration_is_changed_and_watched(client: Any) -> None:
    stream = client.subscribe("subscribe_to_configuration_update", key_path=["changing"])
    value = time.monotonic_ns()
    now = datetime.now(UTC)
    client.call(
        "update_configuration",
        key_path=["changing"],
        timestamp=now,
        value_to_merge={client.name: value},
    )
    event = stream.next().configuration_update_event
    assert event.component_name == SELF, event
    assert event.key_path == ["changing", client.name], event
    found = client.call("get_configuration", key_path=["changing", client.name])
    assert found.value == {client.name: value}, found
    refused(
        model.FailedUpdateConditionCheckError,
        client.call,
        "update_configuration",
        key_path=["changing"],
        timestamp=now - timedelta(days=1),
        value_to_merge={client.name: 1},
    )
    for members in (
        {"key_path": ["accessControl"], "value_to_merge": {"a": 1}},
        {"key_path": [], "value_to_merge": {"ACCESSCONTROL": {"a": 1}}},
    ):
        refused(
            model.InvalidArgumentsError,
            client.call,
            "update_configuration",
            timestamp=now,
            **members,
        )
    refused(
        model.ResourceNotFoundError,
        client.subscribe,
        "subscribe_to_configuration_update",
        component_name=NOBODY,
        key_path=["x"],
    )
    stream.close()


@case("subscribe_to_validate_configuration_updates", fails=("send_configuration_validity_report",))
def validity_without_a_question(client: Any) -> None:
    stream = client.subscribe("subscribe_to_validate_configuration_updates")
    report = model.ConfigurationValidityReport(
        status=model.ConfigurationValidityStatus.ACCEPTED, deployment_id=UNKNOWN_ID
    )
    refused(
        model.InvalidArgumentsError,
        client.call,
        "send_configuration_validity_report",
        configuration_validity_report=report,
    )
    stream.close()
