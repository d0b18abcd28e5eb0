"""The same script through the gateway and directly: same output, same exit codes."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lab.lab import Lab

HERE = Path(__file__).parent
IMAGE = "mysql:8.0"


class Through:
    """A gateway in its own process before the lab's engine."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        argv = [sys.executable, str(HERE / "gateway_process.py"), str(lab.socket), str(folder)]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.socket = self.process.stdout.readline().strip()

    @property
    def most_memory_kib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(x for x in status.splitlines() if x.startswith("VmHWM")).split()[1])

    def end(self) -> None:
        _, _ = self.process.communicate(timeout=20)
        assert self.process.returncode == 0


@pytest.fixture(scope="module")
def through(lab: Lab) -> Iterator[Through]:
    with tempfile.TemporaryDirectory(prefix="gw") as folder:
        running = Through(lab, Path(folder))
        assert lab.docker("pull", "-q", IMAGE).returncode == 0
        yield running
        running.end()


def script_of(lab: Lab, host: str, script: str) -> tuple[int, str, str]:
    env = {**lab.env, "DOCKER_HOST": host, "IMAGE": IMAGE}
    argv = ["bash", "-c", script]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=100)
    return done.returncode, done.stdout, done.stderr


def docker_commands() -> list[str]:
    """Every docker command of this machine, an old and a new one where there are two."""
    found = {shutil.which("docker", path=x) for x in os.environ["PATH"].split(":")}
    return sorted({str(Path(x).resolve()) for x in found if x})


SCRIPTS = {
    "run": "$DOCKER run --rm --network none $IMAGE sh -c 'echo out; echo err >&2; exit 7'",
    "run -i": "seq 1 20000 | $DOCKER run --rm -i --network none $IMAGE cat",
    "run missing": "$DOCKER run --rm missing.invalid/none:1",
    "life": """
        $DOCKER run -d --name one --network none $IMAGE >/dev/null
        $DOCKER exec one echo hi; echo $?
        echo piped | $DOCKER exec -i one cat
        $DOCKER exec one sh -c 'exit 3'; echo $?
        script -qec "$DOCKER exec -it one echo terminal" /dev/null </dev/null | grep -o terminal
        timeout 2 $DOCKER logs -f one; echo $?
        sh -c 'timeout -s KILL 2 $DOCKER attach --no-stdin --sig-proxy=false one; true' 2>&-
        $DOCKER stats --no-stream --format '{{.Name}}' one
        $DOCKER inspect --format '{{.State.Status}} {{.Name}}' one
        $DOCKER wait one > $TMP/waited & sleep 0.5
        $DOCKER stop -t 5 one; wait; cat $TMP/waited
        $DOCKER rm one; $DOCKER rm one; echo $?""",
    "events": """
        timeout 4 $DOCKER events --filter type=container --format '{{.Status}}' > $TMP/e &
        sleep 0.7; $DOCKER run --rm --network none $IMAGE true; wait; cat $TMP/e""",
    "cp": """
        $DOCKER create --name two --network none $IMAGE >/dev/null
        seq 1 100000 > $TMP/in; $DOCKER cp $TMP/in two:/tmp/in; $DOCKER cp two:/tmp/in $TMP/out
        cmp $TMP/in $TMP/out; echo $?; $DOCKER cp two:/nowhere $TMP/x; echo $?
        $DOCKER rm two""",
    "save and load": "$DOCKER save $IMAGE | $DOCKER load; echo junk | $DOCKER load; echo $?",
    "pull": "$DOCKER rmi -f $IMAGE >/dev/null; $DOCKER pull $IMAGE | tail -2; "
    "$DOCKER pull mysql:none; echo $?",
    "build": """
        printf 'FROM %s\\nCOPY in /in\\nRUN cat /in\\n' $IMAGE > $TMP/Dockerfile
        echo text > $TMP/in
        DOCKER_BUILDKIT=0 $DOCKER build --no-cache --network none -t built $TMP \
            | grep -v -- '--->\\|uccessfully built\\|context\\|emoving'
        $DOCKER rmi built | wc -l""",
    "kill": """
        ($DOCKER run --rm --name three --network none $IMAGE >/dev/null & echo $! > $TMP/client)
        until [ "$($DOCKER ps -q -f name=three)" ]; do sleep 0.1; done
        kill -KILL $(cat $TMP/client)
        $DOCKER ps --format '{{.Names}}'; $DOCKER rm -f three""",
}


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("docker", docker_commands())
def test_docker(lab: Lab, through: Through, tmp_path: Path, name: str, docker: str):
    script = f"export DOCKER={docker} TMP={tmp_path}\n{SCRIPTS[name]}"
    direct = script_of(lab, lab.docker_host, script)
    assert script_of(lab, f"unix://{through.socket}", script) == direct
    assert direct[1] or direct[2]


COMPOSE = """
services:
  one: {image: "mysql:8.0", network_mode: none, command: ["sh", "-c", "echo first; exit 4"]}
  two: {image: "mysql:8.0", network_mode: none, command: ["echo", "second"]}
"""


def composes() -> list[str]:
    own = Path(sys.executable).parent / "docker-compose"
    more = os.environ.get("GREENDOCK_COMPOSES", "/usr/bin/docker-compose")
    return [str(own), *(x for x in more.split(":") if Path(x).exists())]


@pytest.mark.parametrize("compose", composes())
def test_compose(lab: Lab, through: Through, tmp_path: Path, compose: str):
    (tmp_path / "docker-compose.yml").write_text('version: "3"\n' + COMPOSE)
    script = f"""
        cd {tmp_path}; c="{compose} -p project"
        $c up --no-color 2>/dev/null | grep -o 'first$\\|second$\\|exited with code .' | sort
        $c ps -a -q | wc -l; $c logs --no-color 2>/dev/null | grep -o 'first$\\|second$' | sort
        $c up -d 2>/dev/null; $c stop 2>/dev/null; $c down 2>/dev/null; echo $?"""
    direct = script_of(lab, lab.docker_host, script)
    assert script_of(lab, f"unix://{through.socket}", script) == direct
    assert "first" in direct[1]


def sdk_facts(socket: str) -> list[Any]:
    import docker

    client = docker.DockerClient(base_url=f"unix://{socket}", timeout=60)
    try:
        facts: list[Any] = [client.ping(), client.version()["ApiVersion"]]
        facts.append(client.containers.run(IMAGE, "echo hi", network_mode="none", remove=True))
        made = client.containers.run(IMAGE, "cat", network_mode="none", detach=True, tty=True)
        facts.append(made.exec_run("echo exec"))
        stream = made.exec_run(["sh", "-c", "echo a; echo b >&2"], stream=True, demux=True)
        facts.append(sorted(map(str, stream.output)))
        archive, _ = made.get_archive("/bin/sh")
        facts.append(sum(map(len, archive)))
        made.kill()
        facts.append(made.wait())
        made.remove()
        facts.append(len(client.images.get(IMAGE).attrs["RootFS"]["Layers"]))
        try:
            client.containers.get("nobody")
        except docker.errors.NotFound as error:
            facts.append(str(error.explanation))
        return facts
    finally:
        client.close()


def test_python_sdk(lab: Lab, through: Through):
    with warnings.catch_warnings():
        # The SDK leaves the connections of an exec to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        by_gateway, direct = sdk_facts(through.socket), sdk_facts(str(lab.socket))
        gc.collect()
    assert by_gateway == direct


def test_a_large_load_leaves_memory_flat(lab: Lab, through: Through, tmp_path: Path):
    from lab import images

    made = images.image([images.busybox(), images.random_layer(100 << 20)], ["/bin/true"])
    images.save(made, ["large:1"], tmp_path / "large.tar")
    assert tarfile.is_tarfile(tmp_path / "large.tar")
    before = through.most_memory_kib
    host = f"unix://{through.socket}"
    script = (
        f"docker load -i {tmp_path}/large.tar; docker save large:1 | wc -c; docker rmi large:1"
    )
    code, out, err = script_of(lab, host, script)
    assert code == 0, err
    assert int(out.splitlines()[1]) > 100 << 20
    assert through.most_memory_kib - before < 12_000


def test_a_lost_engine_is_named(lab: Lab, through: Through):
    lab.stop_engine()
    code, _, err = script_of(lab, f"unix://{through.socket}", "docker ps")
    assert code == 1
    assert f"cannot reach the Docker engine at unix://{lab.socket}" in err
    lab.start_engine()
    code, out, _ = script_of(lab, f"unix://{through.socket}", "docker version --format json")
    assert (code, "Server" in json.loads(out)) == (0, True)
