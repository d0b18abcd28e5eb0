"""`deployment …` sends what the options say and prints what the official client prints."""

from __future__ import annotations

import json
import re
import time

import pytest

from greendock.cli.main import main
from greendock.deployment.document import ConfigurationUpdate, FailurePolicy, LocalRequest
from greendock.deployment.record import DetailedStatus, ImageWaiting, Phase, Status
from greendock.lifecycle.model import ResourceLimits, RunWith

ID = "11111111-2222-4333-8444-555555555555"
CAUSE = "50% of {0} failed: %s %d {artifacts:path}"


@pytest.fixture
def failed(core, deployment_record):
    core.deployments.records[ID] = deployment_record(
        Status.FAILED,
        Phase.DONE,
        detailed=DetailedStatus.FAILED_NO_STATE_CHANGE,
        error_stack=("DEPLOYMENT_FAILURE", "DOCKER_ERROR"),
        error_types=("DEPENDENCY_ERROR",),
        cause=CAUSE,
        warnings=("the tag moved",),
        timings={"resolving": 0.25},
    )
    return core


def test_create_sends_every_option_and_prints_the_id(core, capsys, tmp_path, monkeypatch):
    (tmp_path / "r").mkdir()
    (tmp_path / "home" / "a").mkdir(parents=True)
    (tmp_path / "limits.json").write_text('{"A": {"cpus": 0.5, "memory": 1024}}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    options = "-r r -a ~/a -m A=1.0.0 --remove B&C -g G --runWith A:posixUser=u:g -fp ROLLBACK"
    update = '{"A": {"MERGE": {"x": 1}, "RESET": ["/y"]}}'
    files = ["--systemLimits", "limits.json", "-c", update]
    code = main(["deployment", "create", *options.split(), *files])
    assert code == 0
    assert capsys.readouterr().out == f"Local deployment submitted! Deployment Id: {ID}\n"
    assert core.deployments.requests == [
        LocalRequest(
            group="thinggroup/G",
            merge={"A": "1.0.0"},
            remove=("B", "C"),
            configuration={"A": ConfigurationUpdate({"x": 1}, ("/y",))},
            run_with={"A": RunWith("u:g", ResourceLimits(1024, 0.5))},
            recipe_paths=(tmp_path / "r",),
            artifact_folders=(tmp_path / "home" / "a",),
            failure_policy=FailurePolicy.ROLLBACK,
        )
    ]


def test_create_with_nothing_but_recipes_is_legal(core, capsys, tmp_path):
    assert main(["deployment", "create", "--recipeDir", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"deploymentId": ID}
    assert core.deployments.requests == [LocalRequest(recipe_paths=(tmp_path,))]


def test_a_refused_request_is_one_plain_error(core, capsys, tmp_path):
    assert main(["deployment", "create", "-r", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.startswith(f"error: cannot use {tmp_path / 'none'}")


def test_status_of_a_failure_says_why_and_formats_nothing(failed, capsys):
    assert main(["deployment", "status", "-i", ID]) == 0
    assert capsys.readouterr().out == (
        f"{ID}: FAILED\n"
        "Created on: 14-11-2023 22:13:20 UTC\n"
        "Detailed Status: FAILED_NO_STATE_CHANGE\n"
        "Deployment Error Stack: DEPLOYMENT_FAILURE, DOCKER_ERROR\n"
        "Deployment Error Types: DEPENDENCY_ERROR\n"
        f"Deployment Failure Cause: {CAUSE}\n"
    )


def test_verbose_status_adds_phase_warnings_and_timings(failed, capsys):
    assert main(["deployment", "status", "--verbose", "-i", ID]) == 0
    assert capsys.readouterr().out.endswith(
        f"Deployment Failure Cause: {CAUSE}\n"
        "Phase: done\nWarning: the tag moved\nTimings: resolving 0.25 s\n"
    )


def test_json_status(failed, capsys):
    assert main(["deployment", "status", "--json", "-i", ID]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "deploymentId": ID,
        "status": "FAILED",
        "detailedStatus": "FAILED_NO_STATE_CHANGE",
        "createdOn": "14-11-2023 22:13:20 UTC",
        "errorStack": ["DEPLOYMENT_FAILURE", "DOCKER_ERROR"],
        "errorTypes": ["DEPENDENCY_ERROR"],
        "cause": CAUSE,
        "phase": "done",
        "warnings": ["the tag moved"],
        "timings": {"resolving": 0.25},
        "waiting": [],
    }


def test_status_of_a_success_is_two_lines(core, capsys, deployment_record):
    core.deployments.records[ID] = deployment_record(
        Status.SUCCEEDED, Phase.DONE, detailed=DetailedStatus.SUCCESSFUL
    )
    assert main(["deployment", "status", "-i", ID]) == 0
    assert capsys.readouterr().out == f"{ID}: SUCCEEDED\nCreated on: 14-11-2023 22:13:20 UTC\n"


def test_list_prints_blocks(failed, capsys, deployment_record):
    failed.deployments.records["x"] = deployment_record()
    block = f"Deployment ID: {ID}\nCreated on: 14-11-2023 22:13:20 UTC\nStatus: "
    assert main(["deployment", "list"]) == 0
    assert capsys.readouterr().out == f"{block}FAILED\n\n{block}IN_PROGRESS\n"


def test_list_of_none_prints_nothing(core, capsys):
    assert main(["deployment", "list"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["deployment", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"deployments": []}


def test_list_json_and_verbose(failed, capsys):
    assert main(["deployment", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["deployments"]
    assert listed[0]["cause"] == CAUSE
    assert "phase" not in listed[0]
    assert main(["deployment", "list", "--verbose"]) == 0
    assert capsys.readouterr().out.endswith(
        "Status: FAILED\nPhase: done\nWarning: the tag moved\nTimings: resolving 0.25 s\n"
    )


def test_cancel_prints_the_answer(failed, capsys):
    assert main(["deployment", "cancel", "-i", ID]) == 0
    answer = f"Cancel request submitted. Deployment ID: {ID}"
    assert capsys.readouterr().out == f"{answer}\n"
    assert main(["deployment", "cancel", "-i", ID, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"deploymentId": ID, "message": answer}


def test_an_unknown_deployment_is_a_failure(core, capsys):
    for verb in ("status", "cancel"):
        assert main(["deployment", verb, "-i", ID]) == 1
        assert ID in capsys.readouterr().err


def test_status_tells_what_a_deployment_waits_for(core, capsys, deployment_record):
    wait = ImageWaiting("mysql:8.0", 3, time.time() + 100, "cannot pull mysql:8.0: no network")
    engine = ImageWaiting("app:1", 1, None, "the engine is away")
    core.deployments.records[ID] = deployment_record(
        Status.IN_PROGRESS, Phase.PREPARING, waits=(wait, engine)
    )
    assert main(["deployment", "status", "-i", ID]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{ID}: IN_PROGRESS"
    assert re.fullmatch(
        r"Waiting: mysql:8\.0, attempt 3 failed, next try in (99|100) s: cannot pull mysql:8\.0: "
        "no network",
        lines[2],
    )
    assert lines[3].endswith("next try when the engine is back: the engine is away")
    assert main(["deployment", "status", "--json", "-i", ID]) == 0
    waiting = json.loads(capsys.readouterr().out)["waiting"]
    assert [each["image"] for each in waiting] == ["mysql:8.0", "app:1"]
    assert waiting[0]["attempt"] == 3


@pytest.mark.parametrize("option", ["--supersede", "--offline"])
def test_superseding_and_offline_are_asked_for(core, capsys, tmp_path, option):
    argv = ["deployment", "create", "--recipeDir", str(tmp_path), option]
    assert main(argv) == 0
    assert core.deployments.requests[0].offline is (option == "--offline")
    assert core.deployments.superseded == ([ID] if option == "--supersede" else [])
