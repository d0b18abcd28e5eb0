"""The deployments of this core: accepts requests, works them off one at a time, remembers them.

Event driven: a request starts as soon as the one before has ended. Requests and records are
stored before anything is done, so a core that starts again knows what was queued or interrupted.
Whatever happens to one deployment, it ends and the next one gets its turn.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from greendock.base.clock import Clock
from greendock.base.errors import DeviceError, UsageError
from greendock.base.events import Bus
from greendock.deployment.current import Current
from greendock.deployment.device_state import DeviceState, DeviceStateStore
from greendock.deployment.document import LocalRequest
from greendock.deployment.executor import Executor, Reporter
from greendock.deployment.live import Live
from greendock.deployment.outcome import (
    Failure,
    abandoned,
    cancelled,
    failing,
    failure_of,
    interrupted,
    is_committed,
)
from greendock.deployment.record import (
    ComponentWaiting,
    DeploymentChanged,
    DeploymentNote,
    DeploymentRecord,
    ImageProgressed,
    ImageWaiting,
    Phase,
    Status,
)
from greendock.deployment.records import DeploymentRecords
from greendock.docker.model import ImageProgress

_log = logging.getLogger("greendock.deployment")
MOST_QUEUED = 100
_NOTES_REMEMBERED = 100
_END_GRACE_S = 10.0
"""How long a deployment may take to end once it was told to."""


@dataclass(slots=True)
class _Job:
    record: DeploymentRecord
    request: LocalRequest
    task: asyncio.Task[DeploymentRecord] | None = None
    phase_began: float = 0.0
    waits: dict[str, ImageWaiting] = field(default_factory=dict)
    asked: tuple[ComponentWaiting, ...] = ()
    noted: deque[str] = field(default_factory=lambda: deque(maxlen=_NOTES_REMEMBERED))
    superseded_by: str | None = None

    @property
    def shown(self) -> DeploymentRecord:
        """The record with what it waits for now."""
        return replace(self.record, waits=(*self.waits.values(), *self.asked))

    @property
    def why_cancelled(self) -> str | None:
        by = self.superseded_by
        return f"superseded by deployment {by}" if by else None

    @property
    def can_be_cancelled(self) -> bool:
        return self.record.phase in (Phase.QUEUED, Phase.RESOLVING, Phase.PREPARING)


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
        self.live = Live(bus)
        self._queue: deque[_Job] = deque()
        self._current: _Job | None = None
        self._arrived = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._executor: Executor | None = None
        self._stopping = False

    @property
    def state(self) -> DeviceState:
        """What is deployed."""
        return self.live.now.state

    @property
    def present_id(self) -> str:
        """Of the deployment that is being carried out, else of the latest; empty when none was."""
        if self._current is not None:
            return self._current.record.id
        records = self._records.all()
        return max(records, key=lambda record: record.created_at).id if records else ""

    @property
    def current(self) -> Current:
        """What is deployed, with what was worked out for it."""
        return self.live.now

    def recover(self, put_files_right: Callable[[bool], None]) -> DeviceState:
        """First thing at a start: end what was interrupted, load the committed state.

        `put_files_right(committed)` is called once, before anything is noted, so that a core that
        is killed in here does the same again. Requests that were still queued stay queued.
        """
        unfinished = self._records.unfinished()
        begun = [record for record, _ in unfinished if record.status is Status.IN_PROGRESS]
        put_files_right(bool(begun) and is_committed(begun[-1]))
        for record in begun:
            self._records.keep(interrupted(record))
            _log.warning("deployment %s was interrupted while %s", record.id, record.phase)
        self._queue.extend(
            _Job(record, request)
            for record, request in unfinished
            if record.status is Status.QUEUED
        )
        self.live.now = Current(self._states.load())
        return self.state

    def start(self, current: Current, executor: Executor) -> None:
        """Begin to work; `current` is the recovered state with what runs of it."""
        self.live.begin(current)
        self._executor = executor
        self._worker = asyncio.create_task(self._work(), name="deployments")

    async def stop(self) -> None:
        """End; what is being prepared is queued again for the next start. Never raises."""
        self._stopping = True
        job = self._current
        if job is not None and job.task is not None and job.can_be_cancelled:
            job.task.cancel()
            await asyncio.wait([job.task], timeout=_END_GRACE_S)
            self._records.keep(replace(job.record, status=Status.QUEUED, phase=Phase.QUEUED))
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait([self._worker], timeout=2 * _END_GRACE_S)

    def submit(self, request: LocalRequest) -> str:
        """Queue a deployment; its id (a UUID).

        Raises DeviceError when it can't be stored, UsageError when too many are waiting.
        """
        if len(self._queue) >= MOST_QUEUED:
            raise UsageError(
                f"cannot queue another deployment: {MOST_QUEUED} are waiting",
                codes=("CONFLICTED_REQUEST",),
                hint="wait for them, or cancel some",
            )
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
        live = (job.shown for job in self._live() if job.record.id == deployment_id)
        return next(live, None) or self._records.get(deployment_id)

    def all(self) -> list[DeploymentRecord]:
        """Oldest first."""
        live = {job.record.id: job.shown for job in self._live()}
        return [live.get(record.id, record) for record in self._records.all()]

    async def cancel(self, deployment_id: str) -> str:
        """Cancel if it can be; the text says what happened.

        KeyError for an unknown id, DeviceError when a queued one can't be taken off the record.
        """
        record = self.get(deployment_id)
        if record is None:
            raise KeyError(deployment_id)
        if record.status.is_final:
            return f"Deployment {deployment_id} has already finished: {record.status}"
        for job in self._queue:
            if job.record.id == deployment_id:
                ended = cancelled(job.record, job.why_cancelled)
                self._records.save(ended)
                self._queue.remove(job)
                self._announce_end(job, ended)
                return f"Cancel request submitted. Deployment ID: {deployment_id}"
        current = self._current
        if current is None or current.task is None or not current.can_be_cancelled:
            return (
                f"Deployment {deployment_id} is {record.phase} and can't be cancelled any more; "
                "make a new deployment to change what it did"
            )
        current.task.cancel()
        await asyncio.wait([current.task], timeout=3 * _END_GRACE_S)
        return f"Cancel request submitted. Deployment ID: {deployment_id}"

    async def supersede(self, by: str) -> list[str]:
        """Cancel all others that have not begun to change anything, so that `by` goes ahead.

        Returns their ids. One that can't be taken off the record stays.
        """
        gone = []
        for job in [*self._queue, *([self._current] if self._current else [])]:
            if job.record.id == by or not job.can_be_cancelled:
                continue
            job.superseded_by = by
            try:
                await self.cancel(job.record.id)
            except DeviceError as error:
                _log.error("deployment %s stays: %s", job.record.id, error.explain())
                continue
            gone.append(job.record.id)
        return gone

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
            finally:
                self._current = None

    async def _carry_out(self, job: _Job) -> None:
        if self._executor is None:
            raise RuntimeError("the service has not been started")
        began = self._clock.monotonic()
        job.task = asyncio.create_task(
            self._executor.carry_out(job.request, self.live.plan_from(), self._reporter(job)),
            name=f"deployment {job.record.id}",
        )
        try:
            await asyncio.wait([job.task], timeout=self._executor.longest_s)
        finally:
            # Late, or the core stops.
            if not job.task.done():
                job.task.cancel()
                await asyncio.wait([job.task], timeout=_END_GRACE_S)
        if self._stopping and job.task.cancelled():
            return
        timings = {**job.record.timings, "total": round(self._clock.monotonic() - began, 3)}
        final = replace(_result(job), timings=timings)
        self._records.keep(final)
        self._announce_end(job, final)

    def _announce_end(self, job: _Job, record: DeploymentRecord) -> None:
        job.record = record
        job.waits.clear()
        self._bus.publish(DeploymentChanged(record))
        if record.cause and record.status is Status.FAILED:
            _log.error("deployment %s %s: %s", record.id, record.detailed, record.cause)
        else:
            _log.info("deployment %s %s", record.id, record.status)

    def _reporter(self, job: _Job) -> Reporter:
        return Reporter(
            phase=lambda phase: self._enter(job, phase),
            fail=lambda failure: self._fail(job, failure),
            warn=lambda text: self._warn(job, text),
            image=lambda progress: self._progress(job, progress),
            asking=lambda waits: self._asking(job, tuple(waits)),
            record=lambda: job.record,
        )

    def _enter(self, job: _Job, phase: Phase) -> None:
        record = self._entered(job, phase)
        if phase is Phase.ROLLING_BACK:
            self._records.keep(record)
        else:
            self._records.save(record)
        self._take_up(job, record)

    def _entered(self, job: _Job, phase: Phase) -> DeploymentRecord:
        timings = dict(job.record.timings)
        if job.phase_began:
            spent_s = self._clock.monotonic() - job.phase_began
            timings[job.record.phase.value] = round(spent_s, 3)
        return replace(job.record, status=Status.IN_PROGRESS, phase=phase, timings=timings)

    def _take_up(self, job: _Job, record: DeploymentRecord) -> None:
        job.record = record
        job.waits.clear()
        job.phase_began = self._clock.monotonic()
        self._bus.publish(DeploymentChanged(record))

    def _fail(self, job: _Job, failure: Failure) -> None:
        job.record = failing(job.record, failure)

    def _warn(self, job: _Job, text: str) -> None:
        job.record = replace(job.record, warnings=(*job.record.warnings, text))
        _log.warning("deployment %s: %s", job.record.id, text)
        self._bus.publish(DeploymentNote(job.record.id, "warning", text))

    def _progress(self, job: _Job, progress: ImageProgress) -> None:
        self._note_wait(job, progress)
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

    def _note_wait(self, job: _Job, progress: ImageProgress) -> None:
        """What keeps a deployment waiting is part of its description, and is told once."""
        wait = progress.wait
        known = job.waits.pop(progress.image, None)
        if wait is not None:
            job.waits[progress.image] = ImageWaiting(
                progress.image, wait.attempt, wait.next_try_at, wait.last_error
            )
        if wait is not None or known is not None:
            self._bus.publish(DeploymentChanged(job.shown))

    def _asking(self, job: _Job, waits: tuple[ComponentWaiting, ...]) -> None:
        """Which components a deployment waits for is part of its description, and is told."""
        if waits == job.asked:
            return
        job.asked = waits
        for text in (wait.explain() for wait in waits):
            if text not in job.noted:
                job.noted.append(text)
                _log.info("deployment %s: %s", job.record.id, text)
                self._bus.publish(DeploymentNote(job.record.id, "info", text))
        self._bus.publish(DeploymentChanged(job.shown))

    def commit(self, now: Current) -> None:
        """Called by the deployment that is being carried out: `now` is the device's state,
        with what components have set meanwhile.

        Stored together with the deployment's entry into CLEANING_UP. Raises DeviceError.
        """
        job = self._current
        if job is None:
            raise RuntimeError("no deployment is being carried out")
        record = self._entered(job, Phase.CLEANING_UP)
        completed = self.live.completed(now)
        self._states.commit(self.state, completed.state, self._records, record)
        self.live.commit(completed)
        self._take_up(job, record)
        self.live.announce()


def _result(job: _Job) -> DeploymentRecord:
    """How the task of a job ended, whatever it did."""
    task = job.task
    if task is None or not task.done():
        _log.critical("deployment %s does not end; it is given up", job.record.id)
        return abandoned(job.record, "it did not end in time and could not be stopped")
    if task.cancelled():
        if job.can_be_cancelled:
            return cancelled(job.record, job.why_cancelled)
        return abandoned(job.record, "it did not end in time and was stopped")
    error = task.exception()
    if error is not None:
        _log.error("deployment %s ended in a way nobody foresaw", job.record.id, exc_info=error)
        return abandoned(job.record, failure_of(error).cause)
    return task.result()
