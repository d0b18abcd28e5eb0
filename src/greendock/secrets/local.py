"""The device's own secrets: their values are read from files and variables at each call.

Keeps no value, so that one that was replaced counts at once. Called by the secret service.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from greendock.base.secret_file import read_secret_file
from greendock.config.secret_settings import SecretEntry
from greendock.secrets.identity import local_arn, meant, version_of
from greendock.secrets.model import (
    CURRENT,
    NoSuchSecret,
    Secret,
    SecretRequest,
    SecretUnavailable,
)

_MOST_BYTES = 65_536
"""As AWS Secrets Manager has it."""

_log = logging.getLogger("greendock.secrets")


class LocalSecrets:
    """Fills SecretSource. `entries` and `region` are asked at each call."""

    def __init__(
        self,
        entries: Callable[[], Mapping[str, SecretEntry]],
        region: Callable[[], str],
        environ: Mapping[str, str],
    ) -> None:
        self._entries = entries
        self._region = region
        self._environ = environ
        self._warned: set[str] = set()

    def arn_of(self, secret_id: str) -> str | None:
        return meant(secret_id, {name: self._arn(entry) for name, entry in self._all()})

    async def secret(self, arn: str, request: SecretRequest) -> Secret:
        entry = next((entry for _, entry in self._all() if self._arn(entry) == arn), None)
        if entry is None:
            raise NoSuchSecret(f"cannot find secret {request.secret_id}: there is none here")
        value = await asyncio.to_thread(self._value, entry)
        version_id = entry.version_id or version_of(arn, value)
        stage = request.stage or (None if request.version_id else CURRENT)
        is_wanted = version_id == request.version_id if stage is None else stage in entry.stages
        if not is_wanted:
            raise NoSuchSecret(f"cannot find secret {request.secret_id}: not in that version")
        return Secret(arn, version_id, entry.stages, _typed(entry, value))

    def _all(self) -> list[tuple[str, SecretEntry]]:
        return list(self._entries().items())

    def _arn(self, entry: SecretEntry) -> str:
        return entry.arn or local_arn(entry.name, self._region())

    def _value(self, entry: SecretEntry) -> bytes:
        """Blocks on the disk."""
        if entry.file is not None:
            value = self._from_file(entry.name, Path(entry.file))
        else:
            value = self._environ.get(entry.variable or "", "").encode(errors="surrogateescape")
        if not entry.is_binary and value.endswith(b"\n"):
            value = value.removesuffix(b"\n").removesuffix(b"\r")
        if not value:
            source = f"file {entry.file}" if entry.file else f"variable {entry.variable}"
            raise SecretUnavailable(f"cannot read secret {entry.name}: the {source} has nothing")
        return value

    def _from_file(self, name: str, path: Path) -> bytes:
        try:
            file = read_secret_file(path, _MOST_BYTES)
        except OSError as error:
            raise SecretUnavailable(
                f"cannot read secret {name}: {error.strerror or error} ({path})"
            ) from error
        except ValueError as error:
            raise SecretUnavailable(f"cannot read secret {name} from {path}: {error}") from error
        if file.is_open_to_others and name not in self._warned:
            self._warned.add(name)
            _log.warning("secret %s: others may read %s; chmod 600 ends that", name, path)
        elif not file.is_open_to_others:
            self._warned.discard(name)
        return file.content


def _typed(entry: SecretEntry, value: bytes) -> str | bytes:
    if entry.is_binary:
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        # Not chained: the error holds the content.
        raise SecretUnavailable(
            f"cannot read secret {entry.name}: it is no UTF-8 text",
            hint=f"set greendock.secrets.{entry.name}.binary to true",
        ) from None
