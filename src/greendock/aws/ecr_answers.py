"""What the API of Amazon ECR answers: a password; and how its refusals are told. Pure."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field

from greendock.aws.errors import ECR_CODES
from greendock.aws.refusals import Purpose

ACTION = "ecr:GetAuthorizationToken"


@dataclass(frozen=True, slots=True)
class EcrAuthorization:
    """`expires_at`: seconds since the epoch."""

    username: str
    password: str = field(repr=False)
    expires_at: float


def purpose(task: str) -> Purpose:
    """`task`: "Amazon ECR gives none for …"."""
    hint = "check the account and the region in the image's name"
    return Purpose(task, ACTION, ECR_CODES, hint)


def read_authorization(body: bytes) -> EcrAuthorization | None:
    """The password in a good answer; None when there is none in it."""
    try:
        data = json.loads(body)["authorizationData"][0]
        login = base64.b64decode(data["authorizationToken"], validate=True).decode()
        username, colon, password = login.partition(":")
        if colon and username and password:
            return EcrAuthorization(username, password, float(data["expiresAt"]))
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        pass  # without a cause, which could show the password
    return None
