"""An engine that fails, ends or hangs while it saves images leaves no bundle behind."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from made import APP, RECIPE

from greendock.base.errors import DeviceError
from greendock.bundle.index import IMAGES
from greendock.bundle.reader import BundleFile
from greendock.cli.bundle_create import _pack
from greendock.cli.errors import CliError
from greendock.deployment.bundle_source import (
    BundledComponent,
    BundleDescription,
    BundledImage,
)
from greendock.docker.errors import EngineUnavailable

IMAGE_ID = "sha256:" + "b2" * 32
ARCHIVE = b"archive" * 20_000 + bytes(1024)
End = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def whole(_writer: asyncio.StreamWriter) -> None:
    pass


class SavingEngine:
    """Answers as an engine with one image; `end` comes after the archive's first half."""

    def __init__(self, path: Path, archive: bytes = ARCHIVE, end: End = whole) -> None:
        self.host = f"unix://{path}"
        self._path = path
        self._archive = archive
        self._end = end
        self.asked: list[str] = []
        self.half_sent = asyncio.Event()

    async def __aenter__(self) -> SavingEngine:
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                while (await reader.readline()).strip():
                    pass
                await self._answer(line.split()[1].decode(), writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _answer(self, target: str, writer: asyncio.StreamWriter) -> None:
        self.asked.append(target)
        if "/images/get" in target:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            half = len(self._archive) // 2
            await self._chunk(writer, self._archive[:half])
            self.half_sent.set()
            await self._end(writer)
            await self._chunk(writer, self._archive[half:])
            await self._chunk(writer, b"")
            return
        body = (
            b"OK"
            if target == "/_ping"
            else json.dumps(
                {"Id": IMAGE_ID, "Size": 7, "Os": "linux", "Architecture": "amd64"}
            ).encode()
        )
        head = f"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    async def _chunk(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await writer.drain()


def described(tmp_path: Path, uri: str = "docker:team/app:1.0") -> BundleDescription:
    component = BundledComponent(
        APP, "1.0.0", RECIPE.decode(), False, tmp_path / "none", (BundledImage(uri, IMAGE_ID),)
    )
    return BundleDescription({APP: "1.0.0"}, (component,))


async def pack(folder: Path, engine: SavingEngine) -> None:
    async with engine:
        await _pack(folder / "x", described(folder), engine.host, overwrite=False)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.is_socket())


def test_a_whole_archive_is_kept_as_it_is(tmp_path):
    async def run() -> list[str]:
        engine = SavingEngine(tmp_path / "s")
        await pack(tmp_path, engine)
        return engine.asked

    asked = asyncio.run(run())
    assert unquote(asked[-1]).endswith("/images/get?names=team/app:1.0")
    with BundleFile(tmp_path / "x") as bundle:
        bundle.verify()
        assert b"".join(bundle.read(IMAGES)) == ARCHIVE
    assert files(tmp_path) == ["x"]


def test_an_error_at_the_end_of_the_archive_is_told(tmp_path):
    archive = ARCHIVE[:-1024] + bytes(100) + b'{"error":"the layer is gone"}'

    async def run() -> None:
        await pack(tmp_path, SavingEngine(tmp_path / "s", archive))

    with pytest.raises(CliError, match=r"broke off.*the layer is gone"):
        asyncio.run(run())
    assert files(tmp_path) == []


def test_an_engine_that_ends_is_told(tmp_path):
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def run() -> None:
        await pack(tmp_path, SavingEngine(tmp_path / "s", end=cut))

    with pytest.raises(EngineUnavailable):
        asyncio.run(run())
    assert files(tmp_path) == []


def test_cancelling_leaves_nothing(tmp_path):
    async def hang(_writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def run() -> None:
        engine = SavingEngine(tmp_path / "s", end=hang)
        task = asyncio.create_task(pack(tmp_path, engine))
        async with asyncio.timeout(20):
            await engine.half_sent.wait()
            while not (tmp_path / "x.part").exists():
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    assert files(tmp_path) == []


@pytest.mark.root
def test_a_disk_that_fills_up_leaves_nothing(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=True)

    async def run() -> None:
        async with SavingEngine(tmp_path / "s") as engine:
            await _pack(small / "x", described(tmp_path), engine.host, overwrite=False)

    try:
        with pytest.raises(DeviceError) as refusal:
            asyncio.run(run())
        assert "DISK_SPACE_CRITICAL" in refusal.value.codes
        assert files(small) == []
    finally:
        subprocess.run(["umount", small], check=True)
