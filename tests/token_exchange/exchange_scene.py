"""Plain fakes of the core for the token exchange service, and a client that sends bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from greendock.aws.cached_source import CachedSource
from greendock.aws.credentials import AwsCredentials
from greendock.base.clock import SystemClock
from greendock.base.errors import ConfigurationError
from greendock.config.token_exchange import RetrySeconds, retry_seconds
from greendock.token_exchange.ports import Caller
from greendock.token_exchange.service import Needs, TokenExchange

SERVICE = "aws.greengrass.TokenExchangeService"
PATH = "/2016-11-01/credentialprovider/"
TOKEN, OTHER, CLIENT = "T" * 32, "U" * 32, "V" * 32
DEADLINE_S = 20.0


class TestClock(SystemClock):
    """Real waits, but a time of day and an age that a test moves. Sleeps end at once."""

    __test__ = False

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


@dataclass
class Core:
    """All ports of the service but the bridge."""

    clock: TestClock = field(default_factory=TestClock)
    settings: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, Caller] = field(
        default_factory=lambda: {
            TOKEN: Caller("com.example.Depender", is_client=False),
            OTHER: Caller("com.example.Other", is_client=False),
            CLIENT: Caller("user-0", is_client=True),
        }
    )
    fault: Exception | None = None
    hold: asyncio.Event | None = None
    asked: int = 0
    lifetime_s: float | None = 3600.0
    session_token: str | None = "session-of-the-test"
    is_configured: bool = True
    port: int | None = None
    listeners: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cached = CachedSource(_Fetch(self), self.clock, self._retry)

    def _retry(self) -> RetrySeconds:
        return retry_seconds(self.settings)[0]

    # Callers

    def authenticate(self, token: str) -> Caller | None:
        return self.tokens.get(token)

    # Source

    def check(self) -> None:
        if not self.is_configured:
            raise ConfigurationError("cannot get AWS credentials: nothing is configured")

    async def credentials(self) -> AwsCredentials:
        return await self.cached.for_components()

    # Service

    def configuration(self) -> Mapping[str, Any]:
        return self.settings

    def dependers(self) -> frozenset[str]:
        return frozenset({"com.example.Depender"})

    # PortMemory

    def recall(self) -> int | None:
        return self.port

    def remember(self, port: int) -> None:
        self.port = port

    # NetworkNews

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)


class _Fetch:
    """The cloud: gives new keys at each call, or the fault that a test set."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def credentials(self) -> AwsCredentials:
        core = self._core
        core.asked += 1
        if core.hold is not None:
            await core.hold.wait()
        if core.fault is not None:
            raise core.fault
        ends = None if core.lifetime_s is None else core.clock.now() + core.lifetime_s
        return AwsCredentials(f"ASIA{core.asked}", "secret-of-the-test", core.session_token, ends)


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def keys(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.body)
        return found


async def send(address: tuple[str, int], data: bytes) -> bytes:
    """Everything that comes back for `data`; what breaks the connection ends it too."""
    reader, writer = await asyncio.open_connection(*address)
    received = b""
    try:
        writer.write(data)
        await writer.drain()
        received = await reader.read(-1)
    except ConnectionError:
        pass
    finally:
        writer.close()
    return received


async def ask(
    service: TokenExchange, token: str | None = TOKEN, path: str = PATH, method: str = "GET"
) -> Reply:
    """One request on loopback, as a plain client sends it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if token is not None:
        lines.append(f"Authorization: {token}")
    data = "\r\n".join([*lines, "", ""]).encode()
    head, _, body = (await send(("127.0.0.1", service.port), data)).partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in rest)
    return Reply(int(first.split()[1]), headers, body)


def needs_of(core: Core, **others: Any) -> Needs:
    return Needs(core, core, core, core, core, core.clock, **others)
