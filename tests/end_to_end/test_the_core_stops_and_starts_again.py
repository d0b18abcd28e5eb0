"""A core that is stopped, killed and started again: components end in order and run once."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from device import FOREVER, Component, Device, wait_gone

from lab import processes
from lab.core import Core
from lab.lab import Lab
from lab.waiting import wait_until

UP = ["INSTALLED", "STARTING", "RUNNING"]
CHAIN = ("com.example.One", "com.example.Two", "com.example.Three")


def chain(device: Device) -> list[Component]:
    """Each needs the one before it."""
    components = []
    before: dict[str, str] = {}
    for name in CHAIN:
        short = name.rpartition(".")[2]
        lifecycle = {
            "install": device.note(f"{short} installs"),
            "startup": f"{device.note(f'{short} up')}; setsid sleep 100000 >/dev/null 2>&1 &",
            "shutdown": device.note(f"{short} down"),
        }
        components.append(Component(name, lifecycle, dependencies=before))
        before = {name: "HARD"}
    return components


def running(device: Device, text: str) -> set[int]:
    """Living processes of components (not of the core) with `text` in their command line."""
    needle = text.encode()
    found = processes.mentioning(str(device.core.root)) - {device.core.pid}
    return {
        pid
        for pid in found
        if processes.alive(pid) and needle in Path(f"/proc/{pid}/cmdline").read_bytes()
    }


def ups(device: Device) -> list[str]:
    return [note for note in device.notes() if note.endswith("up")]


def test_sigterm_stops_dependers_first_and_exits_with_0(make_device):
    device: Device = make_device()
    device.deploy(*chain(device))
    sleepers = running(device, "sleep")
    assert len(sleepers) == 3
    assert device.core.stop() == 0
    downs = [note for note in device.notes() if note.endswith("down")]
    assert downs == ["Three down", "Two down", "One down"]
    wait_gone(list(sleepers))
    for name in CHAIN:
        assert device.history(name) == [*UP, "STOPPING", "FINISHED"]
    assert not (device.core.root / "ipc.socket").exists()


def test_the_next_start_installs_and_starts_all_in_order_again(make_device):
    device: Device = make_device()
    device.deploy(*chain(device))
    device.core.stop()
    before = len(device.notes())
    device.core.start()
    device.wait_state(CHAIN[-1], "RUNNING")
    notes = device.notes()[before:]
    assert [note for note in notes if note.endswith("up")] == ["One up", "Two up", "Three up"]
    assert sorted(note for note in notes if note.endswith("installs")) == [
        "One installs",
        "Three installs",
        "Two installs",
    ]
    assert len(running(device, "sleep")) == 3


def test_after_a_kill_the_old_scripts_are_gone_and_each_component_runs_once(make_device):
    device: Device = make_device()
    name = "com.example.Survivor"
    run = (
        "(setsid sh -c 'echo $$ >> pids; exec sleep 100001' &); "
        "env -i setsid sh -c 'echo $$ >> pids; exec sleep 100002' & "
        f"echo $$ >> pids; {device.note('runs')}; exec sleep 100003"
    )
    device.deploy(Component(name, {"run": run}))
    file = device.work(name) / "pids"
    wait_until(lambda: len(file.read_text().split()) == 3, "all processes wrote their pid")
    old = [int(pid) for pid in file.read_text().split()]
    device.core.kill()
    assert all(map(processes.alive, old)), "a killed core can't end anything"
    device.core.start()
    device.wait_notes("runs", "runs")
    wait_gone(old)
    wait_until(lambda: len(file.read_text().split()) == 6, "all processes wrote their pid")
    assert len(running(device, "sleep 100003".replace(" ", "\0"))) == 1


def test_a_root_folder_by_another_name_is_the_same_core(make_device, lab: Lab):
    device: Device = make_device()
    name = "com.example.Alias"
    device.deploy(Component(name, {"run": f"{device.note('runs')}; {FOREVER}"}))
    old = device.pid(name)
    device.core.kill()
    alias = device.core.root.with_name(f"{device.core.root.name}-alias")
    alias.symlink_to(device.core.root)
    core = Core(lab, alias)
    try:
        core.start()
        device.wait_notes("runs", "runs")
        wait_gone([old])
    finally:
        core.stop()
        alias.unlink()
        core.output.unlink()


def test_no_script_goes_on_to_its_next_command_when_the_killed_core_comes_back(make_device):
    device: Device = make_device()
    name = "com.example.GoesOn"
    run = f"{device.note('runs')}; sleep 100000 || {device.note('goes on')}; {device.note('goes')}"
    device.deploy(Component(name, {"run": run}))
    device.wait_notes("runs")
    device.core.kill()
    device.core.start()
    device.wait_notes("runs", "runs")
    device.core.stop()
    assert device.notes() == ["runs", "runs"]


def test_a_kill_during_a_deployment_leaves_the_state_before_it(make_device):
    device: Device = make_device()
    name = "com.example.Half"
    device.deploy(Component(name, {"run": f"{device.note('old')}; {FOREVER}"}))
    device.wait_notes("old")
    Component(name, {"install": f"{device.note('new')}; {FOREVER}"}, "2.0.0").write(
        device.core.root / "next"
    )
    device.core.cli(
        *("deployment", "create", "--recipeDir", device.core.root / "next" / "recipes"),
        *("--merge", f"{name}=2.0.0"),
    )
    device.wait_notes("old", "new")
    device.core.kill()
    device.core.start()
    device.wait_notes("old", "new", "old")
    assert device.details(name)["version"] == "1.0.0"


def test_a_component_that_was_stopped_or_broken_is_tried_again(make_device):
    device: Device = make_device()
    stopped, broken = "com.example.Stopped", "com.example.Broken"
    device.deploy(Component(stopped, {"run": FOREVER}))
    device.try_deploy(
        Component(broken, {"startup": "test -e good"}),
        options=["--failure-handling-policy", "DO_NOTHING"],
    )
    device.wait_state(broken, "BROKEN")
    device.core.cli("component", "stop", "-n", stopped)
    device.wait_state(stopped, "FINISHED")
    (device.work(broken) / "good").touch()
    device.core.stop()
    device.core.start()
    device.wait_state(stopped, "RUNNING")
    device.wait_state(broken, "RUNNING")


def test_a_removed_component_does_not_come_back(make_device):
    device: Device = make_device()
    device.deploy(*chain(device))
    device.remove(CHAIN[2])
    device.core.kill()
    device.core.start()
    device.wait_state(CHAIN[1], "RUNNING")
    listed = device.core.cli("component", "list").stdout
    assert CHAIN[1] in listed
    assert CHAIN[2] not in listed


@pytest.mark.parametrize("step", ["install", "startup"])
def test_sigterm_ends_a_step_that_is_under_way(make_device, step):
    device: Device = make_device()
    name = "com.example.Busy"
    Component(name, {step: f"echo $$ > pid; {FOREVER}"}).write(device.core.root / "busy")
    device.core.cli(
        *("deployment", "create", "--recipeDir", device.core.root / "busy" / "recipes"),
        *("--merge", f"{name}=1.0.0"),
    )
    pid = device.work(name) / "pid"
    wait_until(lambda: pid.read_text().strip(), f"{step} runs")
    assert device.core.stop() == 0
    wait_gone([int(pid.read_text())])


def test_sigterm_ends_a_component_that_waits_for_its_next_try(make_device):
    device: Device = make_device({"greendock": {"restart": {"backoffSeconds": 3000}}})
    name = "com.example.Waits"
    device.try_deploy(
        Component(name, {"run": "exit 1"}), options=["--failure-handling-policy", "DO_NOTHING"]
    )
    device.wait_line(name, "service-errored")
    device.wait_state(name, "INSTALLED")
    assert device.core.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_while_stopping_changes_nothing(make_device, number):
    device: Device = make_device()
    gate = device.core.root / "gate"
    shutdown = f"{device.note('down')}; while ! test -e {gate}; do sleep 0.02; done"
    device.deploy(Component("com.example.Slow", {"run": FOREVER, "shutdown": shutdown}))
    os.kill(device.core.pid, signal.SIGTERM)
    device.wait_notes("down")
    os.kill(device.core.pid, number)
    gate.touch()
    assert device.core.stop() == 0
    device.wait_history("com.example.Slow", *UP, "STOPPING", "FINISHED")


def test_a_second_core_on_the_same_root_is_refused(make_device):
    device: Device = make_device()
    name = "com.example.Only"
    device.deploy(Component(name, {"run": FOREVER}))
    pid = device.pid(name)
    result = device.core.cli("run", "--root", device.core.root)
    assert result.returncode == 3
    assert "another core runs on" in result.stderr
    assert device.pid(name) == pid


def test_a_core_leaves_the_components_of_another_core_alone(make_device):
    """Same machine, same component, another root folder."""
    first: Device = make_device()
    second: Device = make_device()
    name = "com.example.Twice"
    for device in (first, second):
        device.deploy(Component(name, {"run": FOREVER}))
    pid = second.pid(name)
    first.core.kill()
    first.core.start()
    first.wait_history(name, *UP, *UP)
    first.core.stop()
    assert processes.alive(pid)
    assert second.pid(name) == pid


def test_nothing_of_a_stopped_core_is_left_in_the_process_table(make_device):
    device: Device = make_device()
    forks = "for i in 1 2 3; do (setsid sleep 100000 &) ; done; " + FOREVER
    device.deploy(Component("com.example.Forks", {"run": forks}))
    root = str(device.core.root)
    assert device.core.stop() == 0
    left = subprocess.run(["pgrep", "-f", root], capture_output=True, text=True).stdout.split()
    assert left == []
    assert processes.mentioning(root) == set()
