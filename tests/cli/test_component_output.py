"""`component …` prints what the official client prints; more only when asked."""

from __future__ import annotations

import json

import pytest

from greendock.cli.main import main


@pytest.fixture
def two(core):
    core.components.add("com.example.Web", {"port": 8080, "text": "50% {0} ünï\n"}, pid=77)
    core.components.add("com.example.Db", status_code="RUN_ERROR", status_reason="exit code 1")
    return core


def test_list_prints_four_lines_for_each(two, capsys):
    assert main(["component", "list"]) == 0
    assert capsys.readouterr().out == (
        "Components currently running in Greengrass:\n"
        "Component Name: com.example.Web\n"
        "    Version: 1.0.0\n"
        "    State: RUNNING\n"
        '    Configuration: {"port":8080,"text":"50% {0} ünï\\n"}\n'
        "Component Name: com.example.Db\n"
        "    Version: 1.0.0\n"
        "    State: RUNNING\n"
        "    Configuration: null\n"
    )


def test_details_prints_the_same_of_one(two, capsys):
    assert main(["component", "details", "-n", "com.example.Db"]) == 0
    assert capsys.readouterr().out == (
        "Component Name: com.example.Db\n"
        "    Version: 1.0.0\n"
        "    State: RUNNING\n"
        "    Configuration: null\n"
    )


def test_verbose_adds_status_and_process(two, capsys):
    assert main(["component", "list", "--verbose"]) == 0
    shown = capsys.readouterr().out
    assert "    Status: NONE\n    Restarts: 0\n    Process: 77\n" in shown
    assert "    Status: RUN_ERROR\n    Status Reason: exit code 1\n    Restarts: 0\n" in shown


def test_json_always_has_all_members(two, capsys):
    assert main(["component", "details", "-n", "com.example.Db", "--json"]) == 0
    db = {
        "componentName": "com.example.Db",
        "version": "1.0.0",
        "state": "RUNNING",
        "statusCode": "RUN_ERROR",
        "statusReason": "exit code 1",
        "restarts": 0,
        "paused": False,
        "pid": None,
        "containers": [],
        "containersKnown": True,
        "adopted": False,
        "containerLimits": None,
        "unowned": [],
        "configuration": {},
    }
    assert json.loads(capsys.readouterr().out) == db
    assert main(["component", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["components"]
    assert listed[1] == db
    assert listed[0]["pid"] == 77


def test_a_paused_component_shows_as_such(core, capsys):
    core.components.add("com.example.Web", is_paused=True)
    shown = "    State: RUNNING\n    Paused: true\n"
    for arguments in (["list"], ["details", "-n", "com.example.Web"], ["list", "--verbose"]):
        assert main(["component", *arguments]) == 0
        assert shown in capsys.readouterr().out
    assert main(["component", "details", "-n", "com.example.Web", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["paused"] is True


@pytest.mark.parametrize("verb", ["restart", "stop", "pause", "resume"])
def test_changes_ask_for_each_and_print_nothing(two, capsys, verb):
    assert main(["component", verb, "-n", "com.example.Web&com.example.Db"]) == 0
    assert two.components.asked == [(verb, "com.example.Web"), (verb, "com.example.Db")]
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_a_refused_restart_is_a_failure_and_the_others_are_asked_for(two, capsys):
    two.components.fixed.add("com.example.Web")
    assert main(["component", "restart", "-n", "com.example.Web,no.such,com.example.Db"]) == 1
    assert two.components.asked == [("restart", "com.example.Db")]
    shown = capsys.readouterr().err
    assert "cannot restart com.example.Web: " in shown
    assert "it is part of the core" in shown
    assert "cannot restart no.such: " in shown


def test_a_refused_pause_is_a_failure_and_the_others_are_asked_for(two, capsys):
    two.components.fixed.add("com.example.Web")
    assert main(["component", "pause", "-n", "com.example.Web,com.example.Db"]) == 1
    assert two.components.asked == [("pause", "com.example.Db")]
    assert "cannot pause com.example.Web: " in capsys.readouterr().err


def test_json_of_a_restart_names_each_result(two, capsys):
    two.components.fixed.add("com.example.Web")
    assert main(["component", "restart", "--json", "-n", "com.example.Web,com.example.Db"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert [each["status"] for each in shown["components"]] == ["FAILED", "SUCCEEDED"]
    assert "com.example.Web" in shown["error"]["message"]


def test_an_unknown_component_is_one_plain_error(core, capsys):
    assert main(["component", "details", "-n", "no.such"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "error: cannot find component no.such on this core\n"
    assert main(["component", "details", "-n", "no.such", "--json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["message"].endswith("no.such on this core")
    assert shown.err == ""
