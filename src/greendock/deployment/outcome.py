"""How a deployment ends: from a failure to status, error stack and cause; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from greendock.base.error_codes import error_stack, error_types
from greendock.base.errors import DeploymentError, DeviceError, GreendockError
from greendock.deployment.record import DeploymentRecord, DetailedStatus, Phase, Status

LONGEST_CAUSE = 20_000
"""Characters of a cause: a folder of faulty recipes must not fill the database or a message."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, ready to be reported."""

    cause: str
    codes: tuple[str, ...]


def failure_of(error: BaseException) -> Failure:
    """The failure that `error` stands for; errors that nobody foresaw keep their text."""
    if isinstance(error, GreendockError):
        return Failure(error.explain(), error.codes)
    if isinstance(error, OSError) and error.errno is not None:
        known = DeviceError.of("carry out the deployment", error)
        return Failure(known.explain(), known.codes)
    return Failure(f"unexpected error: {type(error).__name__}: {error}", ())


def too_late(deadline_s: float) -> DeploymentError:
    """The deployment's own deadline passed before anything was changed."""
    return DeploymentError(
        f"cannot carry out the deployment: it was not ready within {deadline_s:g} s",
        codes=("DEPLOYMENT_INTERRUPTED",),
        hint="greendock.deployment.deadlineSeconds is the limit",
    )


def succeeded(record: DeploymentRecord) -> DeploymentRecord:
    return replace(
        record, status=Status.SUCCEEDED, phase=Phase.DONE, detailed=DetailedStatus.SUCCESSFUL
    )


def failing(record: DeploymentRecord, failure: Failure) -> DeploymentRecord:
    """`record` with what went wrong; what becomes of the device is not known yet."""
    stack = error_stack(failure.codes)
    cause = failure.cause
    if len(cause) > LONGEST_CAUSE:
        cause = f"{cause[:LONGEST_CAUSE]}… ({len(cause) - LONGEST_CAUSE} more characters)"
    return replace(
        record,
        error_stack=tuple(stack),
        error_types=tuple(error_types(stack)),
        cause=cause,
    )


def failed(
    record: DeploymentRecord, failure: Failure, detailed: DetailedStatus
) -> DeploymentRecord:
    return ended(failing(record, failure), detailed)


def ended(record: DeploymentRecord, detailed: DetailedStatus) -> DeploymentRecord:
    """The end of a deployment whose failure is in `record` already."""
    return replace(record, status=Status.FAILED, phase=Phase.DONE, detailed=detailed)


def abandoned(record: DeploymentRecord, why: str) -> DeploymentRecord:
    """A deployment that neither succeeded nor failed in an orderly way."""
    text = f"the deployment was given up while {record.phase}: {why}"
    failure = Failure(
        f"{record.cause}; {text}" if record.cause else text,
        (*record.error_stack, "DEPLOYMENT_INTERRUPTED"),
    )
    unchanged = record.phase in (Phase.QUEUED, Phase.RESOLVING, Phase.PREPARING)
    return failed(
        record,
        failure,
        DetailedStatus.FAILED_NO_STATE_CHANGE
        if unchanged
        else DetailedStatus.FAILED_UNABLE_TO_ROLLBACK,
    )


def not_restored(first: Failure, second: Failure) -> Failure:
    """Applying failed, and going back failed as well."""
    return Failure(
        f"{first.cause}; going back failed as well: {second.cause}",
        (*first.codes, *second.codes),
    )


def cancelled(record: DeploymentRecord, why: str | None = None) -> DeploymentRecord:
    return replace(record, status=Status.CANCELED, phase=Phase.DONE, cause=why)


def interrupted(record: DeploymentRecord) -> DeploymentRecord:
    """What a core that was killed in the middle of `record` makes of it at its next start.

    What was committed stays; everything else is as it was before the deployment.
    """
    if is_committed(record):
        if record.cause is None:
            return succeeded(record)
        return ended(record, DetailedStatus.FAILED_ROLLBACK_NOT_REQUESTED)
    applying = record.phase in (Phase.APPLYING, Phase.ROLLING_BACK)
    text = (
        f"the core stopped while this deployment was {record.phase}; "
        "the components from before it were started again"
    )
    codes = (*record.error_stack, "DEPLOYMENT_INTERRUPTED")
    failure = Failure(f"{record.cause}; {text}" if record.cause else text, codes)
    return failed(
        record,
        failure,
        DetailedStatus.FAILED_ROLLBACK_COMPLETE
        if applying
        else DetailedStatus.FAILED_NO_STATE_CHANGE,
    )


def is_committed(record: DeploymentRecord) -> bool:
    """Whether the state that an unfinished deployment leads to is the device's already."""
    return record.phase is Phase.CLEANING_UP
