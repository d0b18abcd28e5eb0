"""The operation that hands out a secret.

Which secret is meant, the policy and the value are behind the `Secrets` port.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Protocol

from greendock.ipc.calls import Call, Handler, Members
from greendock.ipc.errors import not_found, service_error
from greendock.ipc.rpc import NAMESPACE
from greendock.secrets.model import NoSuchSecret, Secret, SecretRequest


class Secrets(Protocol):
    async def get(self, request: SecretRequest, allow: Callable[[str], None]) -> Secret:
        """`allow` is called with the secret's ARN and raises unless the caller may. Raises
        SecretError."""


class SecretOperations:
    """The handler over the `Secrets` port; a core may lack it."""

    def __init__(self, secrets: Secrets | None) -> None:
        self._port = secrets

    def handlers(self) -> dict[str, Handler]:
        return {f"{NAMESPACE}GetSecretValue": self.get}

    async def get(self, call: Call) -> Members:
        if self._port is None:
            raise service_error("secrets are not available on this core")
        members = call.members
        request = SecretRequest(
            members["secretId"],
            members.get("versionId") or None,
            members.get("versionStage") or None,
            bool(members.get("refresh")),
        )
        try:
            secret = await self._port.get(request, call.allow)
        except NoSuchSecret as error:
            raise not_found("secret", request.secret_id, error.explain()) from error
        return {
            "secretId": secret.arn,
            "versionId": secret.version_id,
            "versionStage": list(secret.stages),
            "secretValue": _value(secret.value),
        }


def _value(value: str | bytes) -> dict[str, Any]:
    if isinstance(value, str):
        return {"secretString": value}
    return {"secretBinary": base64.b64encode(value).decode()}
