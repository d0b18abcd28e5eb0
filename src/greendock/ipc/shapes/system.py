"""Operations for components of the system: tokens of others, metrics."""

from __future__ import annotations

from greendock.ipc.kinds import Choice, ListOf, Scalar, structure
from greendock.ipc.shapes.operation import ARGUMENTS, SERVICE, UNAUTHORIZED, Access, operation

METRIC_SERVICE = "aws.greengrass.ipc.componentmetric"

_UNITS = ("BYTES", "BYTES_PER_SECOND", "COUNT", "COUNT_PER_SECOND", "MEGABYTES", "SECONDS")
_METRIC = structure(
    {"name": Scalar.STRING, "unit": Choice(_UNITS), "value": Scalar.DOUBLE},
)

ROWS = (
    operation(
        "ValidateAuthorizationToken",
        structure({"token": Scalar.STRING}),
        None,
        "InvalidTokenError",
        UNAUTHORIZED,
        SERVICE,
    ),
    operation(
        "PutComponentMetric",
        structure({"metrics": ListOf(_METRIC)}),
        Access(METRIC_SERVICE, by_handler=True),
        UNAUTHORIZED,
        SERVICE,
        ARGUMENTS,
    ),
)
