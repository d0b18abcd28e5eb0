"""The command line's service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from awsiot.greengrasscoreipc import model
from checks import NOBODY, SELF, TARGET, UNKNOWN_ID, case, refused, state_of, until


@case("list_components", "get_component_details", fails=("get_component_details",))
def components_are_shown(client: Any) -> None:
    names = {row.component_name for row in client.call("list_components").components}
    assert {SELF, TARGET} <= names, names
    details = client.call("get_component_details", component_name=TARGET).component_details
    assert (details.component_name, details.version) == (TARGET, "1.0.0"), details
    error = refused(
        model.ResourceNotFoundError, client.call, "get_component_details", component_name=NOBODY
    )
    assert (error.resource_type, error.resource_name) == ("Component", NOBODY), error


@case("restart_component", fails=("restart_component", "stop_component"))
def components_are_restarted(client: Any) -> None:
    answer = client.call("restart_component", component_name=TARGET)
    assert answer.restart_status == model.RequestStatus.SUCCEEDED, answer
    until(lambda: state_of(client, TARGET) == "RUNNING")
    for name in ("restart_component", "stop_component"):
        refused(
            (model.ResourceNotFoundError, model.ComponentNotFoundError),
            client.call,
            name,
            component_name=NOBODY,
        )


@case("stop_component")
def components_are_stopped(client: Any) -> None:
    answer = client.call("stop_component", component_name=TARGET)
    assert answer.stop_status == model.RequestStatus.SUCCEEDED, answer
    until(lambda: state_of(client, TARGET) == "FINISHED")
    client.call("restart_component", component_name=TARGET)
    until(lambda: state_of(client, TARGET) == "RUNNING")


@case(
    "create_local_deployment",
    "get_local_deployment_status",
    "list_local_deployments",
    "cancel_local_deployment",
    fails=(
        "create_local_deployment",
        "get_local_deployment_status",
        "cancel_local_deployment",
    ),
)
def deployments_are_made(client: Any) -> None:
    made = client.call(
        "create_local_deployment", root_components_to_remove=["com.example.NotThere"]
    )
    done = {"SUCCEEDED", "FAILED", "CANCELED"}
    status = until(
        lambda: (found := _deployment(client, made.deployment_id)).status in done and found
    )
    listed = client.call("list_local_deployments").local_deployments
    assert made.deployment_id in {row.deployment_id for row in listed}
    cancelled = client.call("cancel_local_deployment", deployment_id=made.deployment_id)
    assert cancelled.message, (status, cancelled)
    refused(
        model.InvalidRecipeDirectoryPathError,
        client.call,
        "create_local_deployment",
        recipe_directory_path="/nowhere/recipes",
    )
    refused(
        model.InvalidArtifactsDirectoryPathError,
        client.call,
        "create_local_deployment",
        artifacts_directory_path="/nowhere/artifacts",
    )
    refused(model.InvalidArgumentsError, client.call, "create_local_deployment", group_name="a:b")
    for name in ("get_local_deployment_status", "cancel_local_deployment"):
        refused(model.ResourceNotFoundError, client.call, name, deployment_id=UNKNOWN_ID)
        refused(model.InvalidArgumentsError, client.call, name, deployment_id="no-uuid")


def _deployment(client: Any, deployment_id: str) -> Any:
    answer = client.call("get_local_deployment_status", deployment_id=deployment_id)
    return answer.deployment


@case("create_debug_password")
def debug_passwords_are_made(client: Any) -> None:
    answer = client.call("create_debug_password")
    assert answer.username == "debug", answer.username
    assert len(answer.password) == 43, len(answer.password)
    left = answer.password_expiration - datetime.now(UTC)
    assert timedelta(hours=7) < left <= timedelta(hours=8, minutes=1), left
