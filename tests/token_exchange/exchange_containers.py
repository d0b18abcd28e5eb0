"""Components that ask for credentials in containers and on the host, and what they print."""

from __future__ import annotations

import json
import re
import subprocess

from exchange_scene import PATH, SERVICE

ADDRESS = "169.254.170.2"
NAME = "com.example.Keys"
IMAGE = "hello-world:latest"
ASK = (
    'wget -q -O - --header "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" '
    '"$AWS_CONTAINER_CREDENTIALS_FULL_URI"; code=$?; echo; echo "wget ended with $code"'
)
PASSED = "-e AWS_CONTAINER_AUTHORIZATION_TOKEN -e AWS_CONTAINER_CREDENTIALS_FULL_URI"
SAY = 'echo "uri $AWS_CONTAINER_CREDENTIALS_FULL_URI"; echo "token $SVCUID"'
FOREVER = "exec sleep 100000"
RUN = f"{SAY}; {FOREVER}"


def in_container(network: str = "") -> str:
    return f"docker run --rm {network} {PASSED} {IMAGE} sh -c '{ASK}'"


def recipe(folder, run, *, name=NAME, dependency="HARD", configuration=None):
    """A folder with the recipe of one component that runs `run`."""
    dependencies = {"aws.greengrass.DockerApplicationManager": {"VersionRequirement": "~2.0.0"}}
    if dependency:
        dependencies[SERVICE] = {"VersionRequirement": "~2.0.0", "DependencyType": dependency}
    document = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": "1.0.0",
        "ComponentDependencies": dependencies,
        "Manifests": [
            {"Lifecycle": {"run": run}, "Artifacts": [{"URI": f"docker:{IMAGE}"}]},
        ],
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document))
    return path


def change(core, *options):
    result = core.cli("deployment", "create", "--wait", *options)
    assert result.returncode == 0, core.describe(result)


def said(core, key, name=NAME):
    """The value that the component printed last."""
    core.wait_log(name, f"{key} ")
    return re.findall(rf"{key} (\S*?)[.}}\s]*(?:\{{|$)", core.log(name), re.MULTILINE)[-1]


def botocores(uri, token):
    """What botocore's own provider for containers finds with the variables of a component."""
    from botocore.credentials import ContainerProvider

    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": uri,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
    }
    return ContainerProvider(environ).load()


TALK = """
import socket, sys
host, port, token = sys.argv[1:]
with socket.create_connection((host, int(port)), 10) as peer:
    request = f"GET {path} HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: {token}\\r\\n\\r\\n"
    try:
        peer.sendall(request.encode())
        print(peer.recv(4096)[:15])
    except ConnectionError:
        print(b"")
""".replace("{path}", PATH)


def talk(lab, prefix, host, port, token):
    """What a client hears that sends a right request with a right token."""
    argv = lab.inside(*prefix, "python3", "-c", TALK, host, port, token)
    return subprocess.run(argv, capture_output=True, text=True, timeout=30)


def core_log(core):
    return (core.root / "logs" / "greengrass.log").read_text()
