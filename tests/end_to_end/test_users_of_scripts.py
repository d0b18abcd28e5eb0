"""Who runs a component's scripts when the core is root, and what that user can reach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from device import FOREVER, Component, Device

from lab.core import CoreMaker
from lab.lab import Lab

WHO = 'echo "$(id -un):$(id -gn)"'


@pytest.fixture(scope="module")
def people(lab: Lab) -> Iterator[None]:
    """Users of the lab's private system: alice of group staff2 (and crew), bob of group bob."""
    for command in (
        ("groupadd", "--system", "staff2"),
        ("groupadd", "--system", "crew"),
        ("useradd", "--system", "--create-home", "-g", "staff2", "-G", "crew", "alice"),
        ("useradd", "--system", "--create-home", "--user-group", "bob"),
    ):
        lab.run_inside(*command)
    yield
    for command in (
        ("userdel", "--remove", "alice"),
        ("userdel", "--remove", "bob"),
        ("groupdel", "crew"),
        ("groupdel", "staff2"),
    ):
        lab.run_inside(*command)


@pytest.fixture
def no_default_user(lab: Lab) -> Iterator[None]:
    """A fresh machine: nobody has made ggc_user yet."""
    files = "/etc/passwd /etc/shadow /etc/group /etc/gshadow"
    lab.run_inside(
        "sh", "-c", f"for f in {files}; do cp -a $f $f.lab && sed -i '/^ggc_/d' $f; done"
    )
    yield
    lab.run_inside("sh", "-c", f"for f in {files}; do mv $f.lab $f; done")


def written(device: Device, component: str, name: str) -> str:
    return (device.work(component) / name).read_text().strip()


def test_the_default_user_is_created_at_the_first_start(
    lab: Lab, no_default_user: None, make_device
):
    device: Device = make_device()
    identity = lab.run_inside("id", "-un", "ggc_user").strip()
    assert identity == "ggc_user", "before anything is deployed, so that it can be put in groups"
    assert lab.run_inside("id", "-gn", "ggc_user").strip() == "ggc_group"
    number = int(lab.run_inside("id", "-u", "ggc_user"))
    assert number in lab.system_users(), "a system user"
    name = "com.example.First"
    device.deploy(Component(name, {"install": f"{WHO} > who; touch $HOME/mine"}))
    assert written(device, name, "who") == "ggc_user:ggc_group"


def test_components_are_not_root_by_accident(device):
    name = "com.example.Default"
    device.deploy(Component(name, {"install": f"{WHO} > who; id -u > uid"}))
    assert written(device, name, "who") == "ggc_user:ggc_group"
    assert written(device, name, "uid") != "0"


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("posix_user", "who"), [("alice", "alice:staff2"), ("alice:bob", "alice:bob")]
)
def test_the_default_can_be_configured(make_device, posix_user, who):
    run_with = {"runWithDefault": {"posixUser": posix_user}}
    device: Device = make_device(
        {"services": {"aws.greengrass.Nucleus": {"configuration": run_with}}}
    )
    name = "com.example.Configured"
    device.deploy(Component(name, {"install": f"{WHO} > who; id -Gn > groups; pwd -P > place"}))
    assert written(device, name, "who") == who
    assert "crew" in written(device, name, "groups").split()


@pytest.mark.usefixtures("people")
def test_run_with_chooses_the_user_of_one_component(device):
    chosen, other = "com.example.Chosen", "com.example.Other"
    script = {"install": f"{WHO} > who; echo $HOME > home; echo $USER $LOGNAME > names"}
    device.deploy(
        *(Component(name, script) for name in (chosen, other)),
        options=["--runWith", f"{chosen}:posixUser=alice:crew"],
    )
    assert written(device, chosen, "who") == "alice:crew"
    assert written(device, chosen, "home").endswith("/home/alice")
    assert written(device, chosen, "names") == "alice alice"
    assert written(device, other, "who") == "ggc_user:ggc_group"


@pytest.mark.usefixtures("people")
def test_a_new_user_means_a_new_install_and_gets_the_work_folder(device):
    name = "com.example.Moves"
    lifecycle = {"install": device.note("install"), "run": f"{WHO} >> who; {FOREVER}"}
    device.deploy(Component(name, lifecycle))
    device.wait_notes("install")
    device.change("--merge", f"{name}=1.0.0", "--runWith", f"{name}:posixUser=bob")
    device.wait_notes("install", "install")
    device.wait_state(name, "RUNNING")
    assert written(device, name, "who").splitlines() == ["ggc_user:ggc_group", "bob:bob"]
    file = device.work(name) / "who"
    assert device.core.lab.run_inside("stat", "-c", "%U:%G", str(file)).strip() == "bob:bob"


@pytest.mark.usefixtures("people")
def test_a_number_without_an_entry_needs_its_group_too(device):
    name = "com.example.Number"
    lifecycle = {"install": "id -u > number; id -g >> number"}
    user = f"{name}:posixUser="
    device.deploy(Component(name, lifecycle), options=["--runWith", f"{user}54321:54322"])
    assert written(device, name, "number").split() == ["54321", "54322"]
    answer = device.try_deploy(Component(name, lifecycle), options=["--runWith", f"{user}54321"])
    assert answer["exit"] == 1
    assert "54321:GROUP" in str(answer)


def test_an_unknown_user_is_refused_before_anything_changes(device):
    name = "com.example.Nobody"
    device.deploy(Component(name, {"run": FOREVER}))
    pid = device.pid(name)
    answer = device.try_deploy(
        Component(name, {"run": FOREVER}, version="1.1.0"),
        options=["--runWith", f"{name}:posixUser=nobody-here"],
    )
    assert answer["exit"] == 1
    assert answer["detailedStatus"] == "FAILED_NO_STATE_CHANGE"
    assert "there is no user 'nobody-here'" in answer["cause"]
    assert device.pid(name) == pid


def test_requires_privilege_makes_root_of_that_step_only(device):
    name = "com.example.Privileged"
    device.deploy(
        Component(
            name,
            {
                "install": {
                    "script": f"{WHO} > who; echo $HOME > home",
                    "requiresPrivilege": True,
                },
                "run": f"{WHO} >> who; {FOREVER}",
                "shutdown": {"script": f"{WHO} >> who", "requiresPrivilege": "true"},
            },
        )
    )
    home = device.core.lab.run_inside("sh", "-c", "echo ~root").strip()
    assert written(device, name, "home") == home
    device.remove(name)
    assert written(device, name, "who").splitlines() == [
        "root:root",
        "ggc_user:ggc_group",
        "root:root",
    ], "what a privileged install made belongs to the component's user afterwards"


def test_a_member_of_docker_reaches_the_engine_without_sudo(device):
    name = "com.example.Docker"
    device.deploy(
        Component(name, {"install": "id -Gn > groups; docker version > version; id -u > uid"})
    )
    assert "docker" in written(device, name, "groups").split()
    assert written(device, name, "uid") != "0"
    assert "Server:" in written(device, name, "version")


@pytest.mark.usefixtures("people")
def test_a_user_outside_of_docker_does_not_reach_the_engine(device):
    name = "com.example.NoDocker"
    device.deploy(
        Component(name, {"install": "docker version > version 2> error; true"}),
        options=["--runWith", f"{name}:posixUser=bob"],
    )
    assert "Server:" not in written(device, name, "version")
    assert "it has no claim to it" in written(device, name, "error")


@pytest.mark.usefixtures("people")
def test_artifacts_have_the_modes_of_the_table(device):
    table = {
        "a": ({}, 0o440),
        "b": ({"Read": "ALL"}, 0o444),
        "c": ({"Read": "NONE"}, 0o400),
        "d": ({"Execute": "OWNER"}, 0o550),
        "e": ({"Read": "ALL", "Execute": "OWNER"}, 0o554),
        "f": ({"Execute": "ALL"}, 0o555),
    }
    name = "com.example.Files"
    component = Component(
        name,
        {"install": "for f in {artifacts:path}/*; do cat $f; done > all && {artifacts:path}/f"},
        artifacts=[
            {"URI": f"s3://bucket/{file}", "Permission": permission}
            for file, (permission, _) in table.items()
        ],
        files={file: f"#!/bin/sh\necho {file}\n".encode() for file in table},
    )
    device.deploy(component, options=["--runWith", f"{name}:posixUser=alice"])
    assert written(device, name, "all").count("#!") == len(table), "its user reads all of them"
    folder = device.core.root / "packages" / "artifacts" / name / "1.0.0"
    modes = {file: (folder / file).stat().st_mode & 0o777 for file in table}
    assert modes == {file: mode for file, (_, mode) in table.items()}
    owners = device.core.lab.run_inside("sh", "-c", f"stat -c %U:%G {folder}/*")
    assert set(owners.split()) == {"alice:staff2"}


@pytest.mark.usefixtures("people")
def test_another_components_user_reads_neither_work_nor_private_artifacts(device):
    owner, curious = "com.example.Owner", "com.example.Curious"
    secret = Component(
        owner,
        {"install": "echo mine > secret"},
        artifacts=[{"URI": "s3://bucket/private.txt"}],
        files={"private.txt": b"private"},
    )
    root = device.core.root
    look = (
        f"cat {root}/work/{owner}/secret && echo work >> seen; "
        f"cat {root}/packages/artifacts/{owner}/1.0.0/private.txt && echo artifact >> seen; "
        f"ls {root}/logs && echo logs >> seen; ls {root}/config && echo config >> seen; "
        "touch looked"
    )
    device.deploy(
        secret,
        Component(curious, {"install": look}, dependencies={owner: "HARD"}),
        options=["--runWith", f"{curious}:posixUser=bob"],
    )
    assert (device.work(curious) / "looked").exists()
    assert not (device.work(curious) / "seen").exists()


def test_a_root_folder_that_the_user_cannot_traverse_is_named(make_core: CoreMaker):
    core = make_core(started=False)
    core.root.chmod(0o700)
    core.start()
    device = Device(core)
    answer = device.try_deploy(Component("com.example.Locked", {"install": "true"}))
    assert answer["exit"] == 1
    assert f"can't traverse {core.root}" in answer["cause"]
    assert f"chmod o+x {core.root}" in str(answer) + "\n".join(device.lines("com.example.Locked"))
