"""What a deployment does to a component that runs: nothing, a restart, or a new install."""

from __future__ import annotations

import json
from typing import Any

import pytest
from device import FOREVER, Component, Device, wait_gone

from lab.waiting import wait_until

UP = ["INSTALLED", "STARTING", "RUNNING"]
RESTARTED = [*UP, "STOPPING", *UP]
REINSTALLED = [*UP, "STOPPING", "NEW", *UP]


def lifecycle(device: Device, **more: Any) -> dict[str, Any]:
    return {
        "install": device.note("install"),
        "run": f"{device.note('run')}; {FOREVER}",
        "shutdown": device.note("shutdown"),
        **more,
    }


def update(name: str, **values: Any) -> list[str]:
    return ["--merge", f"{name}=1.0.0", "--update-config", json.dumps({name: {"MERGE": values}})]


def test_an_upgrade_stops_the_old_version_with_its_own_script(device):
    name = "com.example.Upgrade"
    old = {
        "setenv": {"WHICH": "old"},
        "run": FOREVER,
        "shutdown": f"echo stop $WHICH {{configuration:/port}} >> {device.core.root}/notes",
        "uninstall": device.note("uninstall"),
    }
    new = {
        "setenv": {"WHICH": "new"},
        "install": device.note("install new"),
        "run": f"{device.note('run new')}; {FOREVER}",
        "shutdown": device.note("stop new"),
    }
    device.deploy(Component(name, old, configuration={"port": 1}))
    pid = device.pid(name)
    device.deploy(Component(name, new, "2.0.0"))
    device.wait_notes("stop old 1", "install new", "run new")
    device.wait_history(name, *REINSTALLED)
    assert device.details(name)["version"] == "2.0.0"
    wait_gone([pid])
    device.remove(name)
    assert device.notes()[3:] == ["stop new"], (
        "an upgrade is no removal, and 2.0.0 has no uninstall"
    )


def test_a_downgrade_is_an_upgrade(device):
    name = "com.example.Downgrade"
    for version in ("2.0.0", "1.0.0"):
        script = f"{device.note(version)}; {FOREVER}"
        device.deploy(Component(name, {"run": script}, version))
    device.wait_notes("2.0.0", "1.0.0")
    device.wait_history(name, *REINSTALLED)


def test_the_same_deployment_again_changes_nothing(device):
    name = "com.example.Same"
    folder = device.core.root / "same"
    Component(name, lifecycle(device), files={"data": b"x"}).write(folder)
    device.core.deploy(folder)
    pid = device.pid(name)
    device.core.deploy(folder)
    device.change("--merge", f"{name}=1.0.0")
    assert device.pid(name) == pid
    assert device.history(name) == UP
    assert device.notes() == ["install", "run"]
    device.remove(name)


def test_a_configuration_that_no_script_uses_restarts_nothing(device):
    name = "com.example.Unused"
    device.deploy(Component(name, lifecycle(device), configuration={"port": 1}))
    pid = device.pid(name)
    device.change(*update(name, port=2))
    details = device.details(name)
    assert details["configuration"] == {"port": 2}
    assert details["pid"] == pid
    assert device.history(name) == UP


@pytest.mark.parametrize(
    ("step", "states"),
    [("run", RESTARTED), ("setenv", RESTARTED), ("recover", RESTARTED), ("install", REINSTALLED)],
)
def test_a_configuration_that_a_script_uses_restarts_or_reinstalls(device, step, states):
    name = f"com.example.Used{step.capitalize()}"
    used: dict[str, Any] = {
        "run": f"echo {{configuration:/port}} >> {device.core.root}/notes; {FOREVER}",
        "setenv": {"PORT": "{configuration:/port}"},
        "recover": "true {configuration:/port}",
        "install": "true {configuration:/port}",
    }
    device.deploy(
        Component(name, lifecycle(device, **{step: used[step]}), configuration={"port": 1})
    )
    device.change(*update(name, port=2))
    device.wait_history(name, *states)


def test_a_change_of_shutdown_alone_waits_for_the_next_start(device):
    name = "com.example.Shutdown"
    old = lifecycle(device, shutdown=device.note("{configuration:/word}"))
    device.deploy(Component(name, old, configuration={"word": "first"}))
    pid = device.pid(name)
    device.change(*update(name, word="second"))
    assert device.pid(name) == pid
    assert device.history(name) == UP
    device.core.cli("component", "restart", "-n", name)
    device.wait_history(name, *RESTARTED)
    device.core.cli("component", "stop", "-n", name)
    device.wait_state(name, "FINISHED")
    device.wait_notes("install", "run", "first", "run", "second")


def test_a_change_of_uninstall_alone_restarts_nothing_and_counts_at_the_removal(device):
    name = "com.example.Uninstall"
    device.deploy(Component(name, lifecycle(device, uninstall=device.note("old"))))
    pid = device.pid(name)
    device.deploy(Component(name, lifecycle(device, uninstall=device.note("new"))))
    assert device.pid(name) == pid
    device.remove(name)
    assert device.notes() == ["install", "run", "shutdown", "new"]


def test_a_changed_artifact_of_the_same_version_reinstalls(device):
    name = "com.example.Artifact"
    run = f"cat {{artifacts:path}}/data >> {device.core.root}/notes; {FOREVER}"
    for text in (b"one\n", b"two\n"):
        device.deploy(Component(name, {"run": run}, files={"data": text}))
    device.wait_notes("one", "two")
    device.wait_history(name, *REINSTALLED)


def test_a_changed_recipe_of_the_same_version_restarts(device):
    name = "com.example.Edited"
    for word in ("one", "two"):
        device.deploy(Component(name, {"run": f"{device.note(word)}; {FOREVER}"}))
    device.wait_notes("one", "two")
    device.wait_history(name, *RESTARTED)


def test_a_component_that_was_stopped_stays_so_when_others_are_deployed(device):
    stopped, other = "com.example.Stopped", "com.example.Else"
    device.deploy(Component(stopped, {"run": FOREVER}))
    device.core.cli("component", "stop", "-n", stopped)
    device.wait_history(stopped, *UP, "STOPPING", "FINISHED")
    device.deploy(Component(other, {"run": FOREVER}))
    assert device.history(stopped) == [*UP, "STOPPING", "FINISHED"]


def test_a_changed_component_starts_again_after_it_was_stopped(device):
    name = "com.example.Comes"
    device.deploy(Component(name, lifecycle(device)))
    device.core.cli("component", "stop", "-n", name)
    device.wait_state(name, "FINISHED")
    device.deploy(Component(name, lifecycle(device), "1.1.0"))
    device.wait_state(name, "RUNNING")


def test_a_change_while_it_installs_installs_the_new_version_instead(device):
    name = "com.example.Early"
    slow = Component(name, {"install": f"{device.note('slow')}; {FOREVER}", "run": FOREVER})
    slow.write(device.core.root / "early")
    device.core.cli(
        *("deployment", "create", "--recipeDir", device.core.root / "early" / "recipes"),
        *("--merge", f"{name}=1.0.0"),
    )
    device.wait_notes("slow")
    status = device.core.cli("component", "restart", "-n", name)
    assert status.returncode == 0
    wait_until(lambda: name in device.core.cli("component", "list").stdout, "it is known")
    device.core.cli("component", "stop", "-n", name)
    device.wait_state(name, "FINISHED")
    device.deploy(Component(name, {"run": f"{device.note('new')}; {FOREVER}"}, "2.0.0"))
    device.wait_state(name, "RUNNING")
    assert device.notes()[-1] == "new"


def test_two_versions_of_a_dependency_change_places_below_a_running_depender(device):
    base, top = "com.example.Under", "com.example.Over"
    over = Component(top, lifecycle(device), dependencies={base: "HARD"})
    device.deploy(over, Component(base, {"run": FOREVER}))
    pid = device.pid(top)
    device.deploy(Component(base, {"run": FOREVER}, "2.0.0"))
    assert device.pid(top) != pid, "a HARD depender restarts with its dependency"
    device.wait_history(top, *RESTARTED)
    device.wait_history(base, *REINSTALLED)
