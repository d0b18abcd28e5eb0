"""Why a service of AWS that speaks JSON refused a call, as typed errors; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from greendock.aws.answer_head import is_clock_wrong, retry_after_s
from greendock.aws.errors import (
    AccessDenied,
    AwsError,
    BadRequest,
    ClockWrong,
    CredentialsExpired,
    CredentialsRefused,
    NotFound,
    ServiceFailed,
)

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
_SIGNATURE = "InvalidSignatureException"
_CLOCK = frozenset({"RequestExpired", "RequestTimeTooSkewed"})
_UNKNOWN_KEYS = frozenset(
    {"IncompleteSignature", "InvalidClientTokenId", "UnrecognizedClientException", _SIGNATURE}
)
_BUSY = frozenset(
    {
        "InternalServiceError",
        "LimitExceededException",
        "RequestLimitExceeded",
        "ServerException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_UNKNOWN_THING = "ResourceNotFoundException"
_LONGEST_WORDS = 500


@dataclass(frozen=True, slots=True)
class Purpose:
    """What is asked for, and how its failure is told. `task`: "Amazon ECR gives none for …".
    `action`: what a role has to allow. `codes`: of every error. `hint`: when the service does not
    understand the request."""

    task: str
    action: str
    codes: tuple[str, ...] = ()
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is none. `now`: when it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    now: float


def refused(purpose: Purpose, answer: Refusal) -> AwsError:
    kind, words = _said(answer)
    codes = purpose.codes
    message = f"{purpose.task}: it answered {answer.status}"
    message += f" {kind}: {words}" if words else f" {kind}" if kind else ""
    if kind in _EXPIRED:
        return CredentialsExpired(message, codes=codes)
    is_late = kind == _SIGNATURE and is_clock_wrong(answer.headers, answer.now)
    if is_late or kind in _CLOCK:
        return ClockWrong(message, codes=codes)
    if kind in _UNKNOWN_KEYS:
        return CredentialsRefused(message, codes=codes)
    if kind in _DENIED or answer.status in (401, 403):
        hint = f"the device's role has to allow {purpose.action}"
        return AccessDenied(message, codes=codes, hint=hint)
    if kind in _BUSY or answer.status == 429 or answer.status >= 500:
        pause_s = retry_after_s(answer.headers, answer.now)
        return ServiceFailed(message, codes=codes, retry_after_s=pause_s)
    if kind == _UNKNOWN_THING:
        return NotFound(message, codes=codes, hint=purpose.hint)
    return BadRequest(message, codes=codes, hint=purpose.hint)


def _said(answer: Refusal) -> tuple[str, str]:
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
