"""The hashes of components' tokens on disk, so that a container's token outlives the core.

One row per token that is valid; who may take it back decides elsewhere (tokens.py). A disk that
can't be written never keeps a component from starting: its token then ends with this core.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from greendock.base.database import Database
from greendock.base.errors import DeviceError
from greendock.ipc.tokens import Credential

_log = logging.getLogger("greendock.ipc")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS component_token (
    number INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    component TEXT NOT NULL,
    version TEXT NOT NULL,
    generation INTEGER NOT NULL
);
"""


class TokenRecord:
    """Implements tokens.Record. Used on the event loop only."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owed: set[bytes] = set()

    def keep(self, credential: Credential, version: str) -> None:
        try:
            self._database.ensure_schema(_SCHEMA)
            with self._database.transaction():
                self._pay()
                self._database.execute(
                    "INSERT INTO component_token (digest, component, version, generation) "
                    "VALUES (?, ?, ?, ?)",
                    credential.digest,
                    credential.principal,
                    version,
                    credential.generation,
                )
            self._owed.clear()
        except DeviceError as error:
            _log.warning(
                "the token of %s will not outlive this core: %s", credential.principal, error
            )

    def forget(self, digests: Iterable[bytes]) -> None:
        """What can't be deleted now is deleted with the next change."""
        self._owed.update(digests)
        try:
            self._database.ensure_schema(_SCHEMA)
            with self._database.transaction():
                self._pay()
            self._owed.clear()
        except DeviceError as error:
            _log.warning("tokens that are not valid any more stay on the disk for now: %s", error)

    def load(self) -> list[tuple[Credential, str]]:
        """All that is kept, the oldest first; nothing when it can't be read."""
        try:
            # Here and not before: a core that is new on a full disk has to start all the same.
            self._database.ensure_schema(_SCHEMA)
            rows = self._database.query(
                "SELECT digest, component, version, generation FROM component_token "
                "ORDER BY number"
            )
        except DeviceError as error:
            _log.error("tokens of containers that outlived the core are not valid: %s", error)
            return []
        return [
            (Credential(row["component"], row["generation"], row["digest"]), row["version"])
            for row in rows
        ]

    def _pay(self) -> None:
        for digest in self._owed:
            self._database.execute("DELETE FROM component_token WHERE digest = ?", digest)
