"""Subscribers to updates and configuration checks answer with the official client, V2 and V1."""

from __future__ import annotations

import asyncio
import queue
from concurrent.futures import Future
from typing import Any

import awsiot.greengrasscoreipc
import pytest
from awsiot.greengrasscoreipc import client as v1
from awsiot.greengrasscoreipc import model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

from greendock.base.errors import DeploymentError
from greendock.deployment.occasion import Occasion

A, B = "com.example.A", "com.example.B"
TIMEOUT_S = 10
ACCEPTED, REJECTED = "ACCEPTED", "REJECTED"


class Component:
    """A component's connection with the official client of the second generation."""

    def __init__(self, served: Any, name: str) -> None:
        self.events: queue.Queue[Any] = queue.Queue()
        self.closed: queue.Queue[Any] = queue.Queue()
        connection = awsiot.greengrasscoreipc.connect(
            ipc_socket=str(served.socket_path), authtoken=served.component_token(name)
        )
        self.client = GreengrassCoreIPCClientV2(connection, executor=None)

    def watch_updates(self) -> Any:
        _, operation = self.client.subscribe_to_component_updates(**self._handlers())
        return operation

    def watch_configuration(self) -> Any:
        _, operation = self.client.subscribe_to_validate_configuration_updates(**self._handlers())
        return operation

    def _handlers(self) -> dict[str, Any]:
        return {
            "on_stream_event": self.events.put,
            "on_stream_closed": lambda: self.closed.put(None),
            "on_stream_error": lambda error: True,
        }

    def next(self) -> Any:
        return self.events.get(timeout=TIMEOUT_S)

    def defer(self, deployment_id: str | None = "d1", **more: Any) -> None:
        self.client.defer_component_update(deployment_id=deployment_id, **more)

    def report(self, status: str | None, deployment_id: str | None = "d1", **more: Any) -> None:
        report = model.ConfigurationValidityReport(
            status=status, deployment_id=deployment_id, **more
        )
        self.client.send_configuration_validity_report(configuration_validity_report=report)

    def close(self) -> None:
        self.client.close().exception(TIMEOUT_S)


@pytest.fixture
def connect(served):
    """Components that are connected: `connect(name)`."""
    components: list[Component] = []

    def open_component(name: str = A) -> Component:
        components.append(Component(served, name))
        return components[-1]

    yield open_component
    for component in components:
        component.close()


class Asking:
    """Asks on the server's loop, and keeps what was told meanwhile."""

    def __init__(self, served: Any) -> None:
        self.warnings: list[str] = []
        self.waits: list[Any] = []
        self._served = served

    def _occasion(self, timeout_s: float, deployment_id: str) -> Occasion:
        return Occasion(deployment_id, timeout_s, self.waits.append, self.warnings.append)

    def announce(self, timeout_s: float = 60, deployment_id: str = "d1") -> Future[None]:
        occasion = self._occasion(timeout_s, deployment_id)
        return self._run(self._served.consent.announce(occasion))

    def finished(self, deployment_id: str = "d1") -> None:
        self._served.call(lambda: self._served.consent.finished(deployment_id))

    def check(self, timeout_s: float = 60, **configurations: Any) -> Future[None]:
        named = {f"com.example.{name}": value for name, value in configurations.items()}
        return self._run(self._served.consent.check(self._occasion(timeout_s, "d1"), named))

    def _run(self, question: Any) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(question, self._served.loop)


@pytest.fixture
def asking(served):
    return Asking(served)


def test_an_update_is_announced_deferred_and_over(connect, asking):
    component = connect()
    component.watch_updates()
    update = asking.announce()
    event = component.next()
    assert event.pre_update_event == model.PreComponentUpdateEvent(
        deployment_id="d1", is_ggc_restarting=False
    )
    assert event.post_update_event is None
    component.defer(recheck_after_ms=200, message="busy\x1b[2J")
    assert component.next().pre_update_event.deployment_id == "d1"
    component.defer(recheck_after_ms=0)
    assert update.result(TIMEOUT_S) is None
    asking.finished()
    event = component.next()
    assert event.post_update_event == model.PostComponentUpdateEvent(deployment_id="d1")
    assert event.pre_update_event is None
    assert "busy [2J" in {wait.message for waits in asking.waits for wait in waits}


def test_an_answer_without_a_time_lets_the_update_go_ahead(connect, asking):
    component = connect()
    component.watch_updates()
    update = asking.announce()
    component.next()
    component.defer()
    assert update.result(TIMEOUT_S) is None
    assert asking.warnings == []


@pytest.mark.parametrize("recheck_after_ms", [-5, -(10**400)])
def test_times_that_make_no_sense_are_none(connect, asking, recheck_after_ms):
    component = connect()
    component.watch_updates()
    update = asking.announce()
    component.next()
    component.defer(recheck_after_ms=recheck_after_ms)
    assert update.result(TIMEOUT_S) is None


def test_a_time_without_measure_is_bounded_by_the_policy(connect, asking):
    component = connect()
    component.watch_updates()
    update = asking.announce(timeout_s=2)
    component.next()
    component.defer(recheck_after_ms=10**400)
    assert update.result(TIMEOUT_S) is None
    assert asking.warnings == [f"{A} deferred the update for longer than it may"]


def test_a_deferral_without_subscription_is_an_invalid_argument(connect, asking):
    component = connect()
    with pytest.raises(model.InvalidArgumentsError) as caught:
        component.defer()
    assert f"{A} has not subscribed" in caught.value.message
    component.watch_updates()
    with pytest.raises(model.InvalidArgumentsError) as caught:
        component.defer(deployment_id=None)
    assert "deploymentId is required" in caught.value.message


def test_deferrals_that_nobody_waits_for_are_service_errors(connect, asking):
    component, other = connect(), connect(B)
    component.watch_updates()
    other.watch_updates()
    with pytest.raises(model.ServiceError):
        component.defer()
    update = asking.announce()
    component.next()
    with pytest.raises(model.ServiceError):
        component.defer(deployment_id="d0")
    component.defer()
    with pytest.raises(model.ServiceError) as caught:
        component.defer(recheck_after_ms=1000)
    assert f"no answer of {A} to deployment d1 is waited for" in caught.value.message
    other.defer()
    update.result(TIMEOUT_S)


@pytest.mark.parametrize("way", ["stream", "connection", "revoked"])
def test_who_hangs_up_is_not_waited_for(served, connect, asking, way):
    component = connect()
    operation = component.watch_updates()
    update = asking.announce(timeout_s=3600)
    component.next()
    if way == "stream":
        operation.close()
    elif way == "connection":
        component.close()
    else:
        served.call(lambda: served.tokens.revoke(A, 1))
    assert update.result(TIMEOUT_S) is None
    assert asking.warnings == []


def test_an_answer_may_come_over_another_connection_of_the_component(connect, asking):
    component = connect()
    component.watch_updates()
    update = asking.announce()
    component.next()
    connect().defer()
    assert update.result(TIMEOUT_S) is None


def test_a_component_accepts_what_it_gets(connect, asking):
    component = connect()
    component.watch_configuration()
    wanted = {"port": 1, "deep": {"list": [1, None], "none": None}}
    check = asking.check(A=wanted)
    event = component.next().validate_configuration_update_event
    assert (event.deployment_id, event.configuration) == ("d1", wanted)
    component.report(ACCEPTED)
    assert check.result(TIMEOUT_S) is None


def test_a_component_rejects_what_it_gets(connect, asking):
    component = connect()
    component.watch_configuration()
    check = asking.check(A={"port": -1})
    component.next()
    component.report(REJECTED, message="no such port")
    with pytest.raises(DeploymentError) as caught:
        check.result(TIMEOUT_S)
    assert f"{A} rejects its new configuration: no such port" in caught.value.message


def test_an_empty_configuration_is_one(connect, asking):
    component = connect()
    component.watch_configuration()
    check = asking.check(A={})
    event = component.next().validate_configuration_update_event
    assert event.configuration == {}
    component.report(ACCEPTED)
    check.result(TIMEOUT_S)


def test_silence_and_hanging_up_let_the_deployment_go_on(connect, asking):
    silent, gone = connect(), connect(B)
    silent.watch_configuration()
    operation = gone.watch_configuration()
    check = asking.check(timeout_s=2, A={}, B={})
    silent.next()
    gone.next()
    operation.close()
    assert check.result(TIMEOUT_S) is None
    assert asking.warnings == [f"{A} did not say whether the new configuration is valid"]


def test_reports_that_nobody_waits_for_are_invalid_arguments(connect, asking):
    component, other = connect(), connect(B)
    with pytest.raises(model.InvalidArgumentsError):
        component.report(ACCEPTED)
    component.watch_configuration()
    other.watch_configuration()
    check = asking.check(A={}, B={})
    component.next()
    for status, deployment_id in ((ACCEPTED, "d0"), (ACCEPTED, None), ("MAYBE", "d1")):
        with pytest.raises(model.InvalidArgumentsError):
            component.report(status, deployment_id)
    component.report(ACCEPTED)
    with pytest.raises(model.InvalidArgumentsError) as caught:
        component.report(REJECTED)
    assert f"none of {A} on deployment d1 is waited for" in caught.value.message
    other.report(ACCEPTED)
    assert check.result(TIMEOUT_S) is None


def test_only_the_first_stream_of_a_component_is_asked(served, connect, asking, eventually):
    first, second = connect(), connect()
    first.watch_configuration()
    second.watch_configuration()
    check = asking.check(A={})
    first.next()
    first.report(ACCEPTED)
    check.result(TIMEOUT_S)
    first.close()
    eventually(lambda: served.server.connection_count == 1)
    check = asking.check(A={})
    second.next()
    second.report(ACCEPTED)
    check.result(TIMEOUT_S)
    assert (first.events.qsize(), second.events.qsize()) == (0, 0)


def test_subscriptions_end_with_the_server(served, connect):
    component = connect()
    component.watch_updates()
    component.watch_configuration()
    served.stop()
    for _ in range(2):
        component.closed.get(timeout=TIMEOUT_S)


class Updates(v1.SubscribeToComponentUpdatesStreamHandler):
    def __init__(self) -> None:
        super().__init__()
        self.events: queue.Queue[Any] = queue.Queue()

    def on_stream_event(self, event: model.ComponentUpdatePolicyEvents) -> None:
        self.events.put(event)


class Configurations(v1.SubscribeToValidateConfigurationUpdatesStreamHandler):
    def __init__(self) -> None:
        super().__init__()
        self.events: queue.Queue[Any] = queue.Queue()

    def on_stream_event(self, event: model.ValidateConfigurationUpdateEvents) -> None:
        self.events.put(event)


def test_the_first_generation_of_clients(served, asking):
    connection = awsiot.greengrasscoreipc.connect(
        ipc_socket=str(served.socket_path), authtoken=served.component_token(A)
    )
    try:
        updates, configurations = Updates(), Configurations()
        operation = connection.new_subscribe_to_component_updates(updates)
        operation.activate(model.SubscribeToComponentUpdatesRequest())
        operation.get_response().result(TIMEOUT_S)
        checking = connection.new_subscribe_to_validate_configuration_updates(configurations)
        checking.activate(model.SubscribeToValidateConfigurationUpdatesRequest())
        checking.get_response().result(TIMEOUT_S)

        update = asking.announce()
        assert updates.events.get(timeout=TIMEOUT_S).pre_update_event.deployment_id == "d1"
        defer = connection.new_defer_component_update()
        defer.activate(model.DeferComponentUpdateRequest(deployment_id="d1", recheck_after_ms=0))
        defer.get_response().result(TIMEOUT_S)
        update.result(TIMEOUT_S)
        asking.finished()
        assert updates.events.get(timeout=TIMEOUT_S).post_update_event.deployment_id == "d1"

        check = asking.check(A={"x": 1})
        event = configurations.events.get(timeout=TIMEOUT_S)
        assert event.validate_configuration_update_event.configuration == {"x": 1}
        report = connection.new_send_configuration_validity_report()
        report.activate(
            model.SendConfigurationValidityReportRequest(
                configuration_validity_report=model.ConfigurationValidityReport(
                    status=ACCEPTED, deployment_id="d1"
                )
            )
        )
        report.get_response().result(TIMEOUT_S)
        check.result(TIMEOUT_S)
    finally:
        connection.close().result(TIMEOUT_S)
