"""A secret as it is handed out, what may be asked for, and why there is none.

SecretError
├── BadSecretRequest   what is asked for makes no sense
├── NoSuchSecret       this device has no such secret, or not in that version
└── SecretUnavailable  it is configured, but its value can't be had

Types only; no text of an error has anything of a value.
"""
# ruff: noqa: N818 - the names say what is the case; the base class says that they are errors

from __future__ import annotations

from dataclasses import dataclass, field

from greendock.base.errors import GreendockError

CURRENT = "AWSCURRENT"


@dataclass(frozen=True, slots=True)
class Secret:
    """`value`: text, or bytes of a binary secret. It may not be shown or stored."""

    arn: str
    version_id: str
    stages: tuple[str, ...]
    value: str | bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecretRequest:
    """`secret_id`: name, ARN, or ARN without its last six characters. One of `version_id` and
    `stage` at most; with neither the stage is AWSCURRENT."""

    secret_id: str
    version_id: str | None = None
    stage: str | None = None
    refresh: bool = False


class SecretError(GreendockError):
    """Base of the errors of secrets. No text has anything of a value."""


class BadSecretRequest(SecretError):
    """What is asked for makes no sense."""


class NoSuchSecret(SecretError):
    """Says nothing of what there is instead."""


class SecretUnavailable(SecretError):
    """The reason is in the text. `may_pass`: it does not mean that nobody may have the value."""

    def __init__(self, message: str, *, hint: str | None = None, may_pass: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.may_pass = may_pass
