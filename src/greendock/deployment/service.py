"""The deployments of this core: accepts requests, works them off one at a time, remembers them.

Event driven: a request starts as soon as the one before has ended. Requests and records are
stored before anything is done, so a core that starts again knows what was queued or interrupted.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from greendock.base.clock import Clock
from greendock.base.events import Bus
from greendock.deployment.device_state import DeviceState, DeviceStateStore
from greendock.deployment.document import LocalRequest
from greendock.deployment.executor import Current, Executor, Reporter
from greendock.deployment.outcome import cancelled, interrupted
from greendock.deployment.plan import Plan
from greendock.deployment.record import (
    DeploymentChanged,
    DeploymentNote,
    DeploymentRecord,
    ImageProgressed,
    Phase,
    Status,
)
from greendock.deployment.records import DeploymentRecords
from greendock.docker.model import ImageProgress
from greendock.lifecycle.model import ComponentSpec

_log = logging.getLogger("greendock.deployment")


@dataclass(slots=True)
class _Job:
    record: DeploymentRecord
    request: LocalRequest
    task: asyncio.Task[DeploymentRecord] | None = None
    phase_began: float = 0.0


class DeploymentService:
    """Accepts, works off, cancels and remembers deployments."""

    def __init__(
        self,
        records: DeploymentRecords,
        states: DeviceStateStore,
        bus: Bus,
        clock: Clock,
    ) -> None:
        self._records = records
        self._states = states
        self._bus = bus
        self._clock = clock
        self._state = DeviceState()
        self._specs: Mapping[str, ComponentSpec] = {}
        self._queue: deque[_Job] = deque()
        self._current: _Job | None = None
        self._arrived = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._executor: Executor | None = None
        self._stopping = False

    @property
    def state(self) -> DeviceState:
        """What is deployed."""
        return self._state

    def recover(self, put_files_right: Callable[[bool], None]) -> DeviceState:
        """First thing at a start: end what was interrupted, load the committed state.

        `put_files_right(committed)` is called once, for the artifact folders. Requests that were
        still queued stay queued.
        """
        committed = True
        for record, request in self._records.unfinished():
            if record.status is Status.QUEUED:
                self._queue.append(_Job(record, request))
                continue
            committed = record.phase is Phase.CLEANING_UP
            self._records.save(interrupted(record))
            _log.warning("deployment %s was interrupted while %s", record.id, record.phase)
        put_files_right(committed)
        self._state = self._states.load()
        return self._state

    def start(
        self,
        specs: Mapping[str, ComponentSpec],
        make_executor: Callable[[Callable[[Plan, DeploymentRecord], None]], Executor],
    ) -> None:
        """Begin to work; `specs` are those of the recovered state."""
        self._specs = specs
        self._executor = make_executor(self._commit)
        self._worker = asyncio.create_task(self._work(), name="deployments")

    async def stop(self) -> None:
        """End; what is being prepared is queued again for the next start."""
        self._stopping = True
        job = self._current
        if job is not None and job.task is not None and _can_cancel(job):
            job.task.cancel()
            await asyncio.wait([job.task], timeout=10)
            self._records.save(replace(job.record, status=Status.QUEUED, phase=Phase.QUEUED))
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait([self._worker], timeout=10)

    def submit(self, request: LocalRequest) -> str:
        """Queue a deployment; its id (a UUID). Raises DeviceError when it can't be stored."""
        record = DeploymentRecord(
            id=str(uuid.uuid4()),
            created_at=self._clock.now(),
            status=Status.QUEUED,
            phase=Phase.QUEUED,
        )
        self._records.add(record, request)
        self._queue.append(_Job(record, request))
        self._arrived.set()
        self._bus.publish(DeploymentChanged(record))
        return record.id

    def get(self, deployment_id: str) -> DeploymentRecord | None:
        return next(
            (job.record for job in self._live() if job.record.id == deployment_id),
            None,
        ) or self._records.get(deployment_id)

    def all(self) -> list[DeploymentRecord]:
        """Oldest first."""
        live = {job.record.id: job.record for job in self._live()}
        return [live.get(record.id, record) for record in self._records.all()]

    async def cancel(self, deployment_id: str) -> str:
        """Cancel if it can be; the text says what happened. KeyError for an unknown id."""
        record = self.get(deployment_id)
        if record is None:
            raise KeyError(deployment_id)
        if record.status.is_final:
            return f"Deployment {deployment_id} has already finished: {record.status}"
        for job in self._queue:
            if job.record.id == deployment_id:
                self._queue.remove(job)
                self._finish(job, cancelled(job.record))
                return f"Cancel request submitted. Deployment ID: {deployment_id}"
        current = self._current
        if current is None or current.task is None or not _can_cancel(current):
            return (
                f"Deployment {deployment_id} is {record.phase} and can't be cancelled any more; "
                "make a new deployment to change what it did"
            )
        current.task.cancel()
        await asyncio.wait([current.task], timeout=30)
        return f"Cancel request submitted. Deployment ID: {deployment_id}"

    def _live(self) -> list[_Job]:
        return [*([self._current] if self._current else []), *self._queue]

    async def _work(self) -> None:
        while True:
            while not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
            self._current = job = self._queue.popleft()
            try:
                await self._carry_out(job)
            except Exception:
                _log.exception("deployment %s could not be ended properly", job.record.id)
            finally:
                self._current = None

    async def _carry_out(self, job: _Job) -> None:
        if self._executor is None:
            raise RuntimeError("the service has not been started")
        began = self._clock.monotonic()
        current = Current(self._state, self._specs)
        job.task = asyncio.create_task(
            self._executor.carry_out(job.request, current, self._reporter(job)),
            name=f"deployment {job.record.id}",
        )
        try:
            await asyncio.wait([job.task])
        except asyncio.CancelledError:
            job.task.cancel()
            await asyncio.wait([job.task], timeout=10)
            raise
        if self._stopping and job.task.cancelled():
            return
        final = cancelled(job.record) if job.task.cancelled() else job.task.result()
        timings = {**job.record.timings, "total": round(self._clock.monotonic() - began, 3)}
        self._finish(job, replace(final, timings=timings))

    def _finish(self, job: _Job, record: DeploymentRecord) -> None:
        job.record = record
        self._records.save(record)
        self._bus.publish(DeploymentChanged(record))
        if record.cause:
            _log.error("deployment %s %s: %s", record.id, record.detailed, record.cause)
        else:
            _log.info("deployment %s %s", record.id, record.status)

    def _reporter(self, job: _Job) -> Reporter:
        return Reporter(
            phase=lambda phase: self._enter(job, phase),
            warn=lambda text: self._warn(job, text),
            image=lambda progress: self._progress(job, progress),
            record=lambda: job.record,
        )

    def _enter(self, job: _Job, phase: Phase) -> DeploymentRecord:
        now = self._clock.monotonic()
        timings = dict(job.record.timings)
        if job.phase_began:
            timings[job.record.phase.value] = round(now - job.phase_began, 3)
        job.phase_began = now
        job.record = replace(job.record, status=Status.IN_PROGRESS, phase=phase, timings=timings)
        self._records.save(job.record)
        self._bus.publish(DeploymentChanged(job.record))
        return job.record

    def _warn(self, job: _Job, text: str) -> DeploymentRecord:
        job.record = replace(job.record, warnings=(*job.record.warnings, text))
        _log.warning("deployment %s: %s", job.record.id, text)
        self._bus.publish(DeploymentNote(job.record.id, "warning", text))
        return job.record

    def _progress(self, job: _Job, progress: ImageProgress) -> None:
        if progress.note:
            self._bus.publish(DeploymentNote(job.record.id, "info", progress.note))
        self._bus.publish(
            ImageProgressed(
                job.record.id,
                progress.image,
                progress.phase,
                progress.current_bytes,
                progress.total_bytes,
                dict(progress.layers),
            )
        )

    def _commit(self, plan: Plan, record: DeploymentRecord) -> None:
        self._states.commit(self._state, plan.state, self._records, record)
        self._state = plan.state
        self._specs = plan.specs


def _can_cancel(job: _Job) -> bool:
    return job.record.phase in (Phase.QUEUED, Phase.RESOLVING, Phase.PREPARING)
