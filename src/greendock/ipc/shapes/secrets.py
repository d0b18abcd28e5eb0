"""Secrets that the device has been given."""

from __future__ import annotations

from greendock.ipc.kinds import Scalar, structure
from greendock.ipc.shapes.operation import NOT_FOUND, SERVICE, UNAUTHORIZED, Access, operation

SECRET_SERVICE = "aws.greengrass.SecretManager"  # noqa: S105 - the name of a service

ROWS = (
    operation(
        "GetSecretValue",
        structure(
            {"secretId": Scalar.STRING},
            versionId=Scalar.STRING,
            versionStage=Scalar.STRING,
            refresh=Scalar.BOOLEAN,
        ),
        Access(SECRET_SERVICE, by_handler=True),
        UNAUTHORIZED,
        NOT_FOUND,
        SERVICE,
    ),
)
