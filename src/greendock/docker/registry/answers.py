"""What a registry's refusal means: status, OCI error code and step, to a typed error.

Pure. Asks nothing and retries nothing. Called by the registry's session for each answer that is
no success, and for each failure of the network.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec

from greendock.base.errors import Retry
from greendock.docker import errors as e
from greendock.docker.reference import ImageReference
from greendock.docker.registry_kind import RegistryKind
from greendock.net import errors as net

TOKEN, MANIFEST, BLOB = "token", "manifest", "blob"
_VERBS = {TOKEN: "get a token for", MANIFEST: "read the manifest of", BLOB: "read a part of"}
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 3600.0
_LONGEST_WORDS = 300
_SHORTEST_SECRET = 4
# The only sign of it: status and code are those of a missing permission.
_ECR_EXPIRED = "authorization token has expired"
_ECR_ACTIONS = {MANIFEST: "ecr:BatchGetImage", BLOB: "ecr:GetDownloadUrlForLayer"}
_NOT_A_REGISTRY = "is it a registry? A proxy or a log-in page may answer in its place"


@dataclass(frozen=True, slots=True)
class Subject:
    """What was asked for. `wanted`: a tag or a digest. `host`: who was asked, or answered after
    a redirect.

    `is_logged_in`: credentials were sent. `secrets`: texts that no error may repeat.
    """

    reference: ImageReference
    step: str
    host: str
    wanted: str
    is_logged_in: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def task(self) -> str:
        return f"cannot {_VERBS[self.step]} {self.reference}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no success. `headers` in lower case; `is_out_of_scope`: its challenge
    says that the token, though valid, does not allow it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_out_of_scope: bool = False


class _Error(msgspec.Struct):
    code: str | None = None
    message: str | None = None


class _Errors(msgspec.Struct):
    errors: list[_Error] | None = None
    message: str | None = None
    details: str | None = None


def refused(subject: Subject, answer: Refusal, now: float) -> e.PullFailed:
    """The error for `answer`. `now`: seconds since the epoch, for a Retry-After with a date."""
    code, words = _said(subject, answer.body)
    task, step, status = subject.task, subject.step, answer.status
    message = f"{task}: {subject.host} answered {status}{f' ({words})' if words else ''}"
    pause_s = read_retry_after(answer.headers.get("retry-after", ""), now)
    if status == 429 or code == "TOOMANYREQUESTS":
        return e.RateLimited(message, step=step, retry_after_s=pause_s)
    if status >= 500 or status == 408:
        return e.RegistryFailed(message, step=step, retry_after_s=pause_s)
    if status == 401:
        return _unauthorized(subject, message, answer)
    if status == 403:
        return _forbidden(subject, message, words)
    if status == 404:
        return _missing(subject, message, code)
    if 300 <= status < 400 or status < 200:
        return e.RegistryFailed(message, step=step, hint=_NOT_A_REGISTRY)
    return e.PullFailed(message, step=step)


def unreadable(subject: Subject, reason: str, retry: Retry | None = None) -> e.RegistryFailed:
    """A success that makes no sense."""
    message = f"{subject.task}: what {subject.host} sent is of no use: {reason}"
    return e.RegistryFailed(message, step=subject.step, hint=_NOT_A_REGISTRY, retry=retry)


def mismatch(subject: Subject, digest: str) -> e.ContentMismatch:
    """The bytes are not those of the digest."""
    return e.ContentMismatch(
        f"{subject.task}: what {subject.host} sent has not the digest {digest}", step=subject.step
    )


def login_wanted(subject: Subject) -> e.RegistryLoginFailed:
    """The registry asks for a login and there is none."""
    return e.RegistryLoginFailed(
        f"{subject.task}: {subject.host} wants a login and none is configured",
        step=subject.step,
        hint=f"add an account for {subject.reference.registry} to greendock.docker.registries",
    )


def login_withheld(subject: Subject, place: str) -> e.RegistryLoginFailed:
    """The login would travel in the clear."""
    return e.RegistryLoginFailed(
        f"{subject.task}: {subject.host} wants a login at {place}, and a login is not sent over "
        "plain HTTP",
        step=subject.step,
        hint="give the registry a certificate",
    )


def unreachable(subject: Subject, error: net.NetworkError) -> e.RegistryUnreachable:
    """The error of images for an error of the network; its text and hint stay."""
    kind: type[e.RegistryUnreachable] = e.RegistryUnreachable
    if isinstance(error, net.TlsFailed):
        kind = e.RegistryUntrusted
    elif isinstance(error, net.ConnectionBroken):
        kind = e.ConnectionLost
    elif isinstance(error, net.NoAnswer):
        kind = e.PullStalled
    message = f"{subject.task}: {error.message}"
    return kind(message, hint=error.hint, retry=error.retry, step=subject.step)


def read_retry_after(text: str, now: float) -> float | None:
    """Seconds to wait, within 1 s and 1 h: a number of seconds, or a date. None: not told."""
    text = text.strip()
    if text.isascii() and text.isdecimal():
        seconds = float(text[:10])
    else:
        try:
            date = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    return min(max(seconds, _SHORTEST_PAUSE_S), _LONGEST_PAUSE_S)


def _unauthorized(subject: Subject, message: str, answer: Refusal) -> e.PullFailed:
    if subject.step != TOKEN and answer.is_out_of_scope:
        return e.ImageAccessDenied(message, step=subject.step)
    if not subject.is_logged_in:
        hint = f"add an account for {subject.reference.registry} to greendock.docker.registries"
        return e.RegistryLoginFailed(message, step=subject.step, hint=hint)
    return e.RegistryLoginFailed(message, step=subject.step)


def _forbidden(subject: Subject, message: str, words: str) -> e.PullFailed:
    if subject.reference.kind is RegistryKind.ECR_PRIVATE:
        if _ECR_EXPIRED in words.lower():
            hint = "the password has expired; get a new one"
            return e.RegistryLoginFailed(message, step=subject.step, hint=hint)
        action = _ECR_ACTIONS.get(subject.step)
        if action is not None and subject.host == subject.reference.registry:
            hint = f"the device's role and the repository's policy have to allow {action}"
            return e.ImageAccessDenied(message, step=subject.step, hint=hint)
    return e.ImageAccessDenied(message, step=subject.step)


def _missing(subject: Subject, message: str, code: str) -> e.PullFailed:
    reference, step = subject.reference, subject.step
    if step == TOKEN:
        return e.RegistryFailed(message, step=step, hint=_NOT_A_REGISTRY)
    if code == "NAME_UNKNOWN":
        missing = f"{subject.host} has no repository {reference.repository}"
        return e.ImageNotFound(f"{subject.task}: {missing}", step=step)
    if step == BLOB:
        return e.PullFailed(message, step=step, hint="push the image anew: a part of it is gone")
    kind = "digest" if ":" in subject.wanted else "tag"
    missing = f"{reference.repository} at {subject.host} has no {kind} {subject.wanted}"
    return e.ImageNotFound(f"{subject.task}: {missing}", step=step)


def _said(subject: Subject, body: bytes) -> tuple[str, str]:
    """The first OCI error code, and the registry's own words, cleaned, without secrets."""
    try:
        wire = msgspec.json.decode(body, type=_Errors)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", ""
    first = next(iter(wire.errors or ()), _Error())
    words = first.message or first.code or wire.details or wire.message or ""
    for secret in subject.secrets:
        if len(secret) >= _SHORTEST_SECRET:
            words = words.replace(secret, "***")
    kept = (x if x in string.printable else "?" for x in words[:_LONGEST_WORDS])
    return (first.code or "").upper(), " ".join("".join(kept).split())
