"""What is known of a deployment while it goes on and afterwards; and the news it publishes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """`aws.greengrass#DeploymentStatus`."""

    QUEUED = "QUEUED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def is_final(self) -> bool:
        return self in (Status.SUCCEEDED, Status.FAILED, Status.CANCELED)


class DetailedStatus(StrEnum):
    SUCCESSFUL = "SUCCESSFUL"
    FAILED_NO_STATE_CHANGE = "FAILED_NO_STATE_CHANGE"
    FAILED_ROLLBACK_NOT_REQUESTED = "FAILED_ROLLBACK_NOT_REQUESTED"
    FAILED_ROLLBACK_COMPLETE = "FAILED_ROLLBACK_COMPLETE"
    FAILED_UNABLE_TO_ROLLBACK = "FAILED_UNABLE_TO_ROLLBACK"
    REJECTED = "REJECTED"


class Phase(StrEnum):
    """Where a deployment in progress is. From CLEANING_UP on the new state is committed."""

    QUEUED = "queued"
    RESOLVING = "resolving"
    PREPARING = "preparing"
    APPLYING = "applying"
    ROLLING_BACK = "rolling back"
    CLEANING_UP = "cleaning up"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ImageWaiting:
    """An image or a file that waits between two attempts. `next_try_at`: seconds since the epoch,
    None when something else than time decides."""

    image: str
    attempt: int
    next_try_at: float | None
    last_error: str


class Asked(StrEnum):
    """What a deployment waits for of components."""

    CONFIGURATION = "configuration"
    UPDATE = "update"
    HEALTH = "health"


@dataclass(frozen=True, slots=True)
class ComponentWaiting:
    """A component whose answer or health a deployment waits for, or that defers it. `until`:
    seconds since the epoch, when it goes on or, if it was `deferred`, asks again; None when time
    alone doesn't decide. `message`: the component's own words, or what is waited for."""

    component: str
    about: Asked
    until: float | None
    deferred: bool = False
    message: str | None = None

    def explain(self) -> str:
        """For people, without times."""
        if self.deferred:
            why = f": {self.message}" if self.message else ""
            return f"{self.component} defers the update{why}"
        if self.about is Asked.HEALTH:
            return f"waiting for {self.component}: {self.message}"
        if self.about is Asked.CONFIGURATION:
            return f"waiting for {self.component} to check its new configuration"
        return f"waiting for {self.component} to agree to the update"


@dataclass(frozen=True, slots=True)
class DeploymentRecord:
    """One deployment. `created_at` is seconds since the epoch; `timings` seconds per phase."""

    id: str
    created_at: float
    status: Status
    phase: Phase
    detailed: DetailedStatus | None = None
    error_stack: tuple[str, ...] = ()
    error_types: tuple[str, ...] = ()
    cause: str | None = None
    warnings: tuple[str, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)
    waits: tuple[ImageWaiting | ComponentWaiting, ...] = ()
    """Of a deployment in progress, while they last; not stored."""


@dataclass(frozen=True, slots=True)
class DeploymentChanged:
    """Published at every change of status or phase. Warnings are notes, and in the next record."""

    record: DeploymentRecord


@dataclass(frozen=True, slots=True)
class DeploymentNote:
    """A line worth showing while a deployment goes on (waiting for the engine, a warning)."""

    deployment_id: str
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class ImageProgressed:
    """Progress of one image of a deployment.

    `phase`: waiting, downloading, extracting, present, pulled, failed. `layers` maps a short layer
    id to (state text, current bytes, total bytes or 0 when unknown).
    """

    deployment_id: str
    image: str
    phase: str
    current_bytes: int
    total_bytes: int
    layers: dict[str, tuple[str, int, int]]
