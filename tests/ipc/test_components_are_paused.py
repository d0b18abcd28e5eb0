"""PauseComponent and ResumeComponent by the official client: refusals come in the known order."""

from __future__ import annotations

import awsiot.greengrasscoreipc
import pytest
from awsiot.greengrasscoreipc import client as v1
from awsiot.greengrasscoreipc import model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

from greendock.base.errors import LifecycleError, UsageError
from greendock.lifecycle.model import State

CALLER = "com.example.Caller"
TARGET = "com.example.Target"
OPERATIONS = ("pause_component", "resume_component")


class Pauses:
    """The ComponentPauses port."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.refusal: Exception | None = None

    async def pause(self, name: str) -> None:
        self._do("pause", name)

    async def resume(self, name: str) -> None:
        self._do("resume", name)

    def _do(self, verb: str, name: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append((verb, name))


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def served(serve, pauses):
    return serve(more={"pauses": pauses})


def policy(*resources: str) -> dict:
    operations = ["aws.greengrass#PauseComponent", "aws.greengrass#ResumeComponent"]
    rule = {"policyDescription": "", "operations": operations, "resources": list(resources)}
    return {"aws.greengrass.ipc.lifecycle": {f"{CALLER}:lifecycle:1": rule}}


def raw_client(served, token):
    return awsiot.greengrasscoreipc.connect(ipc_socket=str(served.socket_path), authtoken=token)


@pytest.fixture
def caller(served):
    """The official client (V2) of a component that may pause TARGET and what is unknown."""
    served.policies[CALLER] = policy(TARGET, "no.such")
    served.components.add(TARGET)
    client = GreengrassCoreIPCClientV2(raw_client(served, served.component_token(CALLER)))
    yield client
    client.close().exception(10)


def test_a_component_is_paused_and_resumed(pauses, caller):
    assert caller.pause_component(component_name=TARGET) == model.PauseComponentResponse()
    assert caller.resume_component(component_name=TARGET) == model.ResumeComponentResponse()
    assert pauses.asked == [("pause", TARGET), ("resume", TARGET)]


def test_by_the_older_client(served, pauses):
    served.components.add(TARGET)
    connection = raw_client(served, served.client_token())
    assert isinstance(connection, v1.GreengrassCoreIPCClient)
    for new, request in (
        (connection.new_pause_component, model.PauseComponentRequest(component_name=TARGET)),
        (connection.new_resume_component, model.ResumeComponentRequest(component_name=TARGET)),
    ):
        operation = new()
        operation.activate(request).result(10)
        operation.get_response().result(10)
    assert pauses.asked == [("pause", TARGET), ("resume", TARGET)]
    connection.close().exception(10)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_empty_name_is_told_before_the_policy_is_asked(served, caller, operation):
    served.policies[CALLER] = policy()
    with pytest.raises(model.InvalidArgumentsError):
        getattr(caller, operation)(component_name="")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_policy_is_asked_before_it_is_told_what_there_is(served, pauses, caller, operation):
    served.policies[CALLER] = policy("com.example.Another")
    for name in (TARGET, "no.such"):
        with pytest.raises(model.UnauthorizedError) as refused:
            getattr(caller, operation)(component_name=name)
        assert name in refused.value.message
    assert pauses.asked == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_unknown_component(caller, operation):
    with pytest.raises(model.ResourceNotFoundError) as missing:
        getattr(caller, operation)(component_name="no.such")
    assert missing.value.resource_type == "Component"
    assert missing.value.resource_name == "no.such"


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (
            UsageError("cannot pause it: only a RUNNING component can be"),
            model.InvalidArgumentsError,
        ),
        (LifecycleError("cannot pause it: the freezer fails"), model.ServiceError),
        (OSError("details that stay inside"), model.ServiceError),
    ],
)
def test_refusals_and_failures(pauses, caller, operation, refusal, kind):
    pauses.refusal = refusal
    with pytest.raises(kind) as failed:
        getattr(caller, operation)(component_name=TARGET)
    assert ("stay inside" in str(refusal)) is (str(refusal) not in failed.value.message)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_core_that_cannot_pause_says_so(serve, operation):
    bare = serve()
    bare.components.add(TARGET)
    client = GreengrassCoreIPCClientV2(raw_client(bare, bare.client_token()))
    with pytest.raises(model.ServiceError) as missing:
        getattr(client, operation)(component_name=TARGET)
    assert "not available on this core" in missing.value.message
    client.close().exception(10)


def test_the_state_stays_running_for_official_clients(served, caller):
    served.components.add(TARGET, State.RUNNING)
    client = GreengrassCoreIPCClientV2(raw_client(served, served.client_token()))
    details = client.get_component_details(component_name=TARGET).component_details
    assert details.state == "RUNNING"
    client.close().exception(10)
