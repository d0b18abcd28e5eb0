"""What follows an error: recover, another try, BROKEN at the third, and the ways back."""

from __future__ import annotations

import os
import signal

import pytest
from device import FOREVER, Component, Device, wait_gone

from lab import processes
from lab.waiting import wait_until

UP = ["INSTALLED", "STARTING", "RUNNING"]
AFTER_ERROR = ["ERRORED", "STOPPING", "INSTALLED", "STARTING"]
DO_NOTHING = ["--failure-handling-policy", "DO_NOTHING"]


def steps(device: Device, **scripts: str) -> dict[str, str]:
    """Each step notes its name, then does what the test says."""
    return {name: f"{device.note(name)}; {script}" for name, script in scripts.items()}


def broken(device: Device, name: str, code: str) -> dict[str, object]:
    device.wait_state(name, "BROKEN")
    details = device.details(name)
    assert (details["state"], details["statusCode"]) == ("BROKEN", code)
    return details


def test_the_third_failure_of_run_breaks_it(device):
    name = "com.example.RunFails"
    lifecycle = steps(device, install="true", run="exit 7", shutdown="true", recover="true")
    device.try_deploy(Component(name, lifecycle), options=DO_NOTHING)
    details = broken(device, name, "RUN_ERROR")
    assert "exited with code 7" in str(details["statusReason"])
    again = ["recover", "shutdown"]
    device.wait_notes("install", "run", *again, "run", *again, "run", "shutdown")
    once_more = [*AFTER_ERROR, "RUNNING"]
    assert device.history(name) == [*UP, *once_more, *once_more, "BROKEN"]


def test_the_third_failure_of_startup_breaks_it(device):
    name = "com.example.StartupFails"
    lifecycle = steps(device, startup="exit 1", shutdown="true", recover="true")
    answer = device.try_deploy(Component(name, lifecycle), options=DO_NOTHING)
    assert answer["exit"] == 1
    broken(device, name, "STARTUP_ERROR")
    again = ["recover", "shutdown"]
    device.wait_notes("startup", *again, "startup", *again, "startup", "shutdown")
    assert device.history(name) == [*UP[:2], *AFTER_ERROR, *AFTER_ERROR, "BROKEN"]


def test_the_third_failure_of_install_breaks_it(device):
    name = "com.example.InstallFails"
    lifecycle = steps(device, install="exit 1", run=FOREVER, shutdown="true", recover="true")
    answer = device.try_deploy(Component(name, lifecycle), options=DO_NOTHING)
    assert answer["exit"] == 1
    broken(device, name, "INSTALL_ERROR")
    device.wait_notes("install", "recover", "install", "recover", "install")
    assert device.history(name) == ["ERRORED", "NEW", "ERRORED", "NEW", "BROKEN"]


def test_recover_may_mend_what_failed(device):
    name = "com.example.Mends"
    lifecycle = {"startup": "test -e mended", "recover": "touch mended"}
    device.deploy(Component(name, lifecycle))
    device.wait_history(name, *UP[:2], *AFTER_ERROR, "RUNNING")
    assert device.details(name)["statusCode"] == "NONE"


@pytest.mark.parametrize(
    ("case", "lifecycle", "code"),
    [
        ("Install", {"install": {"script": FOREVER, "timeout": 0.2}}, "INSTALL_TIMEOUT"),
        ("Startup", {"startup": {"script": FOREVER, "timeout": 0.2}}, "STARTUP_TIMEOUT"),
        ("Run", {"run": {"script": FOREVER, "timeout": "0.2"}}, "RUN_TIMEOUT"),
    ],
)
def test_a_step_that_exceeds_its_timeout_is_ended_and_counts_as_an_error(
    device, case, lifecycle, code
):
    name = f"com.example.Timeout{case}"
    ((step, body),) = lifecycle.items()
    script = f"echo $$ >> pids; {body['script']}"
    device.try_deploy(Component(name, {step: {**body, "script": script}}), options=DO_NOTHING)
    details = broken(device, name, code)
    assert "within 0.2 s" in str(details["statusReason"])
    pids = (device.work(name) / "pids").read_text().split()
    assert len(pids) == 3
    wait_gone([int(pid) for pid in pids])


def test_a_shutdown_that_exceeds_its_timeout_is_noted_and_the_stop_goes_on(device):
    name = "com.example.SlowShutdown"
    shutdown = {"script": f"echo $$ > pid; {FOREVER}", "timeout": 0.2}
    device.deploy(Component(name, {"run": FOREVER, "shutdown": shutdown}))
    pid = device.pid(name)
    device.core.cli("component", "stop", "-n", name)
    device.wait_history(name, *UP, "STOPPING", "ERRORED", "FINISHED")
    device.wait_line(name, "SHUTDOWN_TIMEOUT")
    wait_gone([pid, int((device.work(name) / "pid").read_text())])


def test_a_failing_shutdown_is_recovered_from_and_the_restart_goes_on(device):
    name = "com.example.BadShutdown"
    lifecycle = steps(device, shutdown="exit 9", recover="true", run=FOREVER)
    device.deploy(Component(name, lifecycle))
    device.core.cli("component", "restart", "-n", name)
    device.wait_history(name, *UP, "STOPPING", "ERRORED", *UP)
    device.wait_notes("run", "shutdown", "recover", "run")
    assert "code 9" in device.wait_line(name, "SHUTDOWN_ERROR")
    assert device.details(name)["statusCode"] == "NONE"


def test_a_recover_that_exceeds_its_timeout_is_ignored(device):
    name = "com.example.SlowRecover"
    recover = {"script": FOREVER, "timeout": 0.2}
    lifecycle = {"startup": "test -e tried || { touch tried; exit 1; }", "recover": recover}
    device.deploy(Component(name, lifecycle))
    device.wait_history(name, *UP[:2], *AFTER_ERROR, "RUNNING")
    device.wait_line(name, "RECOVER_TIMEOUT")


def test_errors_that_are_further_apart_than_the_error_reset_time_never_break_it(device):
    name = "com.example.NeverBroken"
    lifecycle = {"errorResetTime": 0.001, "run": "echo x >> tries; exit 1"}
    device.try_deploy(Component(name, lifecycle), options=DO_NOTHING)
    tries = device.work(name) / "tries"
    wait_until(lambda: len(tries.read_text().split()) > 6, "it is tried again and again")
    assert "BROKEN" not in device.history(name)


def test_a_success_in_between_clears_the_count(device):
    """STARTING and RUNNING are counted apart, and a startup that succeeds clears its own count."""
    name = "com.example.NowAndThen"
    lifecycle = {
        # Fails twice, succeeds, fails twice, succeeds …
        "startup": "echo x >> tries; test $(($(wc -l < tries) % 3)) = 0",
        "shutdown": "true",
    }
    device.deploy(Component(name, lifecycle))
    tries = [*UP[:2], *AFTER_ERROR, *AFTER_ERROR, "RUNNING"]
    expected = tries
    device.wait_history(name, *expected)
    for _ in range(2):
        device.core.cli("component", "restart", "-n", name)
        expected = [*expected, "STOPPING", *tries]
        device.wait_history(name, *expected)


def test_a_killed_run_is_an_error_with_the_shells_exit_code(device):
    name = "com.example.Killed"
    device.deploy(Component(name, {"run": FOREVER}))
    pid = device.pid(name)
    os.kill(pid, signal.SIGKILL)
    device.wait_history(name, *UP, *AFTER_ERROR, "RUNNING")
    assert "exited with code 137" in device.wait_line(name, "service-errored")
    assert device.pid(name) != pid
    assert device.details(name)["restarts"] == 1


def test_shutdown_runs_once_when_it_breaks_and_nothing_is_left(device):
    name = "com.example.Leaves"
    run = "sleep 100000 & echo $! >> pids; exit 1"
    device.try_deploy(Component(name, steps(device, run=run, shutdown="true")), options=DO_NOTHING)
    device.wait_state(name, "BROKEN")
    device.wait_notes("run", "shutdown", "run", "shutdown", "run", "shutdown")
    pids = [int(pid) for pid in (device.work(name) / "pids").read_text().split()]
    wait_gone(pids)


def test_restart_mends_a_broken_component_by_a_new_install(device):
    name = "com.example.Restarted"
    lifecycle = steps(device, install="true", startup="test -e /etc/hostname -a -e good")
    device.try_deploy(Component(name, lifecycle), options=DO_NOTHING)
    broken(device, name, "STARTUP_ERROR")
    (device.work(name) / "good").touch()
    assert device.core.cli("component", "restart", "-n", name).returncode == 0
    device.wait_state(name, "RUNNING")
    assert device.notes() == ["install", *["startup"] * 3, "install", "startup"]
    assert device.details(name)["statusCode"] == "NONE"


@pytest.mark.parametrize("version", ["1.0.0", "1.0.1"])
def test_a_deployment_of_a_better_recipe_mends_it(device, version):
    name = f"com.example.Redeployed{version[-1]}"
    device.try_deploy(Component(name, {"startup": "exit 1"}), options=DO_NOTHING)
    broken(device, name, "STARTUP_ERROR")
    device.deploy(Component(name, {"startup": "true"}, version))
    device.wait_state(name, "RUNNING")
    assert device.details(name)["version"] == version


def test_the_same_deployment_again_mends_it_when_the_cause_is_gone(device):
    name = "com.example.Same"
    component = Component(name, {"startup": "test -e good"})
    device.try_deploy(component, options=DO_NOTHING)
    broken(device, name, "STARTUP_ERROR")
    (device.work(name) / "good").touch()
    device.deploy(component)
    device.wait_state(name, "RUNNING")


def test_a_broken_component_can_be_removed(device):
    name = "com.example.Removed"
    lifecycle = steps(device, startup="exit 1", uninstall="true")
    device.try_deploy(Component(name, lifecycle), options=DO_NOTHING)
    broken(device, name, "STARTUP_ERROR")
    device.remove(name)
    assert device.history(name)[-3:] == ["BROKEN", "UNINSTALLING", "UNINSTALLED"]
    assert device.notes() == [*["startup"] * 3, "uninstall"]


def test_stop_leaves_a_broken_component_broken(device):
    name = "com.example.StaysBroken"
    device.try_deploy(Component(name, {"startup": "exit 1"}), options=DO_NOTHING)
    broken(device, name, "STARTUP_ERROR")
    assert device.core.cli("component", "stop", "-n", name).returncode == 0
    assert device.details(name)["state"] == "BROKEN"


def test_rollback_removes_a_new_component_that_breaks(device):
    name, other = "com.example.New", "com.example.Bystander"
    device.deploy(Component(other, {"run": FOREVER}))
    pid = device.pid(other)
    answer = device.try_deploy(Component(name, {"startup": "exit 3"}))
    assert answer["exit"] == 1
    assert answer["detailedStatus"] == "FAILED_ROLLBACK_COMPLETE"
    assert {"COMPONENT_UPDATE_ERROR", "COMPONENT_BROKEN"} <= set(answer["errorStack"])
    assert f"{name} 1.0.0 is BROKEN (STARTUP_ERROR" in answer["cause"]
    assert "code 3" in answer["cause"]
    assert name not in device.core.cli("component", "list").stdout
    assert device.pid(other) == pid, "what the deployment doesn't concern runs on"


def test_rollback_brings_the_old_version_back(device):
    name = "com.example.Upgrade"
    old = steps(device, install="echo old > version", run=FOREVER)
    device.deploy(Component(name, old, configuration={"kept": 1}))
    bad = Component(name, {"install": "echo new > version; exit 1"}, version="2.0.0")
    answer = device.try_deploy(bad)
    assert answer["detailedStatus"] == "FAILED_ROLLBACK_COMPLETE"
    details = device.details(name)
    assert (details["version"], details["state"]) == ("1.0.0", "RUNNING")
    assert details["configuration"] == {"kept": 1}
    assert (device.work(name) / "version").read_text() == "old\n"
    assert processes.alive(device.pid(name))


def test_do_nothing_leaves_the_new_version_broken(device):
    name = "com.example.Left"
    device.deploy(Component(name, {"run": FOREVER}))
    pid = device.pid(name)
    bad = Component(name, {"startup": "exit 1"}, version="2.0.0")
    answer = device.try_deploy(bad, options=DO_NOTHING)
    assert answer["exit"] == 1
    assert answer["detailedStatus"] == "FAILED_ROLLBACK_NOT_REQUESTED"
    assert "COMPONENT_BROKEN" in answer["errorStack"]
    details = device.details(name)
    assert (details["version"], details["state"]) == ("2.0.0", "BROKEN")
    wait_gone([pid])


def test_the_wait_between_tries_is_cut_short_by_restart_and_by_stop(make_device):
    device: Device = make_device({"greendock": {"restart": {"backoffSeconds": 3000}}})
    name = "com.example.Waits"
    device.deploy(Component(name, {"startup": "true", "shutdown": "true"}))
    device.try_deploy(
        Component(name, {"run": "echo x >> tries; test -e good || exit 1; " + FOREVER}),
        options=DO_NOTHING,
    )
    tries = device.work(name) / "tries"
    device.wait_line(name, "service-errored")
    device.wait_state(name, "INSTALLED")
    device.core.cli("component", "restart", "-n", name)
    wait_until(lambda: tries.read_text().split() == ["x"] * 2, "restart tries at once")
    wait_until(lambda: device.history(name).count("ERRORED") == 2, "it fails again")
    device.wait_state(name, "INSTALLED")
    device.core.cli("component", "stop", "-n", name)
    device.wait_state(name, "FINISHED")
    (device.work(name) / "good").touch()
    device.core.cli("component", "restart", "-n", name)
    device.wait_state(name, "RUNNING")
