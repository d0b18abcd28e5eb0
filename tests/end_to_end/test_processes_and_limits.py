"""Every process of a component is in its control group, is limited there, and ends with it."""

from __future__ import annotations

import json
from pathlib import Path

from device import FOREVER, Component, Device, wait_gone

from lab import processes
from lab.waiting import wait_until

UP = ["INSTALLED", "STARTING", "RUNNING"]
_GROUPS = Path("/sys/fs/cgroup")
_UNLIMITED = {"memory": None, "cpus": None}


def limits_option(name: str, **limits: float) -> list[str]:
    return ["--systemLimits", json.dumps({name: limits})]


def groups_of(pid: int) -> dict[str, str]:
    """Controller (`""` for version 2) to the path of the process's group."""
    found = {}
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        found |= dict.fromkeys(controllers.split(","), path)
    return found


def limits_of(pid: int) -> dict[str, float | None]:
    """What the kernel enforces: memory in KB and CPUs, None without a limit."""
    groups = groups_of(pid)
    if "memory" in groups:
        folder = _GROUPS / "memory" / groups["memory"].lstrip("/")
        memory = (folder / "memory.limit_in_bytes").read_text().strip()
        cpu = _GROUPS / "cpu" / groups["cpu"].lstrip("/")
        quota = (cpu / "cpu.cfs_quota_us").read_text().strip()
        period = (cpu / "cpu.cfs_period_us").read_text()
    else:
        folder = _GROUPS / groups[""].lstrip("/")
        memory = (folder / "memory.max").read_text().strip()
        quota, period = (folder / "cpu.max").read_text().split()
    # Without a limit version 1 shows the largest number of pages.
    limited = memory != "max" and int(memory) < 1 << 60
    return {
        "memory": int(memory) // 1024 if limited else None,
        "cpus": int(quota) / int(period) if quota not in ("max", "-1") else None,
    }


def is_member(pid: int, component: str) -> bool:
    return any(path.endswith(f"/component-{component}") for path in groups_of(pid).values())


def pids(device: Device, component: str, count: int) -> list[int]:
    """What a script wrote into `pids`, once `count` are there."""
    file = device.work(component) / "pids"
    wait_until(lambda: len(file.read_text().split()) == count, f"{count} processes start")
    return [int(pid) for pid in file.read_text().split()]


def test_all_processes_of_all_steps_are_in_the_components_group(device):
    name = "com.example.Members"
    lifecycle = {
        "install": "cat /proc/self/cgroup > install.groups",
        "run": "(setsid sh -c 'echo $$ >> pids; exec sleep 100000' &); echo $$ >> pids; "
        + FOREVER,
        "shutdown": "cat /proc/self/cgroup > shutdown.groups",
    }
    device.deploy(Component(name, lifecycle))
    assert all(is_member(pid, name) for pid in pids(device, name, 2))
    device.remove(name)
    for step in ("install", "shutdown"):
        assert f"/component-{name}\n" in (device.work(name) / f"{step}.groups").read_text()


def test_limits_are_what_the_kernel_enforces(device):
    name = "com.example.Limited"
    lifecycle = {
        "install": "cat /proc/self/cgroup > install.groups",
        "run": "sleep 100000 & echo $! >> pids; echo $$ >> pids; wait",
    }
    options = limits_option(name, memory=65536, cpus=0.5)
    device.deploy(Component(name, lifecycle), options=options)
    for pid in pids(device, name, 2):
        assert limits_of(pid) == {"memory": 65536, "cpus": 0.5}


def test_limits_change_and_go_without_a_restart(device):
    name = "com.example.Live"
    device.deploy(Component(name, {"run": FOREVER}), options=limits_option(name, cpus=0.5))
    pid = device.pid(name)
    assert limits_of(pid) == {"memory": None, "cpus": 0.5}
    device.change("--merge", f"{name}=1.0.0", *limits_option(name, memory=32768, cpus=1.5))
    assert limits_of(pid) == {"memory": 32768, "cpus": 1.5}
    device.change("--merge", f"{name}=1.0.0", *limits_option(name))
    assert limits_of(pid) == _UNLIMITED
    assert device.pid(name) == pid
    assert device.history(name) == UP


def test_limits_hold_over_restarts_of_component_and_core(make_device):
    device: Device = make_device()
    name = "com.example.Holds"
    device.deploy(Component(name, {"run": FOREVER}), options=limits_option(name, memory=65536))
    first = device.pid(name)
    device.core.cli("component", "restart", "-n", name)
    device.wait_history(name, *UP, "STOPPING", *UP)
    second = device.pid(name)
    assert second != first
    assert limits_of(second)["memory"] == 65536
    device.core.stop()
    device.core.start()
    device.wait_history(name, *UP, "STOPPING", *UP, "STOPPING", "FINISHED", *UP)
    assert limits_of(device.pid(name))["memory"] == 65536


def test_the_default_limits_hold_for_components_without_their_own(make_device):
    limits = {"memory": 131072, "cpus": 1}
    run_with = {"runWithDefault": {"systemResourceLimits": limits}}
    device: Device = make_device(
        {"services": {"aws.greengrass.Nucleus": {"configuration": run_with}}}
    )
    own, default = "com.example.OwnLimits", "com.example.DefaultLimits"
    device.deploy(
        *(Component(name, {"run": FOREVER}) for name in (own, default)),
        options=limits_option(own, memory=65536),
    )
    assert limits_of(device.pid(default)) == limits
    assert limits_of(device.pid(own)) == {"memory": 65536, "cpus": None}


def test_limits_leave_the_user_as_it_was(device):
    name = "com.example.Both"
    lifecycle = {"run": f"id -un >> who; {FOREVER}"}
    device.deploy(
        Component(name, lifecycle), options=["--runWith", f"{name}:posixUser=nobody:nogroup"]
    )
    pid = device.pid(name)
    device.change("--merge", f"{name}=1.0.0", *limits_option(name, memory=65536))
    assert device.pid(name) == pid, "limits are no reason to start again"
    assert (device.work(name) / "who").read_text() == "nobody\n"
    assert limits_of(pid)["memory"] == 65536


def test_a_limit_that_makes_no_sense_is_refused(device):
    name = "com.example.Nonsense"
    answer = device.try_deploy(
        Component(name, {"run": FOREVER}), options=limits_option(name, memory=-1)
    )
    assert answer["exit"] != 0
    assert "memory has to be more than 0" in str(answer)
    assert device.history(name) == []


def test_two_components_do_not_share_limits(device):
    names = ["com.example.Share1", "com.example.Share2"]
    device.deploy(
        *(Component(name, {"run": FOREVER}) for name in names),
        options=limits_option(names[0], memory=65536),
    )
    assert limits_of(device.pid(names[0]))["memory"] == 65536
    assert limits_of(device.pid(names[1])) == _UNLIMITED


def test_what_forks_changes_its_session_and_ignores_sigterm_is_gone_after_a_stop(device):
    name = "com.example.Stubborn"
    run = (
        "trap '' TERM; "
        "(setsid sh -c 'echo $$ >> pids; while :; do sleep 1; done' &); "
        "env -i setsid setsid sh -c 'echo $$ >> pids; while :; do sleep 1; done' & "
        "(sh -c 'echo $$ >> pids; exec sleep 100000' >/dev/null 2>&1 &) & "
        "echo $$ >> pids; while :; do sleep 1; done"
    )
    device.deploy(Component(name, {"run": run}))
    found = pids(device, name, 4)
    assert all(map(processes.alive, found))
    device.core.cli("component", "stop", "-n", name)
    device.wait_history(name, *UP, "STOPPING", "FINISHED", timeout_s=40)
    assert not any(map(processes.alive, found))


def test_what_ends_at_sigterm_is_not_killed(device):
    name = "com.example.Tidy"
    run = f"trap '{device.note('tidied')}; exit 0' TERM; echo up; while :; do sleep 0.02; done"
    device.deploy(Component(name, {"run": run}))
    device.wait_line(name, "stdout. up.")
    device.remove(name)
    assert device.notes() == ["tidied"]


def test_the_groups_are_removed_with_the_component_and_with_the_core(make_device):
    device: Device = make_device()
    names = ["com.example.Group1", "com.example.Group2"]
    for name in names:
        device.deploy(Component(name, {"run": FOREVER}), options=limits_option(name, memory=65536))
    folders = {name: group_folders(name) for name in names}
    assert all(folders.values())
    device.remove(names[0])
    assert not any(folder.exists() for folder in folders[names[0]])
    device.core.stop()
    assert not any(folder.parent.exists() for folder in folders[names[1]])


def test_a_killed_cores_groups_are_used_again(make_device):
    device: Device = make_device()
    name = "com.example.Killed"
    device.deploy(Component(name, {"run": FOREVER}), options=limits_option(name, memory=65536))
    pid = device.pid(name)
    device.core.kill()
    device.core.start()
    device.wait_history(name, *UP, *UP)
    wait_gone([pid])
    assert limits_of(device.pid(name))["memory"] == 65536
    device.core.stop()
    assert group_folders(name) == []


def group_folders(component: str) -> list[Path]:
    return list(_GROUPS.glob(f"**/greendock/*/component-{component}"))
