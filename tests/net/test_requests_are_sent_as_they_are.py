"""What arrives at a server is what was asked for; and what it answers comes back unchanged."""

from __future__ import annotations

import asyncio

import pytest
from http_scene import HEADERS, SECRET, client, run
from raw_server import OK, say, say_and_hang, serving

from greendock.net.http import Request


@pytest.mark.parametrize(
    "path",
    [
        "/a%2Fb/%7Ec?X-Amz-Credential=A%2F2026%2Fus-east-1&b=%20+%7e&c",
        "/plain",
        "/v2/x/manifests/sha256:0a?n=1&last=a:b@c",
        "/?a=b%26c=d",
    ],
)
def test_a_signed_address_keeps_its_spelling(path: str):
    async def action() -> None:
        async with serving(say(OK)) as server, client() as http:
            await http.ask(Request("GET", server.url(path)))
            assert server.heads[0].split(b"\r\n")[0] == f"GET {path} HTTP/1.1".encode()

    run(action)


@pytest.mark.parametrize("path", ["/a b\u00e9", "/a\r\nX-Evil: 1\r\n", "/\0"])
def test_other_characters_can_not_break_out_of_the_address(path: str):
    async def action() -> None:
        async with serving(say(OK)) as server, client() as http:
            await http.ask(Request("GET", server.url(path)))
            first, *headers = server.heads[0].split(b"\r\n")
            assert first.count(b" ") == 2
            assert first.isascii()
            assert not [x for x in headers if x.lower().startswith(b"x-evil")]

    run(action)


def test_headers_and_body_arrive():
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = await reader.readexactly(5)
        writer.write(b"HTTP/1.1 201 Created\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: 5\r\n\r\n")
        writer.write(body)

    async def action() -> None:
        async with serving(echo) as server, client() as http:
            answer = await http.ask(Request("POST", server.url(), HEADERS, b"hello"))
            assert (answer.status, answer.headers["x-two"], answer.body) == (201, "2", b"hello")
            head = server.heads[0].decode()
            assert f"Authorization: Bearer {SECRET}" in head
            assert "User-Agent: greendock-test" in head

    run(action)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int):
    async def action() -> None:
        async with serving(say(OK)) as elsewhere:
            place = elsewhere.url("/x?a=%2F")
            answer = f"HTTP/1.1 {status} Go\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n"
            async with serving(say(answer.encode())) as server, client() as http:
                got = await http.ask(Request("GET", server.url(), HEADERS))
                assert (got.status, got.headers["location"]) == (status, place)
            assert elsewhere.heads == []

    run(action)


def test_cookies_are_not_kept():
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"

    async def action() -> None:
        async with serving(say(answer)) as server, client() as http:
            await http.ask(Request("GET", server.url()))
            await http.ask(Request("GET", server.url()))
            assert b"Cookie" not in server.heads[1]

    run(action)


def test_packed_bodies_stay_packed():
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz"

    async def action() -> None:
        async with serving(say(answer)) as server, client() as http:
            assert (await http.ask(Request("GET", server.url()))).body == b"xyz"

    run(action)


def test_a_text_is_cut_off():
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000

    async def action() -> None:
        async with (
            serving(say_and_hang(answer)) as server,
            client() as http,
            http.open(Request("GET", server.url())) as response,
        ):
            assert await response.read(10) == b"x" * 10

    run(action)


def test_connections_are_used_again():
    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(OK)

    async def action() -> None:
        async with serving(keep) as server, client() as http:
            for _ in range(3):
                assert (await http.ask(Request("GET", server.url()))).body == b"ok"
            assert server.connections == 1

    run(action)


def test_a_request_shows_no_secret():
    request = Request("GET", f"https://u:{SECRET}@h.test/p?sig={SECRET}", HEADERS, SECRET.encode())
    assert request.place == "https://h.test/p"
    assert SECRET not in repr(request)
