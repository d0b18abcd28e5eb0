"""Requests and answers of the credential endpoint, as status codes and JSON; pure.

The order of the checks and their codes are those of Greengrass, whose endpoint imitates that of
Amazon ECS. What the cloud said is never passed on: it can name accounts and roles.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

from greendock.aws.credentials import CONTAINER_NAMES, AwsCredentials
from greendock.aws.errors import AwsError
from greendock.aws.failures import FailureKind, kind_of
from greendock.base.errors import GreendockError

PATH = "/2016-11-01/credentialprovider/"
_UNENDING_S = 3600.0
"""Keys without an end are given with one: SDKs want it, and then ask again."""

_TEXTS = {
    FailureKind.CLIENT: "AWS refuses credentials to this device",
    FailureKind.SERVER: "AWS can't give credentials now",
    FailureKind.UNKNOWN: "AWS gave no credentials",
    FailureKind.UNREACHABLE: "AWS credentials can't be had: their source gives none",
    FailureKind.SENSELESS: "AWS credentials can't be had: what their source gave is of no use",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` may hold keys and is never shown."""

    status: int
    body: bytes = field(default=b"", repr=False)
    content_type: str | None = None


def refused(method: str, path: str) -> Answer | None:
    """The answer to what is no request for credentials; None when it is one."""
    if method != "GET":
        return Answer(405)
    if path == PATH:
        return None
    return Answer(400 if path.startswith(PATH) else 404)


def granted(credentials: AwsCredentials, now: float) -> Answer:
    ends = credentials.expires_at if credentials.expires_at is not None else now + _UNENDING_S
    document = {
        CONTAINER_NAMES.key_id: credentials.access_key_id,
        CONTAINER_NAMES.secret: credentials.secret_access_key,
        CONTAINER_NAMES.token: credentials.session_token or "",
        CONTAINER_NAMES.expiration: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends)),
    }
    return Answer(200, json.dumps(document).encode(), "application/json")


def failed(error: GreendockError) -> Answer:
    """The cloud's status where there is one, in words of ours."""
    status = error.http_status if isinstance(error, AwsError) else None
    text = f"{_TEXTS[kind_of(error)]}; the core's log says why\n"
    if status is None or not 300 <= status < 600 or status == 304:
        status = 500
    return Answer(status, text.encode(), "text/plain")
