"""Shadows of things."""

from __future__ import annotations

from greendock.ipc.kinds import Scalar, structure
from greendock.ipc.shapes.operation import (
    ARGUMENTS,
    CONFLICT,
    NOT_FOUND,
    SERVICE,
    UNAUTHORIZED,
    Access,
    operation,
)

SHADOW_SERVICE = "aws.greengrass.ShadowManager"

_ACCESS = Access(SHADOW_SERVICE, by_handler=True)
_SHADOW = structure({"thingName": Scalar.STRING}, shadowName=Scalar.STRING)
_ERRORS = (ARGUMENTS, NOT_FOUND, SERVICE, UNAUTHORIZED)

ROWS = (
    operation("GetThingShadow", _SHADOW, _ACCESS, *_ERRORS),
    operation(
        "UpdateThingShadow",
        structure({"thingName": Scalar.STRING, "payload": Scalar.BLOB}, shadowName=Scalar.STRING),
        _ACCESS,
        ARGUMENTS,
        CONFLICT,
        SERVICE,
        UNAUTHORIZED,
    ),
    operation("DeleteThingShadow", _SHADOW, _ACCESS, *_ERRORS),
    operation(
        "ListNamedShadowsForThing",
        structure({"thingName": Scalar.STRING}, nextToken=Scalar.STRING, pageSize=Scalar.INTEGER),
        _ACCESS,
        *_ERRORS,
    ),
)
