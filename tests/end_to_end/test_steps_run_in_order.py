"""Which step runs when, over the whole life of a component, and what runs together with it."""

from __future__ import annotations

import pytest
from device import FOREVER, Component, Device, wait_gone

from lab import processes
from lab.waiting import wait_until

UP = ("INSTALLED", "STARTING", "RUNNING")
DOWN = ("STOPPING", "FINISHED")
GONE = (*DOWN, "UNINSTALLING", "UNINSTALLED")


def noting(device: Device, *steps: str) -> dict[str, str]:
    """Steps that end at once and note their name."""
    return {step: device.note(step) for step in steps}


def test_a_component_with_run_goes_through_its_steps(device):
    name = "com.example.Run"
    steps = noting(device, "install", "shutdown", "uninstall")
    steps["run"] = f"{device.note('run')}; {FOREVER}"
    device.deploy(Component(name, steps))
    device.wait_notes("install", "run")
    device.remove(name)
    device.wait_notes("install", "run", "shutdown", "uninstall")
    device.wait_history(name, *UP, *GONE)


def test_a_component_with_startup_goes_through_its_steps(device):
    name = "com.example.Startup"
    device.deploy(
        Component(name, noting(device, "install", "startup", "run", "shutdown", "uninstall"))
    )
    device.wait_notes("install", "startup")
    device.remove(name)
    device.wait_notes("install", "startup", "shutdown", "uninstall")
    device.wait_history(name, *UP, *GONE)


def test_run_that_ends_well_shuts_the_component_down(device):
    name = "com.example.Done"
    device.deploy(Component(name, noting(device, "install", "run", "shutdown")))
    device.wait_notes("install", "run", "shutdown")
    device.wait_history(name, *UP, *DOWN)


def test_without_startup_and_run_it_is_finished_after_install(device):
    name = "com.example.OnlyInstall"
    device.deploy(Component(name, noting(device, "install", "uninstall")))
    device.wait_history(name, "INSTALLED", "STARTING", "FINISHED")
    device.remove(name)
    device.wait_notes("install", "uninstall")


def test_keys_match_in_any_case_and_null_steps_are_absent(device):
    lifecycle = {
        "INSTALL": device.note("install"),
        "Startup": None,
        "rUN": {"SCRIPT": device.note("run")},
    }
    device.deploy(Component("com.example.Case", lifecycle))
    device.wait_notes("install", "run")


def test_a_startup_may_leave_a_daemon_that_lives_until_the_stop(device):
    name = "com.example.Daemon"
    leave = "setsid sleep 100000 >/dev/null 2>&1 & echo $! > daemon.pid"
    device.deploy(Component(name, {"startup": leave, "shutdown": device.note("shutdown")}))
    daemon = int((device.work(name) / "daemon.pid").read_text())
    assert processes.alive(daemon)
    assert device.details(name)["pid"] is None, "the script itself has ended"
    device.core.cli("component", "stop", "-n", name)
    wait_gone([daemon])
    device.wait_history(name, *UP, *DOWN)
    assert device.notes() == ["shutdown"]


def test_the_shutdown_script_finds_the_processes_still_running(device):
    name = "com.example.Asks"
    shutdown = "kill -0 $(cat run.pid) && " + device.note("was there")
    device.deploy(Component(name, {"run": f"echo $$ > run.pid; {FOREVER}", "shutdown": shutdown}))
    wait_until((device.work(name) / "run.pid").exists, "run wrote its pid")
    device.remove(name)
    assert device.notes() == ["was there"]


@pytest.mark.parametrize(
    ("case", "skipif", "skipped"),
    [
        ("Path", "onpath sh", True),
        ("NoPath", "onpath no-such-program", False),
        ("NotPath", "!onpath no-such-program", True),
        ("Exists", "exists /etc/passwd", True),
        ("NotExists", "! exists ~root/no-such-file", True),
        ("Root", "exists ~root/packages", True),
        ("Packages", "exists ~packages/recipes", True),
        ("Config", "exists ~config/no-such-file", False),
    ],
)
def test_skipif_skips_the_step_as_if_it_had_succeeded(device, case, skipif, skipped):
    name = f"com.example.Skip{case}"
    install = {"script": device.note("install"), "skipif": skipif}
    device.deploy(Component(name, {"install": install, "run": device.note("run")}))
    device.wait_notes(*(["run"] if skipped else ["install", "run"]))


def test_run_takes_the_place_of_a_skipped_startup(device):
    startup = {"script": device.note("startup"), "skipif": "onpath sh"}
    device.deploy(
        Component("com.example.Instead", {"startup": startup, "run": device.note("run")})
    )
    device.wait_notes("run")


def test_stop_holds_until_restart(device):
    name = "com.example.Held"
    steps = noting(device, "install", "shutdown")
    steps["run"] = f"{device.note('run')}; {FOREVER}"
    device.deploy(Component(name, steps))
    assert device.core.cli("component", "stop", "-n", name).returncode == 0
    device.wait_history(name, *UP, *DOWN)
    assert device.details(name)["state"] == "FINISHED"
    assert device.core.cli("component", "restart", "-n", name).returncode == 0
    device.wait_history(name, *UP, *DOWN, *UP)
    device.wait_notes("install", "run", "shutdown", "run")


def test_restart_runs_shutdown_and_the_script_again_but_not_install(device):
    name = "com.example.Again"
    steps = noting(device, "install", "shutdown")
    steps["run"] = f"{device.note('run')}; {FOREVER}"
    device.deploy(Component(name, steps))
    device.wait_notes("install", "run")
    before = device.pid(name)
    assert device.core.cli("component", "restart", "-n", name).returncode == 0
    device.wait_notes("install", "run", "shutdown", "run")
    device.wait_history(name, *UP, "STOPPING", *UP)
    assert device.pid(name) != before
    wait_gone([before])


def test_a_startup_that_is_under_way_can_be_stopped(device):
    name = "com.example.Under"
    Component(name, {"startup": FOREVER, "shutdown": device.note("shutdown")}).write(
        device.core.root / "under"
    )
    device.core.cli(
        *("deployment", "create", "--recipeDir", device.core.root / "under" / "recipes"),
        *("--merge", f"{name}=1.0.0"),
    )
    device.wait_state(name, "STARTING")
    pid = device.pid(name)
    assert device.core.cli("component", "stop", "-n", name).returncode == 0
    device.wait_history(name, *UP[:2], *DOWN)
    wait_gone([pid])
    assert device.notes() == ["shutdown"]
    device.remove(name)


def test_restart_starts_a_component_that_has_finished(device):
    name = "com.example.Once"
    device.deploy(Component(name, {"run": device.note("run")}))
    device.wait_history(name, *UP, *DOWN)
    assert device.core.cli("component", "restart", "-n", name).returncode == 0
    device.wait_notes("run", "run")
    device.wait_history(name, *UP, *DOWN, *UP, *DOWN)


def test_several_names_in_one_command_and_an_unknown_one(device):
    names = ["com.example.Two1", "com.example.Two2"]
    device.deploy(*(Component(name, {"run": FOREVER}) for name in names))
    result = device.core.cli("component", "stop", "-n", f"{names[0]},com.example.Two3,{names[1]}")
    assert result.returncode != 0
    assert "com.example.Two3" in result.stderr
    for name in names:
        device.wait_history(name, *UP, *DOWN)


def test_removal_keeps_the_work_folder_and_tells_uninstall_the_version(device):
    name = "com.example.Leaves"
    lifecycle = {
        "run": f"echo kept > data; {FOREVER}",
        "uninstall": device.keep_environment("uninstall"),
    }
    device.deploy(Component(name, lifecycle, version="2.1.0"))
    pid = device.pid(name)
    wait_until((device.work(name) / "data").exists, "run wrote its data")
    device.remove(name)
    assert not processes.alive(pid)
    assert (device.work(name) / "data").read_text() == "kept\n"
    kept = device.environment(name, "uninstall")
    assert kept["GREENGRASS_COMPONENT_VERSION"] == "2.1.0"
    listed = device.core.cli("component", "list").stdout
    assert name not in listed


def test_the_uninstall_script_runs_when_the_processes_are_gone(device):
    name = "com.example.After"
    lifecycle = {
        "run": f"echo $$ > run.pid; {FOREVER}",
        "uninstall": f"kill -0 $(cat run.pid) 2>/dev/null || {device.note('gone')}",
    }
    device.deploy(Component(name, lifecycle))
    wait_until((device.work(name) / "run.pid").exists, "run wrote its pid")
    device.remove(name)
    assert device.notes() == ["gone"]


def test_a_failing_uninstall_is_logged_and_the_removal_goes_on(device):
    name = "com.example.Stays"
    device.deploy(Component(name, {"run": FOREVER, "uninstall": "echo no; exit 3"}))
    device.remove(name)
    device.wait_history(name, *UP, *GONE)
    line = device.wait_line(name, "service-errored")
    assert "[ERROR]" in line
    assert "UNINSTALL_ERROR" in line
    assert "code 3" in line
