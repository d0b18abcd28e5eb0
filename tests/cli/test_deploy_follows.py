"""`greendock deploy` shows what happens, ends with the result, and never takes the deployment
down with it."""

from __future__ import annotations

import json
import os
import signal

import pytest

from greendock.cli.client import Client
from greendock.cli.main import main
from greendock.deployment.record import (
    DeploymentChanged,
    DeploymentNote,
    DetailedStatus,
    ImageProgressed,
    Phase,
    Status,
)
from greendock.lifecycle.model import ComponentStateChanged, State

ID = "11111111-2222-4333-8444-555555555555"
WEB = "com.example.Web"


def image(phase: str, current: int = 0, total: int = 0, **layers: tuple[str, int, int]):
    return ImageProgressed(ID, "nginx:1.25", phase, current, total, dict(layers))


def state(new: State, code: str = "NONE", reason: str = "") -> ComponentStateChanged:
    return ComponentStateChanged(WEB, "1.0.0", State.NEW, new, code, reason, 0.0)


@pytest.fixture
def recipe(write_recipe, tmp_path):
    return str(write_recipe(tmp_path / "web.yaml", WEB))


@pytest.fixture
def good(core, deployment_record):
    core.bus.script = [
        DeploymentChanged(deployment_record(phase=Phase.RESOLVING)),
        DeploymentChanged(deployment_record(phase=Phase.PREPARING, warnings=("tag 100% moved",))),
        DeploymentNote(ID, "info", "waiting for the engine {0}"),
        image("downloading", 0, 2000000),
        image("downloading", 1000000, 2000000),
        image("pulled", 2000000, 2000000),
        DeploymentChanged(deployment_record(phase=Phase.APPLYING, warnings=("tag 100% moved",))),
        state(State.STARTING),
        state(State.RUNNING),
        core.ends(timings={"resolving": 0.1}),
    ]
    return core


@pytest.fixture
def bad(core, deployment_record):
    core.bus.script = [
        DeploymentChanged(deployment_record(phase=Phase.APPLYING)),
        state(State.BROKEN, "RUN_ERROR", "exit code 50% {1}"),
        core.ends(
            Status.FAILED,
            detailed=DetailedStatus.FAILED_ROLLBACK_COMPLETE,
            error_stack=("DEPLOYMENT_FAILURE", "COMPONENT_BROKEN"),
            error_types=("USER_COMPONENT_ERROR",),
            cause=f"{WEB} is BROKEN: 50% {{0}} %s",
        ),
    ]
    return core


def test_plain_lines_one_for_each_change(good, recipe, capsys):
    assert main(["deploy", recipe]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:-1] == [
        f"Local deployment submitted! Deployment Id: {ID}",
        "deployment: queued",
        "deployment: resolving",
        "deployment: preparing",
        "warning: tag 100% moved",
        "info: waiting for the engine {0}",
        "image nginx:1.25: downloading, 0 B of 2.0 MB",
        "image nginx:1.25: pulled",
        "deployment: applying",
        f"component {WEB} 1.0.0: STARTING",
        f"component {WEB} 1.0.0: RUNNING",
        "deployment: done",
    ]
    assert lines[-1].startswith(f"Deployment {ID} SUCCEEDED in ")


def test_deployment_create_can_wait_too(good, capsys):
    assert main(["deployment", "create", "-m", f"{WEB}=1.0.0", "--wait"]) == 0
    assert "SUCCEEDED" in capsys.readouterr().out


def test_a_failure_says_why_and_where_to_look(bad, recipe, capsys):
    assert main(["deploy", recipe]) == 1
    shown = capsys.readouterr()
    assert f"component {WEB} 1.0.0: BROKEN (exit code 50% {{1}})" in shown.out
    log = bad.root / "logs" / f"{WEB}.log"
    assert shown.err == (
        f"error: deployment {ID} failed (FAILED_ROLLBACK_COMPLETE): "
        f"{WEB} is BROKEN: 50% {{0}} %s\n"
        f"hint: see {log}: `greendock logs get -lf {log}`\n"
        "Detailed Status: FAILED_ROLLBACK_COMPLETE\n"
        "Deployment Error Stack: DEPLOYMENT_FAILURE, COMPONENT_BROKEN\n"
        "Deployment Error Types: USER_COMPONENT_ERROR\n"
    )


def test_json_is_one_final_object(good, recipe, capsys):
    assert main(["deploy", recipe, "--json"]) == 0
    shown = capsys.readouterr()
    result = json.loads(shown.out)
    assert result["status"] == "SUCCEEDED"
    assert result["detailedStatus"] == "SUCCESSFUL"
    assert result["timings"] == {"resolving": 0.1}
    assert [each["state"] for each in result["components"]] == ["RUNNING"]
    assert "error" not in result
    assert shown.err == ""


def test_json_of_a_failure_has_the_error(bad, recipe, capsys):
    assert main(["deploy", recipe, "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["errorStack"] == ["DEPLOYMENT_FAILURE", "COMPONENT_BROKEN"]
    assert result["error"]["codes"] == ["DEPLOYMENT_FAILURE", "COMPONENT_BROKEN"]
    assert WEB in result["error"]["hint"]


def test_an_image_failure_points_to_the_docker_log(core, recipe, capsys):
    core.bus.script = [
        core.ends(
            Status.FAILED,
            detailed=DetailedStatus.FAILED_NO_STATE_CHANGE,
            error_stack=("DEPLOYMENT_FAILURE", "DOCKER_ERROR"),
            cause="no such image",
        )
    ]
    assert main(["deploy", recipe]) == 1
    assert "logs/aws.greengrass.DockerApplicationManager.log" in capsys.readouterr().err


def test_a_canceled_deployment_is_a_failure(core, recipe, capsys):
    core.bus.script = [core.ends(Status.CANCELED, detailed=None)]
    assert main(["deploy", recipe]) == 1
    assert capsys.readouterr().err == f"error: deployment {ID} was canceled\n"


def test_a_timeout_leaves_the_deployment_alone(core, recipe, capsys):
    assert main(["deploy", recipe, "--timeout", "0.2"]) == 4
    shown = capsys.readouterr().err
    assert f"error: deployment {ID} is not over after 0.2 s and goes on" in shown
    assert f"greendock deployment status --root {core.root} -i {ID}" in shown


def test_a_core_that_goes_away_ends_with_3_and_the_command_to_ask_later(core, recipe, capsys):
    core.bus.script = [core.go_away]
    assert main(["deploy", recipe]) == 3
    shown = capsys.readouterr().err
    assert f"lost the connection to the core at {core.root} while it worked on" in shown
    assert f"greendock deployment status --root {core.root} -i {ID}" in shown


@pytest.mark.parametrize("json_option", [[], ["--json"]])
def test_ctrl_c_ends_the_waiting_only(core, recipe, program, eventually, json_option):
    process = program.start("deploy", recipe, *json_option)
    eventually(lambda: bool(core.deployments.requests) and core.server.connection_count == 1)
    eventually(lambda: bool(core.bus.script_started))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    said = out if json_option else err
    assert f"deployment {ID} goes on".encode() in said
    assert f"deployment cancel --root {core.root} -i {ID}".encode() in said
    assert b"Traceback" not in err


def test_control_characters_cannot_steer_the_terminal(core, recipe, capsys, deployment_record):
    core.bus.script = [
        DeploymentChanged(deployment_record()),
        DeploymentNote(ID, "info", "\x1b[2J gone"),
        state(State.BROKEN, "RUN_ERROR", "\x1b]0;title\x07 \x9b2J"),
        core.ends(),
    ]
    assert main(["deploy", recipe]) == 0
    shown = capsys.readouterr().out
    assert "info: \\x1b[2J gone" in shown
    assert "title" in shown
    assert not set(shown) & {"\x1b", "\x07", "\x9b"}


def test_events_can_be_iterated(core, deployment_record):
    core.deployments.records[ID] = deployment_record(Status.SUCCEEDED, Phase.DONE)
    with Client(str(core.root)) as client:
        events = client.subscribe("greendock#SubscribeToDeployment", {"deploymentId": ID})
        assert [list(event) for event in events] == [["status"]]
        assert events.ended


def test_a_subscription_can_be_closed_and_the_connection_used_on(core, deployment_record):
    core.deployments.records[ID] = deployment_record()
    with Client(str(core.root)) as client:
        events = client.subscribe("greendock#SubscribeToDeployment", {"deploymentId": ID})
        assert events.next(20) is not None
        assert events.next(0.01) is None
        events.close()
        assert client.call("ListComponents") == {"components": []}


def test_a_closed_pipe_is_quiet(core, program):
    for number in range(3000):
        core.components.add(f"com.example.C{number}")
    reading, writing = os.pipe()
    process = program.start("component", "list", stdout=writing)
    os.close(writing)
    os.close(reading)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 141
    assert err == b""
