"""What components say of their own life, and what they may do to that of others."""

from __future__ import annotations

from greendock.ipc.kinds import Choice, Scalar, structure
from greendock.ipc.shapes.cli import COMPONENT
from greendock.ipc.shapes.operation import (
    ARGUMENTS,
    NOT_FOUND,
    SERVICE,
    UNAUTHORIZED,
    Access,
    operation,
)

LIFECYCLE_SERVICE = "aws.greengrass.ipc.lifecycle"

# An empty name is told before the policy is asked.
_TARGET = Access(LIFECYCLE_SERVICE, "componentName", by_handler=True)

ROWS = (
    operation(
        "UpdateState",
        structure({"state": Choice(("RUNNING", "ERRORED"))}),
        None,
        SERVICE,
        NOT_FOUND,
    ),
    operation(
        "SubscribeToComponentUpdates",
        structure(),
        None,
        SERVICE,
        NOT_FOUND,
        event="ComponentUpdatePolicyEvents",
    ),
    operation(
        "DeferComponentUpdate",
        structure(
            {"deploymentId": Scalar.STRING}, message=Scalar.STRING, recheckAfterMs=Scalar.INTEGER
        ),
        None,
        SERVICE,
        NOT_FOUND,
        ARGUMENTS,
    ),
    operation("PauseComponent", COMPONENT, _TARGET, UNAUTHORIZED, SERVICE, NOT_FOUND, ARGUMENTS),
    operation("ResumeComponent", COMPONENT, _TARGET, UNAUTHORIZED, SERVICE, NOT_FOUND, ARGUMENTS),
)
