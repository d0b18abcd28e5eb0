"""The options that scripts are read by are those of the clients on this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from greendock.recipe.shell.docker_calls import docker_call, run_options, up_options
from greendock.recipe.shell.options import Options
from greendock.recipe.shell.script import read_script

V5 = str(Path(sys.executable).parent / "docker-compose")
V1 = "/usr/bin/docker-compose"
DOCKERS = [x for x in ("/usr/bin/docker", "/usr/local/bin/docker") if os.access(x, os.X_OK)]
_LINE = re.compile(r"^ {2,6}(?:-(?P<letter>\w), +)?--(?P<name>[a-z][a-z0-9-]*)(?P<rest>.*)$")
# Left out by the help of some, and of older versions.
HELP = ("help", "version")


def options_of(*command: str) -> list[tuple[str, str, bool]]:
    """Letter, long name and whether it takes a value, from the command's own help."""
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=60)
    found = []
    for line in (done.stdout + done.stderr).splitlines():
        match = _LINE.match(line)
        if match and match["name"] not in HELP:
            value = re.match(r"(?: |=)[^ ]+(?: {2,}|$)", match["rest"])
            found.append((match["letter"] or "", match["name"], value is not None))
    assert len(found) > 5, done.stderr
    return found


def options_read(words: str, kind: str) -> Options:
    (command,) = read_script(words).commands
    call = docker_call(command)
    assert call is not None
    if kind == "global":
        return call.options if call.program == "docker-compose" else call.docker_options
    return run_options(call) if kind == "run" else up_options(call)


CASES = [(f"{docker} run", "docker run", "run") for docker in DOCKERS]
CASES += [(docker, "docker", "global") for docker in DOCKERS]
CASES += [(f"{compose} up", "docker-compose up", "up") for compose in (V1, V5)]
CASES += [(compose, "docker-compose", "global") for compose in (V1, V5)]


@pytest.mark.parametrize(("real", "written", "kind"), CASES)
def test_each_option_takes_a_value_or_not_as_the_client_says(
    real: str, written: str, kind: str
) -> None:
    for letter, name, takes_value in options_of(*real.split()):
        for option in (f"--{name}", f"-{letter}" if letter else ""):
            if not option:
                continue
            read = options_read(f"{written} {option} next last", kind)
            value = read.found[0][1] if read.found else None
            assert (value is not None) is takes_value, f"{option} of {real}"
            assert read.is_clear, f"{option} of {real}"
            assert read.found[0][0] == name, f"{option} of {real}"
