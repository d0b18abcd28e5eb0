"""A container whose script brought its lines goes on in the log where the script was killed."""

from __future__ import annotations

import random
import time

import pytest
from numbered_lines import ERR, NUMBERS, OUT


def quoted(script: str) -> str:
    return "'" + script.replace("'", "'\\''") + "'"


@pytest.fixture
def script(lab):
    """The script that runs a container in the foreground; and how to find that container."""

    def make(inner: str, *options: str, image: str = "mysql:8.0") -> str:
        return f"docker run --name web {' '.join(options)} {image} /bin/sh -c {quoted(inner)}"

    return make


def adopt(lab, reader, **shape):
    found = lab.docker("inspect", "--format={{.Id}}", "web").stdout.strip()
    assert found, "the script started the container"
    reader.start("follow", {"id": found, "is_attached": True, **shape})


@pytest.mark.parametrize("log_format", ["TEXT", "JSON"])
def test_at_random_moments(lab, run, reader, script, log_format):
    reader.start("script", {"script": script(NUMBERS), "format": log_format})
    reader.wait_for(OUT[0])
    time.sleep(random.uniform(0, 2))
    reader.kill()
    for _ in range(2):
        adopt(lab, reader, format=log_format)
        time.sleep(random.uniform(0.1, 0.6))
        reader.kill()
    adopt(lab, reader, format=log_format)
    reader.wait_for("done")
    assert reader.lines("stdout") == OUT
    assert reader.lines("stderr") == ERR


@pytest.mark.parametrize("times", [1, 2, 10])
def test_when_the_last_lines_were_logged_and_not_counted(lab, run, reader, script, times):
    shape = {"script": script(NUMBERS)}
    reader.start("script", shape, GREENDOCK_CRASH_AT=f"log.written:{times}")
    reader.wait_for_death()
    adopt(lab, reader)
    reader.wait_for("done")
    assert reader.lines("stdout") == OUT
    assert reader.lines("stderr") == ERR


def test_what_the_docker_command_says_itself_is_not_counted(lab, run, reader, script):
    lab.docker("rmi", "--force", "mysql:8.0")  # so that it tells of the pull, on stderr
    inner = "i=0; while :; do i=$((i+1)); echo tick >&2; echo $i; sleep 0.05; done"
    reader.start("script", {"script": script(inner)})
    reader.wait_for("10")
    reader.kill()
    told = [line for line in reader.lines("stderr") if line != "tick"]
    assert told, "the docker command told of the pull"
    before = reader.lines("stderr").count("tick")
    adopt(lab, reader)
    reader.wait_for("60")
    reader.kill()
    numbers = [int(line) for line in reader.lines("stdout")]
    assert numbers == list(range(1, len(numbers) + 1))
    ticks = reader.lines("stderr").count("tick")
    assert abs(ticks - len(numbers)) <= 1
    assert ticks > before


def test_with_a_terminal(lab, run, reader, script):
    inner = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"
    reader.start("script", {"script": script(inner, "-t")})
    reader.wait_for("10")
    reader.kill()
    adopt(lab, reader, has_terminal=True)
    reader.wait_for("100")
    reader.kill()
    numbers = [int(line) for line in reader.lines("stdout")]
    assert numbers == list(range(1, len(numbers) + 1))
