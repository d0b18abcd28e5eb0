"""States, debug passwords, tokens of others and metrics, with the official client unmodified."""

from __future__ import annotations

import asyncio
import re

import awsiot.greengrasscoreipc
import pytest
from awsiot.greengrasscoreipc import model
from configuration_fakes import FakeClock

from greendock.ipc.calls import Call
from greendock.ipc.component_metrics import MINUTES_KEPT, ComponentMetrics, Measurement, Sum
from greendock.ipc.debug_passwords import LIFETIME_S, MOST, DebugPasswords
from greendock.ipc.operations.system import SystemOperations, SystemPorts
from greendock.lifecycle.model import State

A = "com.example.A"
MANAGER = "aws.greengrass.StreamManager"
METRICS = "aws.greengrass.ipc.componentmetric"


def first_generation(served, token: str, operation: str, request: object) -> object:
    """One call with the client of version 1."""
    connection = awsiot.greengrasscoreipc.connect(
        ipc_socket=str(served.socket_path), authtoken=token
    )
    try:
        call = getattr(connection, f"new_{operation}")()
        call.activate(request).result(10)
        return call.get_response().result(10)
    finally:
        connection.close().result(10)


# -- UpdateState


def test_a_component_reports_its_own_state(served, connect):
    served.components.add(A, State.STARTING)
    token = served.component_token(A)
    connect(served, token).update_state(state="RUNNING")
    first_generation(served, token, "update_state", model.UpdateStateRequest(state="ERRORED"))
    assert served.reports.heard == [(A, State.RUNNING), (A, State.ERRORED)]


def test_only_components_have_states_and_only_two_can_be_reported(served, connect):
    served.components.add(A)
    for token in (served.client_token(), served.component_token("com.example.Gone")):
        with pytest.raises(model.ResourceNotFoundError) as caught:
            connect(served, token).update_state(state="RUNNING")
        assert caught.value.resource_type == "Component"
    client = connect(served, served.component_token(A))
    for state in ("FINISHED", "running", None):
        with pytest.raises(model.InvalidArgumentsError):
            client.update_state(state=state)
    assert served.reports.heard == []


# -- CreateDebugPassword


def test_a_debug_password_is_made_for_clients_and_who_has_a_policy(served, connect):
    person = connect(served, served.client_token())
    answer = person.create_debug_password()
    assert answer.username == "debug"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", answer.password)
    assert answer.password_expiration.timestamp() == served.system.clock.seconds + 8 * 3600
    assert answer.certificate_sha1_hash is answer.certificate_sha256_hash is None
    assert served.system.passwords.is_valid("debug", answer.password)
    component = connect(served, served.component_token(A))
    with pytest.raises(model.UnauthorizedError):
        component.create_debug_password()
    served.policies[A] = {
        "aws.greengrass.Cli": {
            "p": {"operations": ["aws.greengrass#CreateDebugPassword"], "resources": ["*"]}
        }
    }
    assert component.create_debug_password().password != answer.password
    request = model.CreateDebugPasswordRequest()
    token = served.client_token()
    old = first_generation(served, token, "create_debug_password", request)
    assert served.system.passwords.is_valid("debug", old.password)


def test_debug_passwords_end_and_only_the_whole_is_right():
    clock = FakeClock()
    passwords = DebugPasswords(clock)
    made = passwords.create()
    assert passwords.is_valid("debug", made.password)
    for user, password in (
        ("root", made.password),
        ("debug", made.password[:-1]),
        ("debug", ""),
        ("debug", "\udc80"),
    ):
        assert not passwords.is_valid(user, password)
    clock.seconds += LIFETIME_S - 1
    assert passwords.is_valid("debug", made.password)
    clock.seconds += 1
    assert not passwords.is_valid("debug", made.password)


def test_debug_passwords_are_bounded_and_kept_as_hashes():
    passwords = DebugPasswords(FakeClock())
    made = [passwords.create() for _ in range(MOST + 1)]
    assert not passwords.is_valid("debug", made[0].password)
    assert all(passwords.is_valid("debug", one.password) for one in made[1:])
    assert len(passwords._ends) == MOST
    assert made[-1].password not in repr(passwords._ends)
    assert made[-1].password not in repr(made[-1])


# -- ValidateAuthorizationToken


def test_the_stream_manager_may_ask_whether_a_token_is_right(served, connect):
    manager = connect(served, served.component_token(MANAGER))
    token = served.component_token(A)
    assert manager.validate_authorization_token(token=token).is_valid is True
    assert served.system.clock.slept == []
    request = model.ValidateAuthorizationTokenRequest(token=token)
    answer = first_generation(
        served, served.component_token(MANAGER, 2), "validate_authorization_token", request
    )
    assert answer.is_valid is True
    for wrong in ("", "0" * 32, token.lower(), token + "0"):
        with pytest.raises(model.InvalidTokenError) as caught:
            manager.validate_authorization_token(token=wrong)
        assert caught.value.message == "Invalid token used"
    assert len(served.system.clock.slept) == 4
    served.call(lambda: served.tokens.revoke(A, 1))
    with pytest.raises(model.InvalidTokenError):
        manager.validate_authorization_token(token=token)


def test_nobody_else_may_ask(served, connect):
    token = served.component_token(A)
    for own in (served.client_token(), token, served.component_token("aws.greengrass.Other")):
        with pytest.raises(model.UnauthorizedError):
            connect(served, own).validate_authorization_token(token=token)
    assert served.system.clock.slept == []


def test_wrong_tokens_wait_for_each_other_and_never_for_right_ones():
    turns: list[asyncio.Event] = []

    async def pause(_seconds: float) -> None:
        turns.append(asyncio.Event())
        await turns[-1].wait()

    async def scenario() -> None:
        clock = FakeClock()
        operations = SystemOperations(
            SystemPorts(
                DebugPasswords(clock), ComponentMetrics(clock), lambda token: token == "R", pause
            )
        )

        def ask(token: str) -> asyncio.Task:
            return asyncio.ensure_future(
                operations.validate_token(Call(MANAGER, {"token": token}))
            )

        wrong = [ask("W") for _ in range(3)]
        assert await ask("R") == {"isValid": True}
        for number in range(3):
            assert len(turns) == number + 1
            assert sum(task.done() for task in wrong) == number
            turns[-1].set()
            await asyncio.wait(wrong[number : number + 1])
            await ask("R")
        results = await asyncio.gather(*wrong, return_exceptions=True)
        assert [result.model for result in results] == ["aws.greengrass#InvalidTokenError"] * 3

    asyncio.run(scenario())


# -- PutComponentMetric


def metric(name: str = "m", unit: str = "COUNT", value: float = 1.0) -> model.Metric:
    return model.Metric(name=name, unit=unit, value=value)


def test_metrics_are_summed_by_component_name_unit_and_minute(served, connect):
    manager = connect(served, served.component_token(MANAGER))
    manager.put_component_metric(metrics=[metric(value=1), metric(value=2.5)])
    manager.put_component_metric(metrics=[metric(unit="BYTES", value=0)])
    served.system.clock.seconds += 60
    request = model.PutComponentMetricRequest(metrics=[metric(value=4)])
    token = served.component_token(MANAGER, 2)
    assert first_generation(served, token, "put_component_metric", request) is not None
    minute = 1_700_000_000 // 60 * 60
    assert served.system.metrics.sums() == [
        Sum(minute, MANAGER, "m", "COUNT", 3.5),
        Sum(minute, MANAGER, "m", "BYTES", 0.0),
        Sum(minute + 60, MANAGER, "m", "COUNT", 4.0),
    ]


@pytest.mark.parametrize(
    "metrics",
    [
        None,
        [],
        [metric(name="")],
        [metric(name="x" * 33)],
        [metric(name="ü" * 17)],
        [metric(name=None)],
        [metric(unit="METERS")],
        [metric(unit=None)],
        [metric(value=-0.5)],
        [metric(value=None)],
        [metric(value=float("nan"))],
        [metric(value=float("inf"))],
        [metric(value=10**400)],
        [metric(), metric(value=-1)],
    ],
)
def test_what_is_no_metric_is_an_invalid_argument_and_nothing_is_counted(served, connect, metrics):
    manager = connect(served, served.component_token(MANAGER))
    with pytest.raises(model.InvalidArgumentsError):
        manager.put_component_metric(metrics=metrics)
    assert served.system.metrics.sums() == []


def test_metrics_are_for_components_of_the_system_with_a_policy(served, connect):
    for token in (served.component_token(A), served.client_token()):
        with pytest.raises(model.UnauthorizedError):
            connect(served, token).put_component_metric(metrics=[metric()])
    other = "aws.greengrass.Other"
    client = connect(served, served.component_token(other))
    with pytest.raises(model.UnauthorizedError):
        client.put_component_metric(metrics=[metric("m1")])
    served.policies[other] = {
        METRICS: {"p": {"operations": ["aws.greengrass#PutComponentMetric"], "resources": ["m*"]}}
    }
    client.put_component_metric(metrics=[metric("m1"), metric("m2")])
    with pytest.raises(model.UnauthorizedError) as caught:
        client.put_component_metric(metrics=[metric("m3"), metric("x")])
    assert "on resource x" in caught.value.message
    assert [one.name for one in served.system.metrics.sums()] == ["m1", "m2"]


def test_sums_are_bounded_in_number_in_age_and_in_size(caplog):
    clock = FakeClock()
    metrics = ComponentMetrics(clock, most=3)
    for name in "abcde":
        metrics.add("aws.one", [Measurement(name, "COUNT", 1)])
    metrics.add("aws.one", [Measurement("a", "COUNT", 1)])
    assert {one.name: one.value for one in metrics.sums()} == {"a": 2.0, "b": 1.0, "c": 1.0}
    assert caplog.text.count("metrics of aws.one are left out") == 1
    clock.seconds += (MINUTES_KEPT - 1) * 60
    metrics.add("aws.one", [])
    assert len(metrics.sums()) == 3
    clock.seconds += 60
    metrics.add("aws.two", [Measurement("big", "COUNT", 1e308)] * 3)
    [only] = metrics.sums()
    assert (only.namespace, only.value > 1e308, only.value < float("inf")) == (
        "aws.two",
        True,
        True,
    )


def test_a_clock_that_is_put_back_does_not_end_the_counting():
    """A device without a battery for its clock may begin years ahead."""
    clock = FakeClock()
    metrics = ComponentMetrics(clock, most=3)
    clock.seconds += 10 * 365 * 86400
    for name in "abc":
        metrics.add("aws.one", [Measurement(name, "COUNT", 1)])
    clock.seconds -= 10 * 365 * 86400
    metrics.add("aws.one", [Measurement("d", "COUNT", 1)])
    assert [one.name for one in metrics.sums()] == ["d"]
    clock.seconds -= 1
    metrics.add("aws.one", [Measurement("d", "COUNT", 1)])
    assert sum(one.value for one in metrics.sums()) == 2
