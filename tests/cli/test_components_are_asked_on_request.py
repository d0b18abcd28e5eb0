"""Options that have a deployment ask components, and what is shown while it waits for them."""

from __future__ import annotations

import json
import re
import time

import pytest

from greendock.cli.main import main
from greendock.deployment.record import Asked, ComponentWaiting, Phase, Status

ID = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("options", "notify_s", "validate_s"),
    [
        ("", None, None),
        ("--notify-components", 60, None),
        ("--notify-components 5", 5, None),
        ("--validate-configuration", None, 20),
        ("--notify-components 5 --validate-configuration 7", 5, 7),
    ],
)
def test_the_options_reach_the_deployment(core, options, notify_s, validate_s):
    assert main(["deployment", "create", "-m", "A=1.0.0", *options.split()]) == 0
    [request] = core.deployments.requests
    assert (request.notify_s, request.validate_s) == (notify_s, validate_s)


def test_deploy_has_them_too(core, write_recipe, tmp_path):
    write_recipe(tmp_path / "recipes" / "a.yaml", "com.example.A")
    assert main(["deploy", str(tmp_path), "--no-wait", "--notify-components"]) == 0
    assert core.deployments.requests[0].notify_s == 60


@pytest.mark.parametrize(
    ("wait", "text"),
    [
        (
            ComponentWaiting("C", Asked.UPDATE, 0),
            "Waiting: C has to agree to the update, at most SECONDS s",
        ),
        (
            ComponentWaiting("C", Asked.UPDATE, 0, True, "busy"),
            "Waiting: C defers the update, goes on in SECONDS s: busy",
        ),
        (
            ComponentWaiting("C", Asked.UPDATE, 0, True),
            "Waiting: C defers the update, goes on in SECONDS s",
        ),
        (
            ComponentWaiting("C", Asked.CONFIGURATION, 0),
            "Waiting: C checks its new configuration, at most SECONDS s",
        ),
        (
            ComponentWaiting("C", Asked.HEALTH, 0, False, "it has to run well for 10 s"),
            "Waiting: C: it has to run well for 10 s, SECONDS s more",
        ),
    ],
)
def test_status_tells_which_component_is_waited_for(core, capsys, deployment_record, wait, text):
    until = time.time() + 100
    shown = ComponentWaiting(wait.component, wait.about, until, wait.deferred, wait.message)
    core.deployments.records[ID] = deployment_record(
        Status.IN_PROGRESS, Phase.PREPARING, waits=(shown,)
    )
    assert main(["deployment", "status", "-i", ID]) == 0
    line = capsys.readouterr().out.splitlines()[2]
    assert re.fullmatch(re.escape(text).replace("SECONDS", r"\d+"), line), line
    assert main(["deployment", "status", "--json", "-i", ID]) == 0
    [waiting] = json.loads(capsys.readouterr().out)["waiting"]
    assert waiting == {
        "component": "C",
        "about": wait.about.value,
        "until": until,
        "deferred": wait.deferred,
        **({"message": wait.message} if wait.message else {}),
    }
