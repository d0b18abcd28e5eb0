"""Keeps shadows over restarts, in a database of their own, synced on every change.

A deleted shadow's version is kept for two days, as AWS IoT does: one that is made again under the
same name goes on counting there. Raises DeviceError.
"""

from __future__ import annotations

import json

from greendock.base.database import Database
from greendock.shadows.document import ShadowDocument
from greendock.shadows.json_text import json_bytes
from greendock.shadows.names import ShadowName

KEPT_S = 48 * 3600

_SCHEMA = """
CREATE TABLE IF NOT EXISTS shadow (
    thing TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    document BLOB,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (thing, name)
) WITHOUT ROWID;
"""


class ShadowStore:
    """Times are seconds since the epoch."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.ensure_schema(_SCHEMA)

    def close(self) -> None:
        self._database.close()

    def get(self, name: ShadowName) -> ShadowDocument | None:
        rows = self._database.query(
            "SELECT version, document FROM shadow WHERE thing = ? AND name = ? AND document IS "
            "NOT NULL",
            name.thing,
            name.shadow,
        )
        if not rows:
            return None
        parts = json.loads(rows[0]["document"])
        return ShadowDocument(rows[0]["version"], parts["state"], parts["metadata"])

    def last_version(self, name: ShadowName, now_s: int) -> int:
        """Of a shadow that was deleted within the last two days; else 0."""
        rows = self._database.query(
            "SELECT version FROM shadow WHERE thing = ? AND name = ? AND document IS NULL AND "
            "changed_at > ?",
            name.thing,
            name.shadow,
            now_s - KEPT_S,
        )
        return int(rows[0]["version"]) if rows else 0

    def put(self, name: ShadowName, document: ShadowDocument, now_s: int) -> None:
        content = json_bytes({"state": document.state, "metadata": document.metadata})
        self._database.execute(
            "INSERT OR REPLACE INTO shadow VALUES (?, ?, ?, ?, ?)",
            name.thing,
            name.shadow,
            document.version,
            content,
            now_s,
        )

    def delete(self, name: ShadowName, now_s: int) -> None:
        with self._database.transaction():
            self._database.execute(
                "UPDATE shadow SET document = NULL, changed_at = ? WHERE thing = ? AND name = ?",
                now_s,
                name.thing,
                name.shadow,
            )
            self._database.execute(
                "DELETE FROM shadow WHERE document IS NULL AND changed_at <= ?", now_s - KEPT_S
            )

    def names(self, thing: str, after: str, most: int) -> list[str]:
        """Of the named shadows of `thing`, in order, those after `after`."""
        rows = self._database.query(
            "SELECT name FROM shadow WHERE thing = ? AND name > ? AND document IS NOT NULL "
            "ORDER BY name LIMIT ?",
            thing,
            after,
            most,
        )
        return [row["name"] for row in rows]
