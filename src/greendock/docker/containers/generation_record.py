"""Remembers the generations whose containers may exist, across the core's lives.

Durable, in the core's database. A generation is noted before the first request of it reaches the
engine, and taken off when nothing of it is left there; most never have a request. Every method can
be repeated, and none raises: what can't be written is told in the log, and in force until the core
ends. The next one then ends such containers by their labels instead of taking them over.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import replace

from greendock.base.database import Database
from greendock.base.errors import DeviceError
from greendock.docker.containers.generation import Generation, Kind
from greendock.docker.containers.labels import Owner

_log = logging.getLogger("greendock")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS container_generation (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    component TEXT NOT NULL,
    version TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    began_at_s REAL NOT NULL,
    kind TEXT NOT NULL DEFAULT '',
    is_used INTEGER NOT NULL DEFAULT 0,
    is_ending INTEGER NOT NULL DEFAULT 0,
    members TEXT NOT NULL DEFAULT ''
);
"""


class GenerationRecord:
    """The table of generations."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Generation] | None = None
        self._unwritten: dict[str, Generation | None] = {}
        self._number = 0

    def open(self, owner: Owner, fingerprint: str, began_at_s: float) -> None:
        """A generation begins. Nothing is written before it is used."""
        known = self._load()
        if owner.generation in known:
            return
        self._number = max([self._number, *(entry.number for entry in known.values())]) + 1
        known[owner.generation] = Generation(
            self._number,
            owner.generation,
            owner.component,
            owner.version,
            fingerprint,
            began_at_s,
        )

    def use(self, generation: str) -> None:
        """A request of it is about to be let through."""
        self._change(generation, is_used=True)

    def set_kind(self, generation: str, kind: Kind) -> None:
        self._change(generation, kind=kind)

    def settle(self, generation: str, members: Iterable[str]) -> None:
        """These containers are up, all of them, and have been for some seconds."""
        self._change(generation, members=frozenset(members))

    def end(self, generation: str) -> None:
        """Its containers are about to be stopped: no later core takes it over."""
        self._change(generation, is_ending=True)

    def remove(self, generation: str) -> None:
        """Nothing of it is left on the engine."""
        old = self._load().pop(generation, None)
        if old is not None and old.is_used:
            self._unwritten[generation] = None
            self._try_to_write(generation)

    def get(self, generation: str) -> Generation | None:
        return self._load().get(generation)

    def all(self) -> tuple[Generation, ...]:
        """The oldest first."""
        return tuple(self._load().values())

    # -- parts

    def _load(self) -> dict[str, Generation]:
        if self._known is None:
            try:
                self._database.ensure_schema(_SCHEMA)
                rows = self._database.query("SELECT * FROM container_generation ORDER BY number")
            except DeviceError as error:
                # A core that is new on a full disk, where nothing is recorded, has to start.
                _log.debug("no generation of an earlier core is known: %s", error)
                rows = []
            self._known = {row["id"]: _read(dict(row)) for row in rows}
        return self._known

    def _change(self, generation: str, **changes: object) -> None:
        known = self._load()
        old = known.get(generation)
        if old is None:
            return
        new = replace(old, **changes)  # type: ignore[arg-type]
        if new != old:
            known[generation] = new
            if new.is_used:
                self._unwritten[generation] = new
                self._try_to_write(generation)

    def _try_to_write(self, generation: str) -> None:
        try:
            self._database.ensure_schema(_SCHEMA)
            with self._database.transaction():
                self._write_owed()
        except DeviceError as error:
            _log.warning(
                "what became of the containers of generation %s is not noted yet; if the core "
                "ends before that, the next one may restart its component: %s",
                generation[:12],
                error.explain(),
            )
        else:
            self._unwritten.clear()

    def _write_owed(self) -> None:
        for id_, entry in self._unwritten.items():
            self._database.execute("DELETE FROM container_generation WHERE id = ?", id_)
            if entry is None:
                continue
            self._database.execute(
                "INSERT INTO container_generation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                entry.number,
                entry.id,
                entry.component,
                entry.version,
                entry.fingerprint,
                entry.began_at_s,
                str(entry.kind),
                int(entry.is_used),
                int(entry.is_ending),
                json.dumps(sorted(entry.members)) if entry.members else "",
            )


def _read(row: dict[str, object]) -> Generation:
    values = dict(row)
    kind = values.pop("kind")
    members = str(values.pop("members"))
    return Generation(
        number=int(str(values["number"])),
        id=str(values["id"]),
        component=str(values["component"]),
        version=str(values["version"]),
        fingerprint=str(values["fingerprint"]),
        began_at_s=float(str(values["began_at_s"])),
        kind=Kind(str(kind)),
        is_used=bool(values["is_used"]),
        is_ending=bool(values["is_ending"]),
        members=frozenset(json.loads(members)) if members else frozenset(),
    )
