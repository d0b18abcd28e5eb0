"""How a deployment ends: from a failure to status, error stack and cause; pure."""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace

from greendock.base.error_codes import error_stack, error_types
from greendock.base.errors import GreendockError
from greendock.deployment.record import DeploymentRecord, DetailedStatus, Phase, Status


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, ready to be reported."""

    cause: str
    codes: tuple[str, ...]


def failure_of(error: BaseException) -> Failure:
    """The failure that `error` stands for; errors that nobody foresaw keep their text."""
    if isinstance(error, GreendockError):
        return Failure(error.explain(), error.codes)
    if isinstance(error, TimeoutError):
        return Failure(
            "the deployment did not end before its deadline", ("DEPLOYMENT_INTERRUPTED",)
        )
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return Failure(
            f"{error.strerror or error}: {error.filename or ''}".rstrip(": "),
            ("IO_ERROR", *(("DISK_SPACE_CRITICAL",) if full else ())),
        )
    return Failure(f"unexpected error: {type(error).__name__}: {error}", ())


def succeeded(record: DeploymentRecord) -> DeploymentRecord:
    return replace(
        record, status=Status.SUCCEEDED, phase=Phase.DONE, detailed=DetailedStatus.SUCCESSFUL
    )


def failed(
    record: DeploymentRecord, failure: Failure, detailed: DetailedStatus
) -> DeploymentRecord:
    stack = error_stack(failure.codes)
    return replace(
        record,
        status=Status.FAILED,
        phase=Phase.DONE,
        detailed=detailed,
        error_stack=tuple(stack),
        error_types=tuple(error_types(stack)),
        cause=failure.cause,
    )


def cancelled(record: DeploymentRecord) -> DeploymentRecord:
    return replace(record, status=Status.CANCELED, phase=Phase.DONE)


def interrupted(record: DeploymentRecord) -> DeploymentRecord:
    """What a core that was killed in the middle of `record` makes of it at its next start."""
    if record.phase is Phase.CLEANING_UP:
        return succeeded(record)
    applying = record.phase in (Phase.APPLYING, Phase.ROLLING_BACK)
    return failed(
        record,
        Failure(
            f"the core stopped while this deployment was {record.phase}; "
            "the components from before it were started again",
            ("DEPLOYMENT_INTERRUPTED",),
        ),
        DetailedStatus.FAILED_ROLLBACK_COMPLETE
        if applying
        else DetailedStatus.FAILED_NO_STATE_CHANGE,
    )
