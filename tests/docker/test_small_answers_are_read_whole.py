"""The engine's answers are read without a library, and a cut one is never taken for a whole."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.engine import small_answers
from greendock.docker.engine.small_answers import CutShortError, SmallAnswer, get

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def read_answer(data: bytes) -> SmallAnswer:
    async def scenario():
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await small_answers.read_answer(reader)

    return asyncio.run(scenario())


def chunked(*chunks: bytes) -> bytes:
    return CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(x), x) for x in (*chunks, b""))


@pytest.mark.parametrize(
    ("data", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", 200, b"[]"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.0 404 Not Found\r\nServer: a: b\r\n\r\nuntil the end", 404, b"until the end"),
        (chunked(b"ab", b"\r\n" * 9), 200, b"ab" + b"\r\n" * 9),
        (CHUNKED + b"2;extension=1\r\nab\r\n0\r\n\r\n", 200, b"ab"),
        (chunked(), 200, b""),
    ],
)
def test_whole_answers(data, status, body):
    answer = read_answer(data)
    assert (answer.status, answer.body) == (status, body)


def test_names_of_headers_are_in_lower_case():
    assert read_answer(b"HTTP/1.1 200 OK\r\nAPI-Version: 1.41\r\n\r\n").headers == {
        "api-version": "1.41"
    }


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.data())
def test_a_cut_answer_is_none(chunks, data):
    whole = chunked(*chunks)
    assert read_answer(whole).body == b"".join(chunks)
    # The empty line after the last size may be missing: all that was sent is there.
    cut = data.draw(st.integers(0, len(whole) - len(b"\r\n\r\n") - 1))
    with pytest.raises(CutShortError):
        read_answer(whole[:cut])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/1.1 fine\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nab",
        CHUNKED + b"-1\r\nab\r\n0\r\n\r\n",
        CHUNKED + b"x\r\n",
    ],
)
def test_nonsense_is_no_answer(data):
    with pytest.raises(CutShortError):
        read_answer(data)


@given(st.binary())
def test_any_bytes_are_an_answer_or_none(data):
    with contextlib.suppress(CutShortError):
        read_answer(b"HTTP/1.1 200 OK\r\n" + data)


def test_nothing_gets_out_of_the_request_line(tmp_path):
    """Parameters and paths are data, whatever is in them."""
    seen = []

    async def scenario():
        async def serve(reader, writer):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        place = str(tmp_path / "socket")
        async with await asyncio.start_unix_server(serve, place):
            await get(place, "/a b\r\nX: y%2F?#", {"k&": "v\r\n{}"})

    asyncio.run(scenario())
    assert seen == [
        b"GET /a%20b%0D%0AX:%20y%2F%3F%23?k%26=v%0D%0A%7B%7D HTTP/1.1\r\n"
        b"Host: localhost\r\nConnection: close\r\n\r\n"
    ]


def test_questions_to_a_socket_load_no_http_client(tmp_path):
    program = f"""
import asyncio, sys
from greendock.docker.engine.client import Engine
from greendock.docker.engine.containers import ContainerStore
from greendock.docker.errors import EngineUnavailable

answers = {{"/_ping": b"Api-Version: 1.41\\r\\n\\r\\nOK", "/v1.41/containers/json": b"\\r\\n[]"}}

async def serve(reader, writer):
    line = (await reader.readuntil(b"\\r\\n\\r\\n")).split()[1].decode().partition("?")[0]
    writer.write(b"HTTP/1.1 200 OK\\r\\n" + answers[line])
    writer.close()

async def main():
    engine = Engine.from_environment("unix://{tmp_path}/socket", {{}})
    try:
        await engine.info()
    except EngineUnavailable:
        pass
    async with await asyncio.start_unix_server(serve, "{tmp_path}/socket"):
        print(await ContainerStore(engine).running(also_restarting=True))
    print("aiohttp" in sys.modules)

asyncio.run(main())
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.split() == ["[]", "False"], result.stdout + result.stderr
