"""What Amazon S3 says when it refuses, as typed errors; pure.

A HEAD has no body, so that its status and headers have to do. Bodies are XML; what holds a
declaration is not read, since nothing of S3's does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from greendock.aws import errors as e
from greendock.aws.answer_head import retry_after_s
from greendock.aws.s3_range import size_past_end
from greendock.base.errors import Retry

ACTION = "s3:GetObject"
_REGION = re.compile(r"[a-z0-9-]{3,40}", re.ASCII)
_FIELD = re.compile(r"<(Code|Message|Region|ActualObjectSize)>([^<>]{0,1000})</\1>")
_MOST_CHARACTERS = 20_000
_EXPIRED = frozenset({"ExpiredToken", "TokenRefreshRequired"})
_CLOCK = frozenset({"RequestTimeTooSkewed"})
_WRONG_REGION = frozenset(
    {
        "PermanentRedirect",
        "TemporaryRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
    }
)
_BUSY = frozenset({"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"})
_REFUSED = frozenset({"InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"})


@dataclass(frozen=True, slots=True)
class S3Refusal:
    """An answer that is none. `signed`: whether credentials were shown. `now`: when it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    signed: bool
    now: float = 0.0


def region_of(answer: S3Refusal) -> str | None:
    """The bucket's region, where the answer says that it is elsewhere, or may say so."""
    said = _said(answer.body)
    code, region = said.get("Code", ""), said.get("Region", "")
    told = answer.headers.get("x-amz-bucket-region") or region
    if answer.status not in (301, 307, 400, 403) and code not in _WRONG_REGION:
        return None
    return told if told and _REGION.fullmatch(told) else None


def refused(task: str, answer: S3Refusal) -> e.AwsError:
    """`task`: "cannot <verb> <thing>"."""
    said = _said(answer.body)
    code, words = said.get("Code", ""), said.get("Message", "")[:300]
    message = f"{task}: Amazon S3 answered {answer.status}"
    message += f" {code}: {words}" if words else f" {code}" if code else ""
    if code in _EXPIRED:
        return e.CredentialsExpired(message, codes=_codes("S3_ACCESS_DENIED"))
    if code in _CLOCK:
        return e.ClockWrong(message, codes=_codes("S3_ACCESS_DENIED"))
    if answer.status == 412:
        return e.ObjectChanged(message, codes=_codes("S3_ERROR"))
    if answer.status in (401, 403) or code in _REFUSED:
        return _denied(message, answer, code)
    if answer.status == 404:
        what = "bucket" if code == "NoSuchBucket" else "bucket and the key"
        hint = f"check the {what} in the artifact's URI"
        return e.NotFound(message, codes=_codes("S3_RESOURCE_NOT_FOUND"), hint=hint)
    if answer.status == 429 or answer.status >= 500 or code in _BUSY:
        pause_s = retry_after_s(answer.headers, answer.now)
        return e.ServiceFailed(message, codes=_codes("S3_ERROR"), retry_after_s=pause_s)
    if answer.status == 416:
        size = size_past_end(answer.headers, said.get("ActualObjectSize", ""))
        return e.PastEnd(message, size_bytes=size, codes=_codes("S3_BAD_REQUEST"))
    return e.BadRequest(message, codes=_codes("S3_BAD_REQUEST"), retry=Retry.NEVER)


def _denied(message: str, answer: S3Refusal, code: str) -> e.AccessDenied:
    codes = _codes("S3_ACCESS_DENIED")
    if code in _REFUSED and answer.signed:
        return e.CredentialsRefused(message, codes=codes)
    hint = f"the device's role has to allow {ACTION} for this object"
    if not answer.signed:
        hint = f"this device has no AWS credentials; they have to allow {ACTION}"
    elif code.startswith("KMS"):
        hint = f"the device's role has to allow {ACTION} and kms:Decrypt"
    return e.AccessDenied(message, codes=codes, hint=hint)


def _codes(last: str) -> tuple[str, ...]:
    return ("ARTIFACT_DOWNLOAD_ERROR", last)


def _said(body: bytes) -> dict[str, str]:
    """The known fields of an error body."""
    text = body[:_MOST_CHARACTERS].decode(errors="replace")
    if "<!" in text:
        return {}
    return {name: " ".join(value.split()) for name, value in _FIELD.findall(text)}
