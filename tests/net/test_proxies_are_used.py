"""Requests through proxies: the login they get, what they refuse, and what they never see."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
from pathlib import Path

import pytest
from http_scene import HEADERS, QUERY, SECRET, check_silence, client, failure, run
from raw_server import (
    OK,
    Script,
    Served,
    say,
    say_and_hang,
    say_and_reset,
    server_context,
    serving,
)

from greendock.base.errors import Retry
from greendock.net.errors import (
    ConnectionBroken,
    ConnectionRefused,
    NetworkError,
    NoAnswer,
    ProxyRefused,
    TlsFailed,
)
from greendock.net.http import Request, Trust
from greendock.net.proxy import ProxySettings, read_proxy
from lab.certificates import write_certificates
from lab.connections import connections_end
from lab.internet.addresses import PROXY_PORT

WANTS_LOGIN = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    b'Proxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
)


def through(port: int, login: str = "", no_proxy: tuple[str, ...] = ()) -> ProxySettings:
    proxy = read_proxy(f"http://{login}127.0.0.1:{port}", "the test")
    return ProxySettings(proxy, proxy, no_proxy)


def request(url: str, **more: object) -> Request:
    return Request("GET", url + QUERY, HEADERS, **more)  # type: ignore[arg-type]


def tunnel(port: int) -> Script:
    """What a proxy does: connect to `port`, whatever was asked for."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while piece := await source.read(65536):
                    target.write(piece)
                    await target.drain()
                target.close()

        try:
            await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))
        finally:
            far_writer.close()

    return script


async def text_in_the_tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await reader.read(100)
    writer.write(b"no TLS at all, but text")
    await reader.read()


def test_a_tunnel_hides_everything_but_the_host(tmp_path: Path):
    write_certificates(tmp_path, ["far.test"])
    trust = Trust((tmp_path / "ca.pem",))

    async def action() -> None:
        async with (
            serving(say(OK), server_context(tmp_path)) as server,
            serving(tunnel(server.port)) as proxy,
            client(through(proxy.port, "ann:p%40ss@")) as http,
        ):
            answer = await http.ask(request("https://far.test:8443/path", trust=trust))
            assert answer.body == b"ok"
            (head,) = proxy.heads
            assert head.startswith(b"CONNECT far.test:8443 HTTP/1.1\r\n")
            login = base64.b64encode(b"ann:p@ss")
            assert b"Proxy-Authorization: Basic " + login in head
            assert SECRET.encode() not in head
            assert b"/path" not in head
            (inner,) = server.heads
            assert inner.startswith(b"GET /path?")
            assert b"proxy-authorization" not in inner.lower()

    run(action)


def test_without_tls_the_proxy_gets_the_whole_address():
    async def action() -> None:
        async with serving(say(OK)) as proxy, client(through(proxy.port, "ann:pw@")) as http:
            answer = await http.ask(Request("GET", "http://far.test:5000/a%2Fb?c"))
            assert answer.body == b"ok"
            (head,) = proxy.heads
            assert head.startswith(b"GET http://far.test:5000/a%2Fb?c HTTP/1.1\r\n")
            assert b"Proxy-Authorization: Basic " + base64.b64encode(b"ann:pw") in head

    run(action)


def test_listed_hosts_are_asked_directly():
    async def action() -> None:
        async with (
            serving(say(OK)) as server,
            serving(say(OK)) as proxy,
            client(through(proxy.port, no_proxy=("127.0.0.0/8",))) as http,
        ):
            await http.ask(Request("GET", server.url()))
            assert (len(server.heads), len(proxy.heads)) == (1, 0)

    run(action)


def test_a_changed_configuration_counts_at_once():
    from greendock.net.http import HttpClient

    async def action() -> None:
        async with serving(say(OK)) as one, serving(say(OK)) as two:
            current = [through(one.port)]
            http = HttpClient(lambda: current[0], user_agent="x")
            try:
                await http.ask(Request("GET", "http://far.test/"))
                current[0] = through(two.port)
                await http.ask(Request("GET", "http://far.test/"))
            finally:
                await http.close()
                await connections_end()
            assert (len(one.heads), len(two.heads)) == (1, 1)

    run(action)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("login", ["", f"ann:{SECRET}@"])
def test_a_proxy_that_wants_a_login(scheme: str, login: str):
    async def action() -> None:
        async with serving(say(WANTS_LOGIN)) as proxy:
            error = await failure(
                ProxyRefused, request(f"{scheme}://far.test/"), through(proxy.port, login)
            )
            assert error.status == 407
            assert error.host == "far.test"
            assert error.retry is Retry.NEVER
            assert f"through the proxy http://127.0.0.1:{proxy.port} (the test)" in error.message
            assert "login" in error.message
            assert error.hint is not None
            assert "networkProxy" in error.hint

    run(action)


@pytest.mark.parametrize(
    ("status", "retry"),
    [
        (403, Retry.NEVER),
        (502, Retry.WHEN_ONLINE),
        (503, Retry.WHEN_ONLINE),
        (504, Retry.WHEN_ONLINE),
    ],
)
def test_a_proxy_that_lets_nobody_through(status: int, retry: Retry):
    answer = f"HTTP/1.1 {status} No\r\nContent-Length: 4\r\n\r\nnope".encode()

    async def action() -> None:
        async with serving(say(answer)) as proxy:
            asked = request("https://far.test/")
            error = await failure(ProxyRefused, asked, through(proxy.port))
            assert (error.status, error.retry) == (status, retry)
            assert str(status) in error.message

    run(action)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        pytest.param(say(b""), ConnectionBroken, id="closes"),
        pytest.param(say_and_reset(b""), ConnectionBroken, id="resets"),
        pytest.param(say(b"garbage\r\n\r\n"), ConnectionBroken, id="garbage"),
        pytest.param(say_and_hang(b""), NoAnswer, id="hangs"),
        pytest.param(say(b"HTTP/1.1 200 OK\r\n\r\n"), ConnectionBroken, id="closes the tunnel"),
        pytest.param(
            text_in_the_tunnel,
            TlsFailed,
            id="no TLS in the tunnel",
        ),
    ],
)
def test_a_proxy_that_does_not_do_its_work(script: Script, kind: type[NetworkError]):
    async def action() -> None:
        async with serving(script) as proxy:
            asked = request("https://far.test/", timeout_s=1.0)
            error = await failure(kind, asked, through(proxy.port, f"ann:{SECRET}@"))
            assert "through the proxy" in error.message

    run(action)


def test_a_proxy_that_is_not_there():
    async def action() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            settings = through(taken.getsockname()[1], f"ann:{SECRET}@")
            error = await failure(ConnectionRefused, request("https://far.test/"), settings)
            assert "through the proxy" in error.message

    run(action)


def test_a_wrong_certificate_behind_a_proxy(tmp_path: Path):
    write_certificates(tmp_path, ["other.test"])
    trust = Trust((tmp_path / "ca.pem",))

    async def action() -> None:
        async with (
            serving(say(OK), server_context(tmp_path)) as server,
            serving(tunnel(server.port)) as proxy,
        ):
            asked = request("https://far.test/", trust=trust)
            error = await failure(TlsFailed, asked, through(proxy.port))
            assert "Hostname mismatch" in error.message
            assert server.heads == []

    run(action)


def test_cancelling_leaves_no_tunnel():
    async def action() -> None:
        served = Served()
        async with (
            serving(say_and_hang(b""), served=served) as proxy,
            client(through(proxy.port)) as http,
        ):
            task = asyncio.create_task(http.ask(request("https://far.test/")))
            while not served.heads:
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            while served.open_connections:
                await asyncio.sleep(0.01)

    run(action)


# --- the proxy of the lab, with registries behind it


def test_a_registry_behind_a_proxy_with_login(lab):
    lab.control(proxy_credentials="ann:p@ss")
    trust = Trust((lab.certificate_authority,))
    url = "https://registry.lab.test:5443/v2/"

    async def action() -> None:
        async with client(through(PROXY_PORT, "ann:p%40ss@")) as http:
            assert (await http.ask(Request("GET", url, trust=trust))).status == 200
        for login in ("", f"ann:{SECRET}@"):
            asked = request(url, trust=trust)
            error = await failure(ProxyRefused, asked, through(PROXY_PORT, login))
            assert error.status == 407
            check_silence(error)
        error = await failure(
            ProxyRefused, request("https://nobody.test/"), through(PROXY_PORT, "ann:p%40ss@")
        )
        assert error.status == 502

    with lab.namespaces.network():
        run(action)
    assert [entry["status"] for entry in lab.requests("proxy")] == [200, 407, 407, 502]
