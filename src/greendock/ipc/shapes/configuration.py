"""A component's configuration, read, changed and watched over IPC."""

from __future__ import annotations

from greendock.ipc.kinds import Choice, ListOf, Scalar, structure
from greendock.ipc.shapes.operation import (
    ARGUMENTS,
    CONFLICT,
    NOT_FOUND,
    SERVICE,
    UNAUTHORIZED,
    operation,
)

_PATH = ListOf(Scalar.STRING)
# keyPath may be absent: official clients leave an empty one out.
_KEY = structure(componentName=Scalar.STRING, keyPath=_PATH)
_REPORT = structure(
    {"status": Choice(("ACCEPTED", "REJECTED")), "deploymentId": Scalar.STRING},
    message=Scalar.STRING,
)

ROWS = (
    operation("GetConfiguration", _KEY, None, SERVICE, NOT_FOUND),
    operation(
        "UpdateConfiguration",
        structure({"timestamp": Scalar.TIMESTAMP, "valueToMerge": Scalar.DOCUMENT}, keyPath=_PATH),
        None,
        SERVICE,
        UNAUTHORIZED,
        CONFLICT,
        "FailedUpdateConditionCheckError",
        ARGUMENTS,
    ),
    operation(
        "SubscribeToConfigurationUpdate",
        _KEY,
        None,
        SERVICE,
        NOT_FOUND,
        event="ConfigurationUpdateEvents",
    ),
    operation(
        "SubscribeToValidateConfigurationUpdates",
        structure(),
        None,
        SERVICE,
        event="ValidateConfigurationUpdateEvents",
    ),
    operation(
        "SendConfigurationValidityReport",
        structure({"configurationValidityReport": _REPORT}),
        None,
        ARGUMENTS,
        SERVICE,
    ),
)
