"""Deployments as the wire shows them: the Greengrass structure, and our fuller one.

Pure. The Greengrass enumeration is older than some of our states; the nearest old value goes to
official clients and the true one into our structure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from greendock.deployment.record import (
    ComponentWaiting,
    DeploymentRecord,
    DetailedStatus,
    ImageWaiting,
)

_OLDER_NAMES = {
    DetailedStatus.FAILED_UNABLE_TO_ROLLBACK: DetailedStatus.FAILED_ROLLBACK_NOT_REQUESTED
}


def created_on(seconds: float) -> str:
    """`dd-MM-uuuu HH:mm:ss UTC`, the form of official cores."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%d-%m-%Y %H:%M:%S UTC")


def local_deployment(record: DeploymentRecord) -> dict[str, Any]:
    """`aws.greengrass#LocalDeployment`."""
    members: dict[str, Any] = {
        "deploymentId": record.id,
        "status": record.status.value,
        "createdOn": created_on(record.created_at),
    }
    if record.detailed is not None:
        older = _OLDER_NAMES.get(record.detailed, record.detailed)
        members["deploymentStatusDetails"] = {
            "detailedDeploymentStatus": older.value,
            **_set(
                deploymentErrorStack=list(record.error_stack) or None,
                deploymentErrorTypes=list(record.error_types) or None,
                deploymentFailureCause=record.cause,
            ),
        }
    return members


def described_deployment(record: DeploymentRecord) -> dict[str, Any]:
    """The `deployment` member of our operations and events. Times are epoch seconds."""
    return {
        "deploymentId": record.id,
        "status": record.status.value,
        "phase": record.phase.value,
        "createdOn": created_on(record.created_at),
        "createdAt": record.created_at,
        "errorStack": list(record.error_stack),
        "errorTypes": list(record.error_types),
        "warnings": list(record.warnings),
        "timings": dict(record.timings),
        "waiting": [_waiting(each) for each in record.waits],
        **_set(
            detailedStatus=None if record.detailed is None else record.detailed.value,
            cause=record.cause,
        ),
    }


def _waiting(wait: ImageWaiting | ComponentWaiting) -> dict[str, Any]:
    if isinstance(wait, ComponentWaiting):
        return {
            "component": wait.component,
            "about": wait.about.value,
            "deferred": wait.deferred,
            **_set(until=wait.until, message=wait.message),
        }
    return {
        "image": wait.image,
        "attempt": wait.attempt,
        "lastError": wait.last_error,
        **_set(nextTryAt=wait.next_try_at),
    }


def _set(**members: Any) -> dict[str, Any]:
    """The members that have a value: unset ones are left out on the wire, never null."""
    return {name: value for name, value in members.items() if value is not None}
