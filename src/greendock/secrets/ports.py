"""Where secrets come from."""

from __future__ import annotations

from typing import Protocol

from greendock.secrets.model import Secret, SecretRequest


class SecretSource(Protocol):
    """A place that has secrets: this device itself, or AWS."""

    def arn_of(self, secret_id: str) -> str | None:
        """The ARN of the secret that is meant; None: it is none of this source's."""

    async def secret(self, arn: str, request: SecretRequest) -> Secret:
        """The secret in the version that is asked for. Raises SecretError."""


class SecretApi(Protocol):
    """AWS Secrets Manager."""

    async def fetch(self, arn: str, version_id: str | None, stage: str | None) -> Secret:
        """One version of a secret. Raises NoSuchSecret, SecretUnavailable."""
