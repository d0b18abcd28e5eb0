"""Gives a component the secret that it asks for, when its policies allow it.

Knows the sources in their order, none of their ways. Called by the IPC operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from greendock.secrets.model import BadSecretRequest, NoSuchSecret, Secret, SecretRequest
from greendock.secrets.ports import SecretSource


class SecretService:
    """The first source that knows a secret is the one that is asked."""

    def __init__(self, sources: Sequence[SecretSource]) -> None:
        self._sources = tuple(sources)

    async def get(self, request: SecretRequest, allow: Callable[[str], None]) -> Secret:
        """`allow` is asked with the ARN, also for a request by name, and raises when the caller
        may not. Raises SecretError."""
        if not request.secret_id:
            raise BadSecretRequest("cannot get a secret: secretId is empty")
        if request.version_id and request.stage:
            raise BadSecretRequest(
                "cannot get a secret: versionId and versionStage may not be given together"
            )
        for source in self._sources:
            arn = source.arn_of(request.secret_id)
            if arn is not None:
                allow(arn)
                return await source.secret(arn, request)
        raise NoSuchSecret(f"cannot find secret {request.secret_id}: there is none here")
