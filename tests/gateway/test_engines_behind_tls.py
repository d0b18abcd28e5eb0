"""An engine at a TCP address with certificates: the same exchanges, half-close included."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from gateway_scene import GET, OK, PassAll, ended, message_of, status_of

from greendock.docker.engine.address import EngineAddress, EngineTls
from greendock.docker.errors import EngineAddressError, EngineUnavailable
from greendock.docker.gateway.gateway import Gateway
from greendock.docker.gateway.upstream import Upstream

UPGRADE = b"POST /a HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
SWITCH = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
Play = Callable[[ssl.SSLSocket], None]


def write_certificate(folder: Path) -> None:
    """Engine, client and authority in one."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem)
    (folder / "cert.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@contextlib.contextmanager
def engine(folder: Path, play: Play) -> Iterator[EngineAddress]:
    """Plays one connection after another, in a thread: asyncio's TLS has no half-close."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("localhost", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    accepted, _ = listening.accept()
                except OSError:
                    return
                with contextlib.suppress(OSError), accepted:
                    accepted.settimeout(20)
                    with context.wrap_socket(accepted, server_side=True) as tls:
                        play(tls)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        yield EngineAddress("test", host="localhost", port=port, tls=EngineTls(folder, True))
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(20)
    assert not thread.is_alive()


async def asked(folder: Path, address: EngineAddress, *parts: bytes) -> bytes:
    """What a client gets that sends the first part, waits for a head, and sends the rest."""
    (folder / "run").mkdir()
    gateway = Gateway(PassAll(), Upstream(address, 5.0))
    path = folder / "run" / "c" / "docker-1" / "docker.sock"
    await gateway.open(path, os.geteuid(), os.getegid())
    try:
        async with asyncio.timeout(20):
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(parts[0])
            got = await reader.readuntil(b"\r\n\r\n")
            for part in parts[1:]:
                writer.write(part)
            writer.write_eof()
            got += await reader.read()
            await ended(writer)
            return got
    finally:
        await gateway.close()


def test_requests_and_answers(folder: Path):
    write_certificate(folder)

    def play(tls: ssl.SSLSocket) -> None:
        while tls.recv(65536):
            tls.sendall(OK)

    with engine(folder, play) as address:
        assert asyncio.run(asked(folder, address, GET, GET)) == OK * 2


def test_input_ends_before_output(folder: Path):
    write_certificate(folder)
    size = 3_000_000
    received: list[int] = []

    def play(tls: ssl.SSLSocket) -> None:
        assert tls.recv(65536) == UPGRADE
        tls.sendall(SWITCH)
        count = 0
        while data := tls.recv(65536):
            count += len(data)
        received.append(count)
        tls.sendall(b"output" * 100_000)

    with engine(folder, play) as address:
        got = asyncio.run(asked(folder, address, UPGRADE, b"x" * size))
    assert (received, got) == ([size], SWITCH + b"output" * 100_000)


def test_an_engine_that_is_not_trusted_is_named(folder: Path):
    write_certificate(folder)
    theirs = folder / "theirs"
    theirs.mkdir()
    write_certificate(theirs)

    async def run(address: EngineAddress) -> None:
        with pytest.raises(EngineAddressError, match="cannot reach the Docker engine at tcp://"):
            await Upstream(address, 5.0).open()

    with engine(theirs, lambda _: None) as address:
        ours = EngineAddress(
            "test", host="localhost", port=address.port, tls=EngineTls(folder, True)
        )
        asyncio.run(run(ours))


def test_an_engine_that_never_shakes_hands_is_not_waited_for(folder: Path):
    write_certificate(folder)

    async def run(port: int) -> None:
        address = EngineAddress("test", host="localhost", port=port, tls=EngineTls(folder, True))
        with pytest.raises(EngineUnavailable, match=r"no connection within 0\.2 s"):
            await Upstream(address, 0.2).open()

    with socket.create_server(("localhost", 0)) as listening:
        asyncio.run(run(listening.getsockname()[1]))


def test_missing_certificates_are_named_to_the_client(folder: Path):
    address = EngineAddress("test", host="localhost", port=1, tls=EngineTls(folder / "no", True))
    answer = asyncio.run(asked(folder, address, GET))
    assert status_of(answer) == 503
    assert "certificates" in message_of(answer)
