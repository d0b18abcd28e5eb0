"""HARD dependencies start first, stop last and restart their dependers; SOFT ones only start."""

from __future__ import annotations

from device import FOREVER, Component, Device

from lab import processes
from lab.waiting import wait_until

UP = ["INSTALLED", "STARTING", "RUNNING"]
BASE, MIDDLE, TOP = "com.example.Base", "com.example.Middle", "com.example.Top"


def noting(device: Device, name: str, **more: str) -> dict[str, str]:
    """A lifecycle that notes what it does, with the last part of the component's name."""
    short = name.rpartition(".")[2]
    return {
        "startup": device.note(f"{short} up"),
        "shutdown": device.note(f"{short} down"),
        **more,
    }


def chain(device: Device) -> list[Component]:
    """Top needs Middle needs Base."""
    return [
        Component(TOP, noting(device, TOP), dependencies={MIDDLE: "HARD"}),
        Component(MIDDLE, noting(device, MIDDLE), dependencies={BASE: "HARD"}),
        Component(BASE, noting(device, BASE)),
    ]


def test_hard_dependencies_start_first_and_stop_last(device):
    device.deploy(*chain(device))
    assert device.notes() == ["Base up", "Middle up", "Top up"]
    device.remove(BASE, TOP, MIDDLE)
    assert device.notes()[3:] == ["Top down", "Middle down", "Base down"]


def test_the_list_of_components_is_in_dependency_order(device):
    device.deploy(*chain(device))
    lines = device.core.cli("component", "list").stdout.splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("Component Name: ")]
    assert [name for name in names if name in (BASE, MIDDLE, TOP)] == [BASE, MIDDLE, TOP]


def test_a_depender_waits_until_a_slow_startup_has_ended(device):
    gate = device.core.root / "gate"
    gate.unlink(missing_ok=True)
    slow = f"while ! test -e {gate}; do sleep 0.02; done; {device.note('Base up')}"
    folder = device.core.root / "slow"
    for component in (
        Component(BASE, {"startup": slow}),
        Component(
            TOP, {"run": f"{device.note('Top up')}; {FOREVER}"}, dependencies={BASE: "HARD"}
        ),
    ):
        component.write(folder)
    created = device.core.cli(
        *("deployment", "create", "--recipeDir", folder / "recipes"),
        *("--merge", f"{BASE}=1.0.0", "--merge", f"{TOP}=1.0.0"),
    )
    assert created.returncode == 0, device.core.describe(created)
    device.wait_state(BASE, "STARTING")
    device.wait_state(TOP, "INSTALLED")
    assert device.notes() == []
    gate.touch()
    device.wait_notes("Base up", "Top up")
    device.wait_state(TOP, "RUNNING")
    device.remove(BASE, TOP)


def test_soft_dependencies_are_not_waited_for(device):
    """The deployment fails because of Base; Top, which only likes to have it, runs."""
    device.try_deploy(
        Component(BASE, {"startup": "exit 1"}),
        Component(TOP, {"run": FOREVER}, dependencies={BASE: "SOFT"}),
        options=["--failure-handling-policy", "DO_NOTHING"],
    )
    device.wait_state(BASE, "BROKEN")
    device.wait_state(TOP, "RUNNING")
    assert device.history(TOP)[-3:] == UP


def test_a_hard_depender_does_not_start_while_its_dependency_is_broken(device):
    device.try_deploy(
        Component(BASE, {"startup": "test -e good"}),
        Component(TOP, {"run": FOREVER}, dependencies={BASE: "HARD"}),
        options=["--failure-handling-policy", "DO_NOTHING"],
    )
    device.wait_state(BASE, "BROKEN")
    assert device.history(TOP)[-1] == "INSTALLED"
    (device.work(BASE) / "good").touch()
    device.core.cli("component", "restart", "-n", BASE)
    device.wait_state(TOP, "RUNNING")


def fails_once(device: Device) -> str:
    """Runs until the test says `fail`; the second time it stays."""
    return (
        f"{device.note('Base runs')}; while ! test -e fail; do sleep 0.02; done; rm fail; exit 1"
    )


def test_a_hard_depender_restarts_when_its_dependency_fails(device):
    device.deploy(
        Component(BASE, {"run": fails_once(device)}),
        Component(MIDDLE, noting(device, MIDDLE), dependencies={BASE: "HARD"}),
        Component(TOP, noting(device, TOP), dependencies={MIDDLE: "HARD"}),
    )
    device.wait_notes("Base runs", "Middle up", "Top up")
    (device.work(BASE) / "fail").touch()
    wait_until(lambda: device.notes()[-1] == "Top up" and len(device.notes()) > 3, "all are back")
    after = device.notes()[3:]
    assert sorted(after) == ["Base runs", "Middle down", "Middle up", "Top down", "Top up"]
    assert after.index("Base runs") < after.index("Middle up") < after.index("Top up")
    assert device.details(MIDDLE)["statusCode"] == "NONE", "it was no error of its own"


def test_a_soft_depender_runs_on_when_its_dependency_fails(device):
    device.deploy(
        Component(BASE, {"run": fails_once(device)}),
        Component(TOP, {"run": FOREVER}, dependencies={BASE: "SOFT"}),
    )
    pid = device.pid(TOP)
    device.wait_notes("Base runs")
    (device.work(BASE) / "fail").touch()
    device.wait_notes("Base runs", "Base runs")
    device.wait_state(BASE, "RUNNING")
    assert device.pid(TOP) == pid
    assert device.history(TOP) == device.history(TOP)[:-3] + UP


def test_a_restart_of_a_dependency_restarts_its_hard_dependers(device):
    device.deploy(*chain(device))
    device.core.cli("component", "restart", "-n", BASE)
    wait_until(lambda: len(device.notes()) == 9, lambda: f"all restart: {device.notes()}")
    ups = [note for note in device.notes()[3:] if note.endswith("up")]
    assert ups == ["Base up", "Middle up", "Top up"]


def test_a_dependency_that_has_finished_counts_as_ready(device):
    device.deploy(
        Component(BASE, {"run": "true"}),
        Component(TOP, {"run": FOREVER}, dependencies={BASE: "HARD"}),
    )
    device.wait_state(BASE, "FINISHED")
    assert processes.alive(device.pid(TOP))


def test_stopping_a_dependency_leaves_its_dependers_running(device):
    """FINISHED satisfies a HARD dependency, as an orderly stop does in Greengrass."""
    device.deploy(
        Component(BASE, {"run": FOREVER}),
        Component(TOP, {"run": FOREVER}, dependencies={BASE: "HARD"}),
    )
    pid = device.pid(TOP)
    device.core.cli("component", "stop", "-n", BASE)
    device.wait_state(BASE, "FINISHED")
    assert device.pid(TOP) == pid


def test_a_new_hard_dependency_restarts_the_depender_after_it(device):
    device.deploy(Component(TOP, noting(device, TOP)))
    device.deploy(
        Component(TOP, noting(device, TOP), dependencies={BASE: "HARD"}),
        Component(BASE, noting(device, BASE)),
    )
    assert device.notes()[0] == "Top up"
    assert sorted(device.notes()[1:3]) == ["Base up", "Top down"]
    assert device.notes()[3:] == ["Top up"]


def test_a_circle_is_refused_and_named(device):
    answer = device.try_deploy(
        Component(BASE, {"run": FOREVER}, dependencies={TOP: "HARD"}),
        Component(TOP, {"run": FOREVER}, dependencies={BASE: "HARD"}),
    )
    assert answer["exit"] == 1
    assert answer["detailedStatus"] == "FAILED_NO_STATE_CHANGE"
    assert "circle" in answer["cause"]
    assert BASE in answer["cause"]
    assert TOP in answer["cause"]


def test_independent_components_start_side_by_side(device):
    """Each waits for the other's mark: in turn they would wait for ever."""
    here = device.core.root / "meeting"
    here.mkdir(exist_ok=True)
    here.chmod(0o777)
    meet = "touch {0}/{1}; while ! test -e {0}/{2}; do sleep 0.02; done"
    device.deploy(
        Component("com.example.Left", {"startup": meet.format(here, "l", "r")}),
        Component("com.example.Right", {"startup": meet.format(here, "r", "l")}),
    )
