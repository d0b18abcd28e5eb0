"""What tests of credentials share: a clock, the ECR port, a log and helper programs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greendock.docker.credentials.registry_credentials import RegistryCredentials
from greendock.docker.model import RegistryAccount
from greendock.docker.pull_policy import PullPolicy

SECRET = "s3cr3t-Pässw0rd/+=:x"


@dataclass
class FakeClock:
    """Both clocks stand where a test puts them."""

    wall_s: float = 1_000_000.0
    monotonic_s: float = 50.0

    def now(self) -> float:
        return self.wall_s

    def monotonic(self) -> float:
        return self.monotonic_s

    def pass_time(self, seconds: float) -> None:
        self.wall_s += seconds
        self.monotonic_s += seconds

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


@dataclass(frozen=True)
class Given:
    username: str
    password: str = field(repr=False)
    expires_at: float = 0.0


@dataclass
class FakeEcr:
    """The port: numbers its passwords; waits for `gate` when there is one; fails on request."""

    clock: FakeClock
    life_s: float = 12 * 3600
    error: Exception | None = None
    gate: asyncio.Event | None = None
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    cancelled: int = 0

    async def authorization(self, account: str, region: str, host: str) -> Given:
        self.asked.append((account, region, host))
        number = len(self.asked)
        try:
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return Given("AWS", f"{SECRET}-{number}", self.clock.wall_s + self.life_s)


@dataclass
class Settings:
    """Image settings of which only the accounts matter here."""

    registry_accounts: dict[str, RegistryAccount] = field(default_factory=dict)
    engine_wait_s: float = 30
    max_concurrent_pulls: int = 3
    pull_deadline_s: float = 120
    pull_stall_s: float = 30
    disk_margin_bytes: int = 0
    disk_high_watermark_percent: float = 100

    def pull_policy(self, component: str) -> PullPolicy:
        return PullPolicy.AS_DOCUMENTED


@dataclass
class Entries:
    written: list[tuple[str, str, str, dict[str, str]]] = field(default_factory=list)

    def write(self, level: str, event: str, message: str, **contexts: str) -> None:
        self.written.append((level, event, message, contexts))


class Scene:
    """Credentials of a core whose home and programs are in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.ecr = FakeEcr(self.clock)
        self.settings = Settings()
        self.journal = Entries()
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.environ = {
            "HOME": str(folder),
            "PATH": f"{self.programs}:{os.defpath}",
        }
        self.config = folder / ".docker" / "config.json"
        self.config.parent.mkdir()

    def credentials(self) -> RegistryCredentials:
        return RegistryCredentials(self.settings, self.ecr, self.journal, self.clock, self.environ)

    def add_helper(self, name: str, body: str) -> Path:
        """A program docker-credential-NAME: Python with `server` read from its input."""
        program = self.programs / f"docker-credential-{name}"
        program.write_text(
            f"#!{sys.executable} -SE\nimport json, os, sys, time\n"
            f"server = sys.stdin.read()\n{body}\n"
        )
        program.chmod(0o755)
        return program

    def run(self, action: Callable[[RegistryCredentials], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            async with asyncio.timeout(30):
                return await action(self.credentials())

        return asyncio.run(whole())
