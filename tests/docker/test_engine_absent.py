"""An engine that isn't there is waited for; one that may not be used is reported at once."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from pathlib import Path

import aiohttp
import pytest

from greendock.base.errors import Retry
from greendock.docker.engine.address import EngineAddress
from greendock.docker.engine.client import Engine
from greendock.docker.errors import (
    ApiVersionRefused,
    DockerError,
    EngineNotPermitted,
    EngineTooOld,
    EngineUnavailable,
    ImageReferenceError,
)

assert aiohttp  # loaded before a test changes its user: nobody may not read our folders
NOBODY = 65534


@pytest.fixture
def folder():
    """A folder for sockets that everybody may pass through."""
    with tempfile.TemporaryDirectory(prefix="gd-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def wait_for(path: Path, deadline_s: float = 0.3) -> tuple[DockerError | None, list[str]]:
    """The error that waiting for the engine ended in, and what was told meanwhile."""
    notices: list[str] = []

    async def scenario() -> DockerError | None:
        engine = Engine(EngineAddress("a test", socket_path=str(path)))
        try:
            await engine.wait_until_ready(deadline_s, notices.append)
        except DockerError as error:
            return error
        finally:
            await engine.close()
        return None

    return asyncio.run(scenario()), notices


class Answering:
    """A server on a Unix socket that gives one fixed answer per path, as an engine would."""

    def __init__(self, path: Path, answers: dict[str, bytes]) -> None:
        self._path = path
        self._answers = answers
        self.asked: list[str] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ")[1].decode()
                self.asked.append(path)
                writer.write(self._answers[path])
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def __aenter__(self) -> Answering:
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def wait_for_answering(path: Path, answers: dict[str, bytes], forced: str | None = None):
    async def scenario():
        async with Answering(path, answers) as server:
            engine = Engine(EngineAddress("a test", socket_path=str(path)), api_version=forced)
            try:
                await engine.wait_until_ready(0.3, lambda notice: None)
                return None, server.asked
            except DockerError as error:
                return error, server.asked
            finally:
                await engine.close()

    return asyncio.run(scenario())


def test_no_socket(folder):
    error, notices = wait_for(folder / "d.sock")
    assert type(error) is EngineUnavailable
    assert f"unix://{folder}/d.sock" in error.message
    assert "No such file" in error.message
    assert "waited 0.3 s" in error.message
    assert error.hint is not None
    assert error.codes[-1] == "DOCKER_SERVICE_UNAVAILABLE"
    assert error.retry is Retry.WHEN_ENGINE_IS_BACK
    assert len(notices) == 1


def test_a_socket_that_nobody_listens_at(folder):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "d.sock"))
    error, notices = wait_for(folder / "d.sock")
    assert type(error) is EngineUnavailable
    assert "refused" in error.message
    assert notices


def test_a_listener_that_never_answers(folder):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(folder / "d.sock"))
        silent.listen()
        error, _ = wait_for(folder / "d.sock")
    assert type(error) is EngineUnavailable
    assert "no answer" in error.message


def in_another_user(action) -> str:
    """What `action` returns when it runs without root's rights."""
    if os.geteuid() != 0:
        return action()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(write, action().encode())
        except BaseException as error:
            os.write(write, repr(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    return text


def test_a_socket_that_may_not_be_used_fails_at_once(folder):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "d.sock"))
        listening.listen()
        (folder / "d.sock").chmod(0)

        def action() -> str:
            error, notices = wait_for(folder / "d.sock", deadline_s=600)
            return f"{type(error).__name__} {error.codes[-1]} {len(notices)} {error.explain()}"

        told = in_another_user(action)
    assert told.startswith(f"{EngineNotPermitted.__name__} USER_NOT_AUTHORIZED_FOR_DOCKER 0 ")
    assert "group `docker`" in told


def test_an_engine_that_is_too_old_fails_at_once(folder):
    answers = {"/_ping": answer(b"OK", "Api-Version: 1.20")}
    error, _ = wait_for_answering(folder / "d.sock", answers)
    assert type(error) is EngineTooOld
    assert "1.20" in error.message
    assert "1.21" in error.message


def test_the_oldest_engine_tells_its_version_elsewhere(folder):
    answers = {"/_ping": answer(b"OK"), "/version": answer(b'{"ApiVersion":"1.21"}')}
    error, asked = wait_for_answering(folder / "d.sock", answers)
    assert error is None
    assert asked == ["/_ping", "/version"]


def test_a_forced_version_that_the_engine_lacks_fails_at_once(folder):
    answers = {"/_ping": answer(b"OK", "Api-Version: 1.41")}
    error, _ = wait_for_answering(folder / "d.sock", answers, forced="1.44")
    assert type(error) is ApiVersionRefused


def test_an_engine_that_is_still_starting_is_waited_for(folder):
    answers = {"/_ping": answer(b'{"message":"starting"}', status="503 Service Unavailable")}
    error, asked = wait_for_answering(folder / "d.sock", answers)
    assert type(error) is EngineUnavailable
    assert "starting" in error.message
    assert len(asked) > 1


def test_something_that_is_no_engine_fails_at_once(folder):
    answers = {"/_ping": answer(b"<html>"), "/version": answer(b"<html>")}
    error, _ = wait_for_answering(folder / "d.sock", answers)
    assert error is not None
    assert "Docker Engine" in (error.hint or "")


def test_a_bad_name_among_good_ones_is_told_before_the_engine_is_asked(folder, make_scene):
    scene = make_scene(None, f"unix://{folder}/d.sock")
    with pytest.raises(ImageReferenceError):
        scene.ensure("docker:mysql:8.0", "docker:my sql")
    assert scene.journal.written == []


def test_waiting_for_the_engine_is_seen_and_ends(folder, make_scene):
    scene = make_scene(None, f"unix://{folder}/d.sock")
    scene.settings.engine_wait_s = 0.2
    with pytest.raises(EngineUnavailable):
        scene.ensure("docker:mysql:8.0", "docker:public.ecr.aws/a/b")
    assert scene.journal.events() == ["docker-engine-wait", "docker-engine-failed"]
    assert {progress.image for progress in scene.progress} == {
        "mysql:8.0",
        "public.ecr.aws/a/b:latest",
    }
    assert all(progress.note for progress in scene.progress)
