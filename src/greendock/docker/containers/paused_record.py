"""Remembers which containers were paused by us, across the core's lives.

Durable, in the core's database, written before the engine is asked: a core that is killed in
between can tell its own pauses from those of people. Every method can be repeated. Raises
DeviceError, but never because a resume can't be noted: nothing has to stay paused for that.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from greendock.base.database import Database
from greendock.base.errors import DeviceError

_log = logging.getLogger("greendock")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS paused_container (
    component TEXT NOT NULL,
    container_id TEXT NOT NULL,
    PRIMARY KEY (component, container_id)
);
"""


@dataclass(frozen=True, slots=True)
class PausedContainer:
    """A container that we paused, or were about to, for a component."""

    component: str
    container_id: str


class PausedRecord:
    """The table of paused containers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owed: set[PausedContainer] = set()

    def add(self, component: str, container_ids: Iterable[str]) -> None:
        """These are about to be paused."""
        new = [PausedContainer(component, container_id) for container_id in container_ids]
        self._database.ensure_schema(_SCHEMA)
        with self._database.transaction():
            self._pay()
            for entry in new:
                self._database.execute(
                    "INSERT OR IGNORE INTO paused_container VALUES (?, ?)",
                    entry.component,
                    entry.container_id,
                )
        self._owed.clear()

    def remove(self, entry: PausedContainer) -> None:
        """It runs, or is gone. What can't be deleted now is deleted with the next change."""
        self._owed.add(entry)
        try:
            with self._database.transaction():
                self._pay()
        except DeviceError as error:
            _log.warning(
                "container %s goes on, but after a restart of the core it will be resumed once "
                "more: %s",
                entry.container_id[:12],
                error.explain(),
            )
        else:
            self._owed.clear()

    def _pay(self) -> None:
        for entry in self._owed:
            self._database.execute(
                "DELETE FROM paused_container WHERE component = ? AND container_id = ?",
                entry.component,
                entry.container_id,
            )

    def all(self) -> tuple[PausedContainer, ...]:
        try:
            self._database.ensure_schema(_SCHEMA)
        except DeviceError as error:
            # A core that is new on a full disk, where nothing is recorded, has to start.
            _log.debug("no container is known to be paused: %s", error)
            return ()
        rows = self._database.query("SELECT * FROM paused_container ORDER BY 1, 2")
        found = (PausedContainer(row["component"], row["container_id"]) for row in rows)
        return tuple(entry for entry in found if entry not in self._owed)

    def of(self, component: str) -> tuple[PausedContainer, ...]:
        return tuple(entry for entry in self.all() if entry.component == component)
