"""Keeps the port of the credential endpoint in the core's database."""

from __future__ import annotations

from greendock.base.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS credential_port (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    port INTEGER NOT NULL
);
"""


class KeptPort:
    """Fills PortMemory; raises DeviceError. Touches the database when it is first used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recall(self) -> int | None:
        self._database.ensure_schema(_SCHEMA)
        rows = self._database.query("SELECT port FROM credential_port")
        return int(rows[0]["port"]) if rows else None

    def remember(self, port: int) -> None:
        self._database.ensure_schema(_SCHEMA)
        self._database.execute("INSERT OR REPLACE INTO credential_port VALUES (1, ?)", port)
