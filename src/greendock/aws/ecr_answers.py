"""What the API of Amazon ECR answers: a password, or why not, as typed errors; pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from greendock.aws.answer_head import is_clock_wrong, retry_after_s
from greendock.aws.errors import (
    ECR_CODES,
    AccessDenied,
    AwsError,
    BadRequest,
    ClockWrong,
    CredentialsExpired,
    CredentialsRefused,
    ServiceFailed,
)

ACTION = "ecr:GetAuthorizationToken"
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
_SIGNATURE = "InvalidSignatureException"
_CLOCK = frozenset({"RequestExpired", "RequestTimeTooSkewed"})
_UNKNOWN_KEYS = frozenset(
    {"IncompleteSignature", "InvalidClientTokenId", "UnrecognizedClientException", _SIGNATURE}
)
_BUSY = frozenset(
    {
        "LimitExceededException",
        "RequestLimitExceeded",
        "ServerException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_LONGEST_WORDS = 500


@dataclass(frozen=True, slots=True)
class EcrAuthorization:
    """`expires_at`: seconds since the epoch."""

    username: str
    password: str = field(repr=False)
    expires_at: float


@dataclass(frozen=True, slots=True)
class EcrRefusal:
    """An answer that is none. `now`: when it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    now: float


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


def refused(task: str, answer: EcrRefusal) -> AwsError:
    """`task`: "Amazon ECR gives none for …"."""
    kind, words = _said(answer)
    message = f"{task}: it answered {answer.status}"
    message += f" {kind}: {words}" if words else f" {kind}" if kind else ""
    if kind in _EXPIRED:
        return CredentialsExpired(message, codes=ECR_CODES)
    is_late = kind == _SIGNATURE and is_clock_wrong(answer.headers, answer.now)
    if is_late or kind in _CLOCK:
        return ClockWrong(message, codes=ECR_CODES)
    if kind in _UNKNOWN_KEYS:
        return CredentialsRefused(message, codes=ECR_CODES)
    if kind in _DENIED or answer.status in (401, 403):
        hint = f"the device's role has to allow {ACTION}"
        return AccessDenied(message, codes=ECR_CODES, hint=hint)
    if kind in _BUSY or answer.status == 429 or answer.status >= 500:
        pause_s = retry_after_s(answer.headers, answer.now)
        return ServiceFailed(message, codes=ECR_CODES, retry_after_s=pause_s)
    hint = "check the account and the region in the image's name"
    return BadRequest(message, codes=ECR_CODES, hint=hint)


def _said(answer: EcrRefusal) -> tuple[str, str]:
    """The error's name and AWS's words."""
    try:
        members = json.loads(answer.body)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        members = {}
    # "com.amazon.coral.service#AccessDeniedException", "AccessDeniedException:http://…"
    kind = str(answer.headers.get("x-amzn-errortype") or members.get("__type") or "")
    words = str(members.get("message") or members.get("Message") or "")
    return kind.partition(":")[0].rpartition("#")[2][:100], " ".join(words.split())[
        :_LONGEST_WORDS
    ]
