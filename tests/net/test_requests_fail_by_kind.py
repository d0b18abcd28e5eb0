"""What goes wrong on the way to a server becomes an error of the right kind, and no more."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
from http_scene import HEADERS, QUERY, SECRET, check_silence, client, failure, run
from raw_server import (
    OK,
    Script,
    Served,
    reset,
    say,
    say_and_hang,
    say_and_reset,
    server_context,
    serving,
    write_self_signed,
)

from greendock.base.errors import Retry
from greendock.net.errors import (
    ConnectionBroken,
    ConnectionRefused,
    NameNotResolved,
    NetworkError,
    NoAnswer,
    TlsFailed,
)
from greendock.net.http import Request, Trust
from lab.certificates import write_certificates

PART = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin"


def request(url: str, **more: object) -> Request:
    return Request("GET", url + QUERY, HEADERS, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(say(b""), id="closed without a word"),
        pytest.param(say_and_reset(b""), id="reset without a word"),
        pytest.param(say(b"HTTP/1.1 200 OK\r\nContent-"), id="closed in the head"),
        pytest.param(say(PART), id="closed in the body"),
        pytest.param(say_and_reset(PART), id="reset in the body"),
        pytest.param(
            say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n"),
            id="closed between chunks",
        ),
        pytest.param(
            say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nbegin\r\n"),
            id="garbage for a chunk",
        ),
        pytest.param(say(b"\x00\xffgarbage\r\n\r\n"), id="garbage"),
        pytest.param(say(b"SSH-2.0-OpenSSH_9.6\r\n"), id="another protocol"),
        pytest.param(
            say(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"), id="a huge header"
        ),
        pytest.param(
            say(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), id="no number of bytes"
        ),
    ],
)
def test_an_answer_that_breaks_off_or_is_none(script):
    async def action() -> None:
        async with serving(script) as server:
            error = await failure(ConnectionBroken, request(server.url("/a/b")))
            assert f"cannot reach {server.url('/a/b')}: " in error.message
            assert (error.host, error.retry) == ("127.0.0.1", Retry.BACK_OFF)
            assert error.codes == ("NETWORK_ERROR",)

    run(action)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", PART])
def test_silence_ends_at_the_limit(answer: bytes):
    async def action() -> None:
        async with serving(say_and_hang(answer)) as server:
            for limits in ({"stall_s": 0.2}, {"timeout_s": 0.2}):
                error = await failure(NoAnswer, request(server.url(), **limits))
                assert "no answer in time" in error.message
                assert error.retry is Retry.BACK_OFF

    run(action)


def test_a_slow_answer_that_moves_is_no_silence():
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
        for _ in range(20):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async def action() -> None:
        async with serving(drip) as server, client() as http:
            answer = await http.ask(request(server.url(), stall_s=0.9, timeout_s=None))
            assert answer.body == b"x" * 20

    run(action)


def test_nobody_listens():
    async def action() -> None:
        with socket.socket() as taken:  # bound, and not listening
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            error = await failure(ConnectionRefused, request(f"http://127.0.0.1:{port}/"))
            assert "Connection refused" in error.message
            assert error.retry is Retry.WHEN_ONLINE

    run(action)


def test_no_way_and_no_name(lab):
    async def action() -> None:
        error = await failure(ConnectionRefused, request("https://192.0.2.1/"))
        assert "Network is unreachable" in error.message
        unnamed = await failure(NameNotResolved, request("https://nobody.invalid/"))
        assert unnamed.host == "nobody.invalid"
        assert unnamed.retry is Retry.WHEN_ONLINE

    with lab.namespaces.network():
        run(action)


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@h.test:port/",
        f"http://user:{SECRET}@[::1/",
        f"http://user:{SECRET}@h\u2100.test/",
        "http://h.test:99999/",
        "http:///path",
        "http://",
        f"http://{'a' * 64}.test/",
        "ftp://h.test/",
        "nonsense",
        "",
    ],
)
def test_what_is_no_address_is_never_tried_again(url: str):
    async def action() -> None:
        error = await failure(ConnectionRefused, Request("GET", url, HEADERS))
        assert error.retry is Retry.NEVER

    run(action)


# --- TLS


def certificates(folder: Path, name: str = "localhost") -> Path:
    folder.mkdir()
    write_certificates(folder, [name])
    return folder


def trust(folder: Path) -> Trust:
    return Trust(authorities=(folder / "ca.pem",))


def test_a_known_authority_is_trusted(tmp_path: Path):
    async def action() -> None:
        own = certificates(tmp_path / "own")
        async with serving(say(OK), server_context(own)) as server, client() as http:
            url = server.url("/", "localhost", "https")
            answer = await http.ask(request(url, trust=trust(own)))
            assert (answer.status, answer.body) == (200, b"ok")
            answer = await http.ask(request(url.replace("https", "HTTPS"), trust=trust(own)))
            assert answer.status == 200
            anyway = await http.ask(request(url, trust=Trust(verify=False)))
            assert anyway.status == 200

    run(action)


@pytest.mark.parametrize(
    "case", ["unknown authority", "wrong name", "expired", "the system's only"]
)
def test_a_certificate_that_does_not_fit(tmp_path: Path, case: str):
    async def action() -> None:
        own = certificates(tmp_path / "own", "other.test" if case == "wrong name" else "localhost")
        believed = trust(own)
        if case == "expired":
            write_self_signed(own, "localhost", valid_days=-1)
        elif case == "unknown authority":
            believed = trust(certificates(tmp_path / "foreign"))
        elif case == "the system's only":
            believed = Trust()
        async with serving(say(OK), server_context(own)) as server:
            url = server.url("/", "localhost", "https")
            error = await failure(TlsFailed, request(url, trust=believed))
            assert error.retry is Retry.NEVER
            assert error.codes == ("TLS_HANDSHAKE_FAILURE",)
            assert {
                "expired": "expired",
                "wrong name": "Hostname mismatch",
            }.get(case, "certificate") in error.message
            assert server.heads == []  # no header left this device

    run(action)


async def after_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server without TLS that the client's first words mean nothing to."""
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    await reader.read()


async def reset_after_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    reset(writer)


async def close_after_hello(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(65536)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (after_hello, TlsFailed),
        (reset_after_hello, ConnectionBroken),
        (close_after_hello, ConnectionBroken),
        (say_and_hang(b""), NoAnswer),
    ],
)
def test_a_handshake_that_comes_to_nothing(script: Script, kind: type[NetworkError]):
    async def action() -> None:
        async with serving(script, reads_head=False) as server:
            asked = request(server.url(scheme="https"), timeout_s=2.0)
            await failure(kind, asked)

    run(action)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificate_files_that_can_not_be_used_are_named(tmp_path: Path, content: str | None):
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_text(content)

    async def action() -> None:
        asked = request("https://localhost:1/", trust=Trust(authorities=(path,)))
        error = await failure(TlsFailed, asked)
        assert str(path) in error.message

    run(action)


def test_a_device_shows_its_certificate(tmp_path: Path):
    own = certificates(tmp_path / "own")
    device = tmp_path / "device"
    device.mkdir()
    write_self_signed(device, "device.test", valid_days=1)
    context = server_context(own)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(device / "ca.pem")
    shown = Trust((own / "ca.pem",), device / "server.pem", device / "server.key")

    async def action() -> None:
        async with serving(say(OK), context) as server:
            url = server.url("/", "localhost", "https")
            async with client() as http:
                assert (await http.ask(request(url, trust=shown))).status == 200
            async with client() as http:
                with pytest.raises(NetworkError) as refused:
                    await http.ask(request(url, trust=trust(own)))
            check_silence(refused.value)
            assert len(server.heads) == 1

    run(action)


def test_renewed_certificates_count_at_once(tmp_path: Path):
    write_self_signed(tmp_path, "localhost", valid_days=1)
    context = server_context(tmp_path)

    async def action() -> None:
        async with client() as http:
            async with serving(say(OK), context) as server:
                url = server.url("/", "localhost", "https")
                assert (await http.ask(request(url, trust=trust(tmp_path)))).status == 200
            write_self_signed(tmp_path, "localhost", valid_days=2)
            async with serving(say(OK), server_context(tmp_path)) as server:
                url = server.url("/", "localhost", "https")
                assert (await http.ask(request(url, trust=trust(tmp_path)))).status == 200

    run(action)


# --- leaving early


@pytest.mark.parametrize("answer", [b"", PART])
def test_cancelling_leaves_no_connection(answer: bytes):
    async def action() -> None:
        served = Served()
        async with serving(say_and_hang(answer), served=served) as server, client() as http:
            task = asyncio.create_task(http.ask(request(server.url(), timeout_s=None)))
            while not served.heads:
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            while served.open_connections:
                await asyncio.sleep(0.01)

    run(action)


def test_leaving_a_body_closes_its_connection():
    async def action() -> None:
        served = Served()
        async with serving(say_and_hang(PART), served=served) as server, client() as http:
            async with http.open(request(server.url())) as response:
                async for chunk in response.chunks():
                    assert chunk == b"begin"
                    break
            while served.open_connections:
                await asyncio.sleep(0.01)

    run(action)


def test_what_goes_wrong_with_the_answer_elsewhere_keeps_its_type():
    async def action() -> None:
        async with serving(say_and_hang(OK)) as server, client() as http:
            with pytest.raises(OSError, match="no space"):
                async with http.open(request(server.url())) as response:
                    async for _ in response.chunks():
                        raise OSError("no space")

    run(action)
