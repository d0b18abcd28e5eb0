"""`component details --verbose|--json` shows a component's containers, limits and unowned ones."""

from __future__ import annotations

import json

import pytest

from greendock.cli.main import main
from greendock.docker.containers.labels import Owner
from greendock.docker.containers.limits import Enforcement
from greendock.docker.containers.model import GenerationState, Health, OwnedContainer, Phase
from greendock.docker.containers.view import ContainersView, LimitsInForce, UnownedContainer

WEB = "com.example.Web"
OWNER = Owner("core", WEB, "1.0.0", "generation")
GROUP = "/greendock/0123456789ab/containers-com.example.Web"
RUNS = OwnedContainer(
    "a" * 64,
    "web",
    OWNER,
    Phase.RUNNING,
    health=Health.UNHEALTHY,
    restarts=3,
    started_at_s=1700000000.0,
    image_name="mysql:8.0",
    image_id="sha256:" + "1" * 64,
    image_digest="sha256:" + "2" * 64,
    compose_service="db",
)
ENDED = OwnedContainer(
    "b" * 64, "job", OWNER, Phase.EXITED, exit_code=137, image_name="team/app:1"
)


@pytest.fixture
def shown(core):
    core.components.add(WEB, is_adopted=True)
    core.containers.known[WEB] = ContainersView(
        GenerationState(containers=(RUNS, ENDED)),
        LimitsInForce(64_000_000, 0.5, Enforcement.GROUP, GROUP, None),
        unowned=(UnownedContainer("c" * 64, "stray\x1b[2J", "mysql:8.0"),),
    )
    return core


def details(capsys, *options: str) -> str:
    assert main(["component", "details", "-n", WEB, *options]) == 0
    return capsys.readouterr().out


def test_json_has_all_of_it(shown, capsys):
    found = json.loads(details(capsys, "--json"))
    assert found["containers"] == [
        {
            "name": "web",
            "id": "a" * 64,
            "imageName": "mysql:8.0",
            "imageId": "sha256:" + "1" * 64,
            "imageDigest": "sha256:" + "2" * 64,
            "state": "running",
            "health": "unhealthy",
            "restarts": 3,
            "exitCode": None,
            "startedAt": 1700000000.0,
            "service": "db",
        },
        {
            "name": "job",
            "id": "b" * 64,
            "imageName": "team/app:1",
            "imageId": "",
            "imageDigest": None,
            "state": "exited",
            "health": None,
            "restarts": 0,
            "exitCode": 137,
            "startedAt": None,
            "service": None,
        },
    ]
    assert found["containerLimits"] == {
        "memoryBytes": 64_000_000,
        "cpus": 0.5,
        "enforcedBy": "group",
        "controlGroup": GROUP,
        "trouble": None,
    }
    assert (found["adopted"], found["containersKnown"]) == (True, True)
    assert found["unowned"] == [
        {
            "name": "stray\x1b[2J",
            "id": "c" * 64,
            "imageName": "mysql:8.0",
            "why": "started past the component's Docker socket",
        }
    ]


def test_verbose_says_it_in_lines(shown, capsys):
    assert details(capsys, "--verbose").partition("Restarts: 0\n")[2] == (
        "    Containers: 2 (taken over from an earlier life of the core)\n"
        "        web (aaaaaaaaaaaa): running, unhealthy, 3 restarts, "
        "started 2023-11-14T22:13:20Z\n"
        f"            Image: mysql:8.0 sha256:{'2' * 64}\n"
        "        job (bbbbbbbbbbbb): exited with 137\n"
        "            Image: team/app:1\n"
        "    Container Limits: memory 64.0 MB, 0.5 CPUs (together in one control group, "
        f"{GROUP})\n"
        "    Unowned Container: stray\\x1b[2J (cccccccccccc) of mysql:8.0: started past the "
        "component's Docker socket\n"
    )


def test_without_verbose_it_is_what_the_official_client_prints(shown, capsys):
    assert "Container" not in details(capsys)


def test_limits_that_nothing_enforces_are_told_with_the_reason(core, capsys):
    core.components.add(WEB)
    limits = LimitsInForce(64_000_000, None, Enforcement.NONE, None, "the engine can't")
    core.containers.known[WEB] = ContainersView(GenerationState(), limits)
    assert (
        "    Container Limits: memory 64.0 MB (not enforced)\n"
        "    Container Limits Trouble: the engine can't\n"
    ) in details(capsys, "--verbose")
    core.containers.known[WEB] = ContainersView(
        GenerationState(), LimitsInForce(None, 2, Enforcement.EACH, None, "systemd's groups")
    )
    assert "(each container by itself)" in details(capsys, "--verbose")


def test_what_was_seen_last_is_called_so(core, capsys):
    core.components.add(WEB)
    core.containers.known[WEB] = ContainersView(GenerationState(False, (ENDED,)))
    assert "Containers: 1 (as last seen; the engine is away)" in details(capsys, "--verbose")
    assert json.loads(details(capsys, "--json"))["containersKnown"] is False
