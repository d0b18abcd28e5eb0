"""Every served operation and its errors, through the official client (V2 and V1), unmodified."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import awsiot.greengrasscoreipc
import pytest
from awsiot import eventstreamrpc
from awsiot.greengrasscoreipc import model

from greendock.base.errors import DeviceError, UsageError
from greendock.deployment.document import LOCAL_GROUP, ConfigurationUpdate, FailurePolicy
from greendock.deployment.record import DeploymentRecord, DetailedStatus, Phase, Status
from greendock.lifecycle.model import ResourceLimits, RunWith, State

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
CLI = "aws.greengrass.Cli"


@pytest.fixture
def client(served, connect):
    return connect(served, served.client_token())


def record(deployment_id, **changes):
    values = {"status": Status.SUCCEEDED, "phase": Phase.DONE, **changes}
    return DeploymentRecord(id=deployment_id, created_at=1700000000.0, **values)


# -- components


def test_list_components(served, client):
    served.components.add("com.example.A", text="ü", nothing=None, deep={"a": [1, 2.5]})
    served.components.add("com.example.B", State.FINISHED)
    a, b = client.list_components().components
    assert (a.component_name, a.version, a.state) == ("com.example.A", "1.0.0", "RUNNING")
    assert a.configuration == {"text": "ü", "nothing": None, "deep": {"a": [1, 2.5]}}
    assert (b.component_name, b.state, b.configuration) == ("com.example.B", "FINISHED", None)


def test_get_component_details(served, client):
    served.components.add("com.example.A", State.BROKEN, key="value")
    details = client.get_component_details(component_name="com.example.A").component_details
    assert (details.state, details.configuration) == ("BROKEN", {"key": "value"})


@pytest.mark.parametrize(
    ("state", "shown"), [(State.UNINSTALLING, "STOPPING"), (State.UNINSTALLED, "FINISHED")]
)
def test_states_that_the_model_lacks_become_the_nearest(served, client, state, shown):
    served.components.add("com.example.A", state)
    details = client.get_component_details(component_name="com.example.A").component_details
    assert details.state == shown


@pytest.mark.parametrize(
    "operation", ["get_component_details", "restart_component", "stop_component"]
)
def test_unknown_and_empty_component_names(client, operation):
    with pytest.raises(model.ResourceNotFoundError) as caught:
        getattr(client, operation)(component_name="com.example.None")
    assert caught.value.resource_type == "Component"
    assert caught.value.resource_name == "com.example.None"
    assert "com.example.None" in caught.value.message
    with pytest.raises(model.InvalidArgumentsError) as refused:
        getattr(client, operation)(component_name="")
    assert "componentName is empty" in refused.value.message
    with pytest.raises(model.InvalidArgumentsError) as refused:
        getattr(client, operation)()
    assert "componentName is required" in refused.value.message


def test_restart_and_stop(served, client):
    served.components.add("com.example.A")
    served.components.add("aws.greengrass.Nucleus")
    served.components.fixed.add("aws.greengrass.Nucleus")
    assert client.restart_component(component_name="com.example.A").restart_status == "SUCCEEDED"
    assert client.stop_component(component_name="com.example.A").stop_status == "SUCCEEDED"
    assert served.components.restarted == served.components.stopped == ["com.example.A"]
    refused = client.restart_component(component_name="aws.greengrass.Nucleus")
    assert (refused.restart_status, "part of the core" in refused.message) == ("FAILED", True)
    refused = client.stop_component(component_name="aws.greengrass.Nucleus")
    assert (refused.stop_status, "part of the core" in refused.message) == ("FAILED", True)


# -- deployments


def test_create_local_deployment_hands_on_everything(served, client, tmp_path, deployment_id):
    recipes, artifacts = tmp_path / "recipes", tmp_path / "artifacts"
    recipes.mkdir()
    artifacts.mkdir()
    answer = client.create_local_deployment(
        group_name="group",
        root_component_versions_to_add={"com.example.A": "1.0.0"},
        root_components_to_remove=["com.example.B"],
        component_to_configuration={
            "com.example.A": {"MERGE": {"a": {"b": None}}, "RESET": ["/x", ""]}
        },
        component_to_run_with_info={
            "com.example.A": model.RunWithInfo(
                posix_user="u:g",
                system_resource_limits=model.SystemResourceLimits(memory=1024, cpus=0.5),
            ),
            "com.example.C": model.RunWithInfo(windows_user="u"),
        },
        recipe_directory_path=str(recipes),
        artifacts_directory_path=str(artifacts),
        failure_handling_policy="ROLLBACK",
    )
    assert answer.deployment_id == deployment_id
    [request] = served.deployments.requests
    assert request.group == "thinggroup/group"
    assert request.merge == {"com.example.A": "1.0.0"}
    assert request.remove == ("com.example.B",)
    assert request.configuration == {
        "com.example.A": ConfigurationUpdate({"a": {"b": None}}, ("/x", ""))
    }
    assert request.run_with == {
        "com.example.A": RunWith("u:g", ResourceLimits(1024, 0.5)),
        "com.example.C": RunWith(),
    }
    assert (request.recipe_paths, request.artifact_folders) == ((recipes,), (artifacts,))
    assert request.failure_policy is FailurePolicy.ROLLBACK


def test_create_local_deployment_with_nothing_is_legal(served, client):
    client.create_local_deployment()
    [request] = served.deployments.requests
    assert (request.group, request.failure_policy) == (LOCAL_GROUP, FailurePolicy.DO_NOTHING)


def test_a_recipe_folder_that_is_not_there(served, client, tmp_path):
    missing = tmp_path / "missing"
    user = pwd.getpwuid(os.geteuid()).pw_name
    with pytest.raises(model.InvalidRecipeDirectoryPathError) as caught:
        client.create_local_deployment(recipe_directory_path=str(missing))
    assert str(missing) in caught.value.message
    assert f"user {user}" in caught.value.message
    assert "no such file or directory" in caught.value.message
    assert served.deployments.requests == []


@pytest.mark.parametrize("path", ["relative/recipes", "/with\x00nul"])
def test_recipe_paths_that_are_no_paths(client, path):
    with pytest.raises(model.InvalidRecipeDirectoryPathError):
        client.create_local_deployment(recipe_directory_path=path)


def test_artifact_folders_that_are_refused(served, client, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    around_store = tmp_path / "link"
    around_store.symlink_to(served.store.parent)
    for folder, reason in [
        (tmp_path / "missing", "no such file"),
        (file, "not a folder"),
        (served.store, "the core's own store"),
        (around_store, "the core's own store"),
        (Path("/"), "the core's own store"),
    ]:
        with pytest.raises(model.InvalidArtifactsDirectoryPathError) as caught:
            client.create_local_deployment(artifacts_directory_path=str(folder))
        assert str(folder) in caught.value.message
        assert reason in caught.value.message
    assert served.deployments.requests == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"group_name": "a:b"}, "colon"),
        ({"failure_handling_policy": "MAYBE"}, "ROLLBACK, DO_NOTHING"),
        ({"component_to_configuration": {"c": {"merge": {}}}}, "MERGE and RESET"),
        ({"component_to_configuration": {"c": {"MERGE": []}}}, "c.MERGE has to be an object"),
        ({"component_to_configuration": {"c": {"RESET": ["x"]}}}, "JSON pointers"),
        ({"root_component_versions_to_add": {"c": 1}}, "has to be a string"),
        (
            {
                "component_to_run_with_info": {
                    "c": model.RunWithInfo(
                        system_resource_limits=model.SystemResourceLimits(memory=0)
                    )
                }
            },
            "memory has to be more than 0",
        ),
    ],
)
def test_arguments_that_are_refused(served, client, arguments, reason):
    with pytest.raises(model.InvalidArgumentsError) as caught:
        client.create_local_deployment(**arguments)
    assert reason in caught.value.message
    assert served.deployments.requests == []


def test_what_the_core_refuses_reaches_the_caller(served, client):
    served.deployments.refusal = UsageError("cannot add A: no version", hint="name one")
    with pytest.raises(model.InvalidArgumentsError) as caught:
        client.create_local_deployment()
    assert caught.value.message == "cannot add A: no version (name one)"
    served.deployments.refusal = DeviceError("cannot store it: the disk is full")
    with pytest.raises(model.ServiceError) as failed:
        client.create_local_deployment()
    assert failed.value.message == "cannot store it: the disk is full"


def test_an_unexpected_exception_is_a_service_error_and_stays_in_the_log(served, client, caplog):
    served.components.failure = RuntimeError("internal detail")
    with pytest.raises(model.ServiceError) as caught:
        client.list_components()
    assert "internal detail" not in caught.value.message
    [logged] = [r for r in caplog.records if r.exc_info]
    assert "aws.greengrass#ListComponents" in logged.getMessage()
    assert "internal detail" in str(logged.exc_info[1])


def test_status_of_a_failed_deployment(served, client, deployment_id):
    served.deployments.records[deployment_id] = record(
        deployment_id,
        status=Status.FAILED,
        detailed=DetailedStatus.FAILED_ROLLBACK_COMPLETE,
        error_stack=("DEPLOYMENT_FAILURE", "DOCKER_PULL_ERROR"),
        error_types=("DEPENDENCY_ERROR",),
        cause="cannot pull 100%",
    )
    found = client.get_local_deployment_status(deployment_id=deployment_id.upper()).deployment
    assert (found.deployment_id, found.status) == (deployment_id, "FAILED")
    assert found.created_on == "14-11-2023 22:13:20 UTC"
    details = found.deployment_status_details
    assert details.detailed_deployment_status == "FAILED_ROLLBACK_COMPLETE"
    assert details.deployment_error_stack == ["DEPLOYMENT_FAILURE", "DOCKER_PULL_ERROR"]
    assert details.deployment_error_types == ["DEPENDENCY_ERROR"]
    assert details.deployment_failure_cause == "cannot pull 100%"


def test_a_detailed_status_that_the_model_lacks_becomes_the_nearest(served, client, deployment_id):
    served.deployments.records[deployment_id] = record(
        deployment_id, status=Status.FAILED, detailed=DetailedStatus.FAILED_UNABLE_TO_ROLLBACK
    )
    found = client.get_local_deployment_status(deployment_id=deployment_id).deployment
    details = found.deployment_status_details
    assert details.detailed_deployment_status == "FAILED_ROLLBACK_NOT_REQUESTED"


def test_list_local_deployments(served, client, deployment_id):
    assert client.list_local_deployments().local_deployments == []
    for name in (deployment_id, UNKNOWN_ID):
        served.deployments.records[name] = record(name, status=Status.IN_PROGRESS)
    found = client.list_local_deployments().local_deployments
    assert [(d.deployment_id, d.status) for d in found] == [
        (deployment_id, "IN_PROGRESS"),
        (UNKNOWN_ID, "IN_PROGRESS"),
    ]
    assert all(d.deployment_status_details is None for d in found)


def test_cancel_local_deployment(served, client, deployment_id):
    served.deployments.records[deployment_id] = record(deployment_id)
    answer = client.cancel_local_deployment(deployment_id=deployment_id)
    assert answer.message == f"Cancel request submitted. Deployment ID: {deployment_id}"
    assert served.deployments.cancelled == [deployment_id]


@pytest.mark.parametrize("operation", ["get_local_deployment_status", "cancel_local_deployment"])
def test_unknown_and_malformed_deployment_ids(client, operation):
    with pytest.raises(model.ResourceNotFoundError) as caught:
        getattr(client, operation)(deployment_id=UNKNOWN_ID)
    assert caught.value.resource_type == "LocalDeployment"
    assert caught.value.resource_name == UNKNOWN_ID
    with pytest.raises(model.InvalidArgumentsError) as refused:
        getattr(client, operation)(deployment_id="7")
    assert "deploymentId has to be a UUID" in refused.value.message


# -- who may call


def test_a_wrong_token_is_an_access_denied_error_each_time(served):
    served.client_token()
    for token in ("WRONG", "0" * 32) * 5:
        with pytest.raises(eventstreamrpc.AccessDeniedError):
            awsiot.greengrasscoreipc.connect(ipc_socket=str(served.socket_path), authtoken=token)


def test_a_component_needs_a_policy(served, connect, caplog, deployment_id):
    served.components.add("com.example.A")
    served.components.add("com.example.B")
    served.deployments.records[deployment_id] = record(deployment_id)
    client = connect(served, served.component_token("com.example.A"))
    with pytest.raises(model.UnauthorizedError) as caught:
        client.get_component_details(component_name="com.example.B")
    assert caught.value.message == (
        "Principal com.example.A is not authorized to perform "
        "aws.greengrass.Cli:aws.greengrass#GetComponentDetails on resource com.example.B"
    )
    assert '"resources": ["com.example.B"]' in caplog.text
    served.policies["com.example.A"] = {
        CLI: {"p": {"operations": ["*"], "resources": ["com.example.B", deployment_id]}}
    }
    assert client.get_component_details(component_name="com.example.B").component_details
    assert client.get_local_deployment_status(deployment_id=deployment_id).deployment
    with pytest.raises(model.UnauthorizedError):
        client.get_component_details(component_name="com.example.A")
    with pytest.raises(model.UnauthorizedError):
        client.list_components()
    with pytest.raises(model.UnauthorizedError):
        client.get_component_details(component_name="")
    with pytest.raises(model.InvalidArgumentsError):
        client.get_local_deployment_status(deployment_id="no id, whatever the policy")
    everything = {CLI: {"p": {"operations": ["*"], "resources": ["*"]}}}
    served.policies["com.example.A"] = json.dumps(everything)
    assert len(client.list_components().components) == 2


def test_an_operation_that_is_not_served_is_a_service_error(client):
    with pytest.raises(model.ServiceError) as caught:
        client.get_client_device_auth_token(credential=model.CredentialDocument())
    assert "aws.greengrass#GetClientDeviceAuthToken is not supported" in caught.value.message


def test_the_first_generation_of_clients_and_many_calls_at_once(served):
    served.components.add("com.example.A")
    connection = awsiot.greengrasscoreipc.connect(
        ipc_socket=str(served.socket_path), authtoken=served.client_token()
    )
    try:
        operations = [connection.new_list_components() for _ in range(50)]
        for operation in operations:
            operation.activate(model.ListComponentsRequest())
        for operation in operations:
            [component] = operation.get_response().result(10).components
            assert component.component_name == "com.example.A"
    finally:
        connection.close().result(10)


def test_a_large_answer_arrives(served, client):
    served.components.add("com.example.A", text="x" * (8 * 1024 * 1024))
    [component] = client.list_components().components
    assert len(component.configuration["text"]) == 8 * 1024 * 1024


def test_an_answer_over_the_limit_is_an_error_and_the_connection_lives(served, client):
    served.components.add("com.example.A", text="x" * (25 * 1024 * 1024))
    with pytest.raises(model.ServiceError) as refused:
        client.list_components()
    assert "too large" in refused.value.message
    served.components.known.clear()
    assert client.list_components().components == []


def test_calls_that_wait_end_with_the_server(served, client, deployment_id, eventually):
    served.deployments.records[deployment_id] = record(deployment_id)
    served.deployments.hold_cancel = True
    waiting = client.cancel_local_deployment_async(deployment_id=deployment_id)
    eventually(lambda: served.deployments.cancelled == [deployment_id])
    served.stop()
    with pytest.raises(eventstreamrpc.StreamClosedError):
        waiting.result(10)
    assert served.deployments.cancel_interrupted
