"""What each script finds in its environment, layer by layer; its folder, its input, its shell."""

from __future__ import annotations

import json

import pytest
from device import FOREVER, Component, Device

from lab.core import Core
from lab.lab import Lab
from lab.waiting import wait_until

PROXY = "http://proxy.example:3128"
CONFIG = {
    "system": {"thingName": "thing-7", "rootCaPath": "/etc/root-ca.pem"},
    "services": {
        "aws.greengrass.Nucleus": {
            "configuration": {
                "awsRegion": "eu-central-1",
                "networkProxy": {
                    "proxy": {"url": PROXY},
                    "noProxyAddresses": "10.0.0.1,example.org",
                },
            }
        }
    },
}
STEPS = ("install", "run", "shutdown", "uninstall")


@pytest.fixture(scope="module")
def core_config():
    return CONFIG


def test_every_step_has_the_documented_variables(device):
    name = "com.example.Variables"
    lifecycle = {step: device.keep_environment(step) for step in STEPS}
    lifecycle["run"] += f"; {FOREVER}"
    device.deploy(Component(name, lifecycle))
    device.environment(name, "run")
    device.remove(name)
    root, work = device.core.root, device.work(name)
    expected = {
        "HOME": device.core.lab.run_inside("sh", "-c", "echo ~ggc_user").strip(),
        "USER": "ggc_user",
        "LOGNAME": "ggc_user",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_IOT_THING_NAME": "thing-7",
        "GGC_VERSION": "2.18.0",
        "GG_ROOT_CA_PATH": "/etc/root-ca.pem",
        "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH": f"{root}/ipc.socket",
        "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT": f"{root}/ipc.socket",
        "DOCKER_CONFIG": f"{work}/.docker",
        "NO_PROXY": "localhost,127.0.0.1,10.0.0.1,example.org",
    }
    expected |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), PROXY)
    expected |= {key.lower(): value for key, value in expected.items() if "PROXY" in key}
    for step in STEPS:
        found = device.environment(name, step)
        assert {key: found.get(key) for key in expected} == expected, step
        assert found["SVCUID"] == found["AWS_CONTAINER_AUTHORIZATION_TOKEN"], step
        assert len(found["SVCUID"]) >= 16, step
        assert {"/bin", "/usr/bin", "/sbin", "/usr/sbin"} <= set(found["PATH"].split(":")), step


def test_the_cores_own_environment_is_inherited(device):
    name = "com.example.Inherits"
    device.deploy(Component(name, {"install": device.keep_environment("install")}))
    found = device.environment(name, "install")
    assert found["DOCKER_HOST"].startswith(f"unix://{device.core.root}/run/")
    assert found["PATH"].startswith(str(device.core.lab.compose.parent))


def test_each_component_has_a_docker_configuration_and_a_compose_project_of_its_own(device):
    names = ["com.example.Own", "com.example.own"]
    keep = device.keep_environment("install")
    device.deploy(*(Component(name, {"install": keep}) for name in names))
    found = [device.environment(name, "install") for name in names]
    assert len({each["COMPOSE_PROJECT_NAME"] for each in found}) == 2
    assert len({each["DOCKER_CONFIG"] for each in found}) == 2
    folder = device.work(names[0]) / ".docker"
    assert folder.stat().st_uid == device.work(names[0]).stat().st_uid
    assert folder.stat().st_mode & 0o777 == 0o700


def test_two_components_have_different_tokens(device):
    keep = device.keep_environment("install")
    names = ["com.example.Token1", "com.example.Token2"]
    device.deploy(*(Component(name, {"install": keep}) for name in names))
    assert len({device.environment(name, "install")["SVCUID"] for name in names}) == 2


def test_setenv_layers_the_later_one_wins(device):
    name = "com.example.Layers"
    lifecycle = {
        "setenv": {"A": "all", "B": "all", "AWS_REGION": "mine", "TEXT": 'a b "c" $HOME 1.10'},
        "install": {
            "script": device.keep_environment("install"),
            "setenv": {"B": "install", "C": 3, "D": True},
        },
        "run": device.keep_environment("run"),
    }
    device.deploy(Component(name, lifecycle))
    install, run = device.environment(name, "install"), device.environment(name, "run")
    assert {key: install.get(key) for key in "ABCD"} == {
        "A": "all",
        "B": "install",
        "C": "3",
        "D": "true",
    }
    assert {key: run.get(key) for key in "ABCD"} == {"A": "all", "B": "all", "C": None, "D": None}
    assert run["AWS_REGION"] == "mine"
    assert run["TEXT"] == 'a b "c" $HOME 1.10', "values are not expanded by a shell"


def test_recipe_variables_are_filled_in_in_scripts_and_in_setenv(device):
    name = "com.example.Filled"
    lifecycle = {
        "setenv": {
            "WORK": "{work:path}",
            "ROOT": "{kernel:rootPath}",
            "THING": "{iot:thingName}",
            "FILES": "{artifacts:path}",
            "PORT": "{configuration:/server/port}",
        },
        "install": f"echo '{{configuration:/server}}' > server; {device.keep_environment('env')}",
    }
    server = {"port": 8080, "name": "x"}
    device.deploy(Component(name, lifecycle, configuration={"server": server}))
    found, root = device.environment(name, "env"), device.core.root
    assert found["WORK"].rstrip("/") == str(device.work(name))
    assert found["ROOT"].rstrip("/") == str(root)
    assert found["THING"] == "thing-7"
    assert found["FILES"].rstrip("/") == f"{root}/packages/artifacts/{name}/1.0.0"
    assert found["PORT"] == "8080"
    assert json.loads((device.work(name) / "server").read_text()) == server


def test_scripts_start_in_the_work_folder_with_an_empty_input(device):
    name = "com.example.Place"
    device.deploy(Component(name, {"install": "pwd > place; cat > input; echo done >> place"}))
    assert (device.work(name) / "place").read_text() == f"{device.work(name)}\ndone\n"
    assert (device.work(name) / "input").read_text() == ""
    assert device.work(name).stat().st_mode & 0o777 == 0o700


def test_a_script_is_one_argument_to_the_shell(device):
    name = "com.example.Argument"
    script = "set -e\nfor i in 1 2; do\n  echo \"$i 'x' ${0##*/} $#\" >> out\ndone\n# the end"
    device.deploy(Component(name, {"install": script}))
    assert (device.work(name) / "out").read_text() == "1 'x' sh 0\n2 'x' sh 0\n"


def test_the_shell_can_be_configured(make_device):
    defaults = {"posixShell": "bash"}
    nucleus = {"aws.greengrass.Nucleus": {"configuration": {"runWithDefault": defaults}}}
    device: Device = make_device({"services": nucleus})
    name = "com.example.Bash"
    device.deploy(Component(name, {"install": 'echo "${BASH_VERSION:+bash}" > shell'}))
    assert (device.work(name) / "shell").read_text() == "bash\n"


def test_a_deep_root_folder_gives_the_component_a_relative_socket_path(lab: Lab, make_core):
    shallow: Core = make_core(started=False)
    root = shallow.root / ("deep" * 15) / ("deeper" * 10)
    root.mkdir(parents=True)
    core = Core(lab, root)
    core.start()
    try:
        device = Device(core)
        name = "com.example.Deep"
        variable = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH"
        script = f"{device.keep_environment('env')} && test -S ${variable}_FOR_COMPONENT"
        device.deploy(Component(name, {"install": script}))
        found = device.environment(name, "env")
        assert found[variable] == f"{root}/ipc.socket"
        assert found[f"{variable}_FOR_COMPONENT"] == "../../ipc.socket"
    finally:
        core.end()
    wait_until(lambda: not root.exists(), "the core's files are removed")
