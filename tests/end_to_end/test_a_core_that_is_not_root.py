"""A core started by an ordinary user: components run as that user, others are refused clearly."""

from __future__ import annotations

import json
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from device import FOREVER, Component, Device, wait_gone

import greendock
from lab.core import Core
from lab.lab import Lab
from lab.waiting import wait_until

USER = "carol"
_PYTHON = Path("/run/python")


class LabOf:
    """The lab as an ordinary user has it: `inside` runs commands as that user.

    Python is mounted where everybody may run it, since the one of the tests may lie in a folder
    that is closed to others.
    """

    def __init__(self, lab: Lab, user: str) -> None:
        self._lab = lab
        self._user = user
        lab.run_inside("mkdir", "-p", str(_PYTHON))
        lab.run_inside("mount", "-o", "bind,ro", sys.base_prefix, str(_PYTHON))
        source = str(Path(greendock.__file__).parents[1])
        packages = sysconfig.get_paths()["purelib"]
        home = lab.run_inside("sh", "-c", f"echo ~{user}").strip()
        self.env = {**lab.env, "PYTHONPATH": f"{source}:{packages}", "HOME": home}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lab, name)

    def inside(self, *command: str, cwd: Path | str = "/") -> list[str]:
        program, *arguments = command
        if Path(program).name == "greendock":
            python = _PYTHON / "bin" / f"python3.{sys.version_info.minor}"
            arguments = ["-m", "greendock", *arguments]
            program = str(python)
        user = [f"--reuid={self._user}", f"--regid={self._user}", "--init-groups"]
        return self._lab.inside("setpriv", *user, program, *arguments, cwd=cwd)

    def close(self) -> None:
        self._lab.run_inside("umount", "--lazy", str(_PYTHON))
        self._lab.run_inside("rmdir", str(_PYTHON))


@pytest.fixture(scope="module")
def lab_of_user(lab: Lab) -> Iterator[LabOf]:
    lab.run_inside("useradd", "--system", "--create-home", "--user-group", "-G", "docker", USER)
    own = LabOf(lab, USER)
    yield own
    own.close()
    lab.run_inside("userdel", "--force", "--remove", USER)


@pytest.fixture(scope="module")
def shared_core(lab_of_user: LabOf, core_config: dict[str, Any]) -> Iterator[Core]:
    root = Path(tempfile.mkdtemp(prefix="gc", dir="/tmp"))
    root.chmod(0o755)
    lab_of_user.run_inside("chown", USER, str(root))
    core = Core(lab_of_user, root, core_config)  # type: ignore[arg-type]
    core.start()
    yield core
    core.end()


def owner(device: Device, path: Path) -> str:
    return device.core.lab.run_inside("stat", "-c", "%U", str(path)).strip()


def test_components_run_as_the_cores_own_user(device):
    name = "com.example.Self"
    script = "id -un > who; echo $HOME > home; id -Gn > groups"
    device.deploy(Component(name, {"install": script, "run": FOREVER}))
    work = device.work(name)
    assert (work / "who").read_text() == f"{USER}\n"
    assert (work / "home").read_text().endswith(f"/home/{USER}\n")
    assert "docker" in (work / "groups").read_text().split()
    assert owner(device, work) == USER
    assert device.history(name) == ["INSTALLED", "STARTING", "RUNNING"]


def test_requires_privilege_means_the_cores_user(device):
    name = "com.example.NoPrivilege"
    install = {"script": "id -un > who", "requiresPrivilege": True}
    device.deploy(Component(name, {"install": install}))
    assert (device.work(name) / "who").read_text() == f"{USER}\n"


def test_its_own_user_may_be_named(device):
    name = "com.example.Named"
    device.deploy(
        Component(name, {"install": "id -un > who"}),
        options=["--runWith", f"{name}:posixUser={USER}"],
    )
    assert (device.work(name) / "who").read_text() == f"{USER}\n"


@pytest.mark.parametrize("other", ["ggc_user", "root", "ggc_user:ggc_group"])
def test_another_user_is_refused_clearly(device, other):
    name = f"com.example.As{len(other)}"
    answer = device.try_deploy(
        Component(name, {"run": FOREVER}), options=["--runWith", f"{name}:posixUser={other}"]
    )
    assert answer["exit"] == 1
    assert answer["detailedStatus"] == "FAILED_NO_STATE_CHANGE"
    assert f"cannot run as {other}: the core runs as {USER}" in answer["cause"]
    assert device.history(name) == []


def test_artifacts_can_be_read_and_replaced(device):
    name = "com.example.Read"
    for version, text in (("1.0.0", b"one\n"), ("1.0.0", b"two\n")):
        device.deploy(
            Component(
                name,
                {"install": "cat {artifacts:path}/data > copy"},
                version,
                artifacts=[{"URI": "s3://bucket/data"}],
                files={"data": text},
            )
        )
        assert (device.work(name) / "copy").read_bytes() == text


def test_all_processes_end_with_the_component(device):
    """Whatever this user's control groups allow: the core finds them in another way if need be."""
    name = "com.example.Forks"
    run = (
        "sleep 100000 & echo $! >> pids; "
        "(setsid sh -c 'echo $$ >> pids; exec sleep 100000' &); "
        "env -i setsid sh -c 'echo $$ >> pids; sleep 100000' & "
        "echo $$ >> pids; wait"
    )
    device.deploy(Component(name, {"run": run}))
    file = device.work(name) / "pids"
    wait_until(lambda: len(file.read_text().split()) == 4, "all processes wrote their pid")
    pids = [int(pid) for pid in file.read_text().split()]
    device.core.cli("component", "stop", "-n", name)
    device.wait_history(name, "INSTALLED", "STARTING", "RUNNING", "STOPPING", "FINISHED")
    wait_gone(pids)


def test_a_deployment_that_asks_for_limits_goes_on_and_says_what_is_not_enforced(device):
    name = "com.example.Limits"
    limits = json.dumps({name: {"memory": 65536}})
    device.deploy(Component(name, {"run": FOREVER}), options=["--systemLimits", limits])
    device.wait_line(name, "resource limits are not enforced on this machine")
