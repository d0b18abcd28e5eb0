"""State reports, updates, pauses."""

from __future__ import annotations

from typing import Any

from awsiot.greengrasscoreipc import model
from checks import NOBODY, TARGET, UNKNOWN_ID, case, refused, state_of, until


@case("update_state")
def state_is_reported(client: Any) -> None:
    client.call("update_state", state=model.ReportedLifecycleState.RUNNING)


@case("subscribe_to_component_updates", fails=("defer_component_update",))
def updates_without_a_question(client: Any) -> None:
    stream = client.subscribe("subscribe_to_component_updates")
    refused(
        (model.ServiceError, model.InvalidArgumentsError),
        client.call,
        "defer_component_update",
        deployment_id=UNKNOWN_ID,
        recheck_after_ms=0,
    )
    stream.close()


@case("pause_component", "resume_component", fails=("pause_component", "resume_component"))
def components_are_paused(client: Any) -> None:
    until(lambda: state_of(client, TARGET) == "RUNNING")
    client.call("pause_component", component_name=TARGET)
    assert state_of(client, TARGET) == "RUNNING"
    client.call("resume_component", component_name=TARGET)
    refused(model.InvalidArgumentsError, client.call, "resume_component", component_name=TARGET)
    for name in ("pause_component", "resume_component"):
        refused(model.ResourceNotFoundError, client.call, name, component_name=NOBODY)
