"""What runs of one component, from its install or start until the last of it is gone.

Holds what belongs together for that time: account and token, the main script, the containers, and
the shutdown script kept at the start. state_work.py says when; scripts.py knows how.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from greendock.base.crash_points import crash_point
from greendock.base.errors import ConfigurationError, GreendockError
from greendock.lifecycle.bell import Bell
from greendock.lifecycle.countdown import Countdown
from greendock.lifecycle.host import Host
from greendock.lifecycle.life_containers import LifeContainers
from greendock.lifecycle.model import ComponentSpec, ResourceLimits, State
from greendock.lifecycle.pausing import Pausing
from greendock.lifecycle.ports import ContainerLife, ContainerOwner, CorePart
from greendock.lifecycle.process import ScriptProcess
from greendock.lifecycle.scripts import Life, Prepared, Scripts, exited, timed_out
from greendock.lifecycle.status import Failure, Kind, StepError
from greendock.recipe.model import Step


@dataclass(frozen=True, slots=True)
class Main:
    """The script that a component is about: its startup or its run."""

    prepared: Prepared
    process: ScriptProcess

    @property
    def is_run(self) -> bool:
        return self.prepared.name == "run"


class Lifetime:
    """At most one `Life` at a time; `end` is always safe to call. `on_change`: something about
    its containers is new."""

    def __init__(
        self,
        name: str,
        host: Host,
        state: Callable[[], State],
        on_change: Callable[[], None],
    ) -> None:
        self._name = name
        self._host = host
        self._scripts = Scripts(name, host, state)
        self._life: Life | None = None
        self._shutdown: Prepared | None = None
        self._part: CorePart | None = None
        self.main: Main | None = None
        self.containers = LifeContainers(host, on_change)
        self.is_adopted = False
        self.is_carried = False
        self.pausing = Pausing(name, host, self._scripts.tree)

    @property
    def has_begun(self) -> bool:
        return self._life is not None or self._part is not None

    @property
    def generation(self) -> int | None:
        """Of the present life."""
        return None if self._life is None else self._life.generation

    @property
    def pid(self) -> int | None:
        """The main script's, while it runs."""
        return None if self.main is None or self.main.process.has_ended else self.main.process.pid

    @property
    def has_processes(self) -> bool:
        return bool(self._scripts.tree.members())

    async def begin(self, spec: ComponentSpec, generation: int, step: str) -> None:
        """Go on with the present life or begin one. Raises StepError, naming `step`."""
        if self._life is None:
            life = await self._scripts.begin(spec, generation, step)
            await self._open(life, secrets.token_hex(8), step)
        else:
            self._life = await self._scripts.go_on(self._life, spec, step)

    async def take_over(self, spec: ComponentSpec, generation: int, life_id: str) -> None:
        """Begin with the containers of an earlier life, which run on. Raises StepError."""
        step = "startup" if spec.steps.startup is not None else "run"
        life = await self._scripts.begin(spec, generation, step)
        await self._open(life, life_id, step)
        self.is_adopted = True
        self.keep_shutdown(spec.steps.shutdown)
        crash_point("life.taken_over")

    async def _open(self, life: Life, life_id: str, step: str) -> None:
        # Before any script: none may reach the engine by another way.
        owner = ContainerLife(life.spec, life_id, life.account, life.token)
        try:
            variables = await self.containers.open(owner)
        except Exception as error:
            self._host.identities.revoke(self._name, life.generation)
            if not isinstance(error, GreendockError):
                raise
            raise StepError(step, Kind.IO_ERROR, error.message, error.hint) from error
        self._life = replace(life, docker=variables)
        crash_point("life.opened")

    async def serve(self, spec: ComponentSpec) -> None:
        """Have the core do what a built-in component stands for, if anything. Raises StepError."""
        part = self._host.parts.get(self._name)
        if part is None or not spec.built_in:
            return
        self._part = part
        try:
            await part.start(spec)
        except ConfigurationError as error:
            raise StepError("startup", Kind.CONFIG_NOT_VALID, error.message, error.hint) from error
        except GreendockError as error:
            raise StepError("startup", Kind.ERROR, error.message, error.hint) from error

    def limit(self, limits: ResourceLimits | None) -> None:
        """Limit what runs and what starts from now on; None: no limits."""
        self._scripts.limit(limits)
        self.containers.limit(limits)

    def lift_limits(self) -> None:
        """Limits are for startup and run: an install may need more."""
        self.limit(None)

    def prepare(
        self, name: str, step: Step | None, extra: Mapping[str, str] | None = None
    ) -> Prepared | None:
        """The step ready to be started; None when there is none, or it is to be skipped."""
        if step is None or self._life is None:
            return None
        return self._scripts.prepare(self._life, name, step, extra)

    def keep_shutdown(self, step: Step | None) -> None:
        """Keep the shutdown script of now: an upgrade stops the old version with its own."""
        self._shutdown = self.prepare("shutdown", step)

    def start(self, prepared: Prepared) -> ScriptProcess:
        """Start a step; startup and run become the main script. Raises StepError."""
        if prepared.name not in ("startup", "run"):
            return self._scripts.start(prepared)
        count = self.containers.count(prepared.step, self._scripts.log_name(prepared))
        process = self._scripts.start(prepared, count)
        self.main = Main(prepared, process)
        crash_point("life.started")
        return process

    async def run(self, prepared: Prepared) -> None:
        """Start a step and wait; StepError unless it exits with 0 within its time."""
        process = self._scripts.start(prepared)
        bell = Bell(self._host.clock)
        async with bell.timer(prepared.timeout_s) as timer:
            futures: tuple[asyncio.Future[Any], ...] = (process.exit, timer)
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        if not process.has_ended:
            raise timed_out(prepared)
        if process.exit.result() != 0:
            raise exited(prepared.name, process.exit.result())

    async def run_while(self, prepared: Prepared, bell: Bell, wanted: Callable[[], bool]) -> None:
        """As `run`, but no longer than it is `wanted`, which is looked at when `bell` rings."""
        work = asyncio.ensure_future(self.run(prepared))
        try:
            while not work.done() and wanted():
                await bell.wait(work)
            if work.done():
                work.result()
        finally:
            work.cancel()

    @asynccontextmanager
    async def running(self, spec: ComponentSpec) -> AsyncIterator[Countdown]:
        """While the component is RUNNING: the time of its run script. It may be paused then."""
        main, run = self.main, spec.steps.run
        limit_s = main.prepared.timeout_s if main is not None and main.is_run else None
        if self.is_adopted and spec.steps.startup is None and run is not None:
            limit_s = run.timeout_s
        owner: ContainerOwner | None = None
        if self._life is not None:
            digest = hashlib.sha256(self._life.token.encode()).digest()
            life_id = self.containers.life_id or ""
            owner = ContainerOwner(spec, digest, self._life.began_at_s, life_id)
        with Countdown(self._host.clock, limit_s) as countdown:
            self.pausing.allow(owner, countdown)
            try:
                yield countdown
            finally:
                await self.pausing.leave()

    async def shut_down(self) -> Failure | None:
        """The kept shutdown script, then the end of all processes."""
        failure: Failure | None = None
        if self._shutdown is not None:
            try:
                await self.run(self._shutdown)
            except StepError as error:
                failure = error.failure
            crash_point("life.shut_down")
        await self.end()
        return failure

    async def end(self) -> None:
        """End all processes and containers, and what the core does for it, and take the token
        back."""
        await self._end_part()
        await self._scripts.end(self.pid)
        crash_point("life.processes_ended")
        await self.containers.close()
        crash_point("life.containers_ended")
        self.is_adopted = self.is_carried = False
        self.main = None
        self._shutdown = None
        life, self._life = self._life, None
        if life is not None:
            self._host.identities.revoke(self._name, life.generation)

    async def uninstall(self, spec: ComponentSpec, generation: int) -> Failure | None:
        """What is left is ended, then the uninstall script runs, and what that leaves ends too."""
        await self.end()
        failure: Failure | None = None
        if spec.steps.uninstall is not None:
            extra = {"GREENGRASS_COMPONENT_VERSION": spec.version}
            try:
                await self.begin(spec, generation, "uninstall")
                prepared = self.prepare("uninstall", spec.steps.uninstall, extra)
                if prepared is not None:
                    await self.run(prepared)
            except StepError as error:
                failure = error.failure
            await self.end()
        return failure

    async def kill(self) -> None:
        """End all processes and containers without any grace."""
        await self._end_part()
        await self._scripts.end(None, grace_s=0.0)
        await self.containers.kill()

    async def _end_part(self) -> None:
        part, self._part = self._part, None
        if part is not None:
            await part.stop()

    def close(self) -> None:
        """Let go of what outlives every life: control group and log file."""
        self._scripts.remove()
        self._host.logs.get(self._name).close()
