"""`docker-compose` and `docker compose` work where the machine has only one, with real clients."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from greendock.docker.compose.shims import ComposeShims, Missing, decide

DOCKERS = ("/usr/bin/docker", "/usr/local/bin/docker")
COMPOSES = ["/usr/bin/docker-compose", str(Path(sys.executable).parent / "docker-compose")]
CLIENTS = [path for path in DOCKERS if os.access(path, os.X_OK)]


@pytest.mark.parametrize(
    ("has_program", "has_plugin", "missing"),
    [
        (True, True, Missing.NOTHING),
        (False, False, Missing.NOTHING),
        (True, False, Missing.PLUGIN),
        (False, True, Missing.PROGRAM),
    ],
)
def test_what_stands_in_is_what_is_missing(
    has_program: bool, has_plugin: bool, missing: Missing
) -> None:
    assert decide(has_program=has_program, has_plugin=has_plugin) is missing


class Machine:
    """A PATH with chosen programs, a work folder and the core's folder of shims."""

    def __init__(self, folder: Path, **programs: str) -> None:
        self.bin = folder / "bin"
        self.work = folder / "work"
        self.system = folder / "system"
        self.shims = ComposeShims(folder / "run", (self.system,))
        self.own = self.work / ".docker" / "cli-plugins" / "docker-compose"
        for made in (self.bin, self.work / ".docker", self.system, folder / "run"):
            made.mkdir(parents=True)
        for name, target in programs.items():
            self.add(self.bin / name.replace("_", "-"), target)

    def add(self, path: Path, target: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(target)

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """As a script would, in the environment that the shims give it."""
        environment = {
            "PATH": str(self.bin),
            "HOME": str(self.work),
            "DOCKER_CONFIG": str(self.work / ".docker"),
            "DOCKER_HOST": "unix:///nonexistent.sock",
            **self.shims.variables(self.work, str(self.bin)),
            **more,
        }
        program = shutil.which(command[0], path=environment["PATH"])
        if program is None:
            return subprocess.CompletedProcess(command, 127, "", "not found")
        return subprocess.run(
            [program, *command[1:]],
            env=environment,
            cwd=self.work,
            capture_output=True,
            text=True,
            timeout=120,
        )


MakeMachine = Callable[..., Machine]


@pytest.fixture
def machine(tmp_path: Path) -> MakeMachine:
    return lambda **programs: Machine(tmp_path, **programs)


def compose_file(machine: Machine) -> None:
    text = 'version: "3"\nservices: {a: {image: "one:${TAG:-1}"}}\n'
    (machine.work / "docker-compose.yml").write_text(text)


def test_both_clients_of_the_machine_are_here() -> None:
    assert CLIENTS
    assert all(os.access(path, os.X_OK) for path in COMPOSES)


@pytest.mark.parametrize("docker", CLIENTS)
@pytest.mark.parametrize("compose", COMPOSES)
def test_docker_compose_is_a_plugin_too(machine: MakeMachine, docker: str, compose: str) -> None:
    here = machine(docker=docker, docker_compose=compose)
    compose_file(here)
    assert here.run("docker", "compose", "config", TAG="7").stdout.count("one:7") == 1
    version = here.run("docker-compose", "version").stdout
    assert version
    assert here.run("docker", "compose", "version").stdout == version
    shown = here.run("docker", "--debug", "compose", "-f", "docker-compose.yml", "config")
    assert "one:1" in shown.stdout
    failed = here.run("docker", "compose", "no-such-verb")
    assert failed.returncode == here.run("docker-compose", "no-such-verb").returncode != 0


@pytest.mark.parametrize("docker", CLIENTS)
def test_the_plugin_is_a_program_too(machine: MakeMachine, docker: str) -> None:
    here = machine(docker=docker)
    here.add(here.own, COMPOSES[1])
    compose_file(here)
    assert "one:7" in here.run("docker-compose", "config", TAG="7").stdout
    version = here.run("docker", "compose", "version").stdout
    assert here.run("docker-compose", "version").stdout == version != ""


def test_a_machine_without_compose_looks_as_it_is(machine: MakeMachine) -> None:
    here = machine(docker=CLIENTS[0])
    assert here.shims.variables(here.work, str(here.bin)) == {}
    assert here.run("docker-compose", "version").returncode == 127
    assert here.run("docker", "compose", "version").returncode != 0
    assert not here.own.parent.exists()


def test_what_is_installed_later_comes_first(machine: MakeMachine) -> None:
    here = machine(docker=CLIENTS[0], docker_compose=COMPOSES[0])
    here.run("docker", "compose", "version")
    assert here.own.is_symlink()
    # Now the plugin is installed for all: ours is in front of it, so it has to go.
    here.add(here.system / "docker-compose", COMPOSES[1])
    assert here.shims.variables(here.work, str(here.bin)) == {}
    assert not here.own.is_symlink()


def test_a_plugin_of_the_component_stays(machine: MakeMachine) -> None:
    here = machine(docker=CLIENTS[0], docker_compose=COMPOSES[0])
    here.add(here.own, COMPOSES[1])
    here.shims.variables(here.work, str(here.bin))
    assert here.own.readlink() == Path(COMPOSES[1])


def test_what_is_gone_since_ends_instead_of_going_round(machine: MakeMachine) -> None:
    here = machine(docker=CLIENTS[0], docker_compose=COMPOSES[0])
    variables = here.shims.variables(here.work, str(here.bin))
    assert variables == {}
    (here.bin / "docker-compose").unlink()
    program = here.work.parent / "run" / "program" / "docker-compose"
    here.add(here.system / "docker-compose", COMPOSES[1])
    path = here.shims.variables(here.work, str(here.bin))["PATH"]
    assert path == f"{here.bin}:{program.parent}"
    # The plugin is not where this docker looks: it calls nothing, and nothing calls us again.
    failed = here.run("docker-compose", "version")
    assert failed.returncode != 0


@pytest.mark.parametrize(
    "place", [".docker", ".docker/cli-plugins", ".docker/cli-plugins/docker-compose"]
)
def test_links_of_the_component_lead_nowhere(
    machine: MakeMachine, tmp_path: Path, place: str
) -> None:
    here = machine(docker=CLIENTS[0], docker_compose=COMPOSES[0])
    outside = tmp_path / "outside"
    outside.mkdir()
    (here.work / ".docker").rmdir()
    path = here.work / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(outside)
    assert here.shims.variables(here.work, str(here.bin)) == {}
    assert list(outside.iterdir()) == []
    assert path.readlink() == outside


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("no folder")
    (tmp_path / "docker-compose").symlink_to(COMPOSES[0])
    shims = ComposeShims(tmp_path / "run", ())
    assert shims.variables(tmp_path / "work", str(tmp_path)) == {}
