"""The core's one durable store: SQLite in WAL mode, synced on every commit, one writer.

Each package that keeps something registers its tables with `ensure_schema`; nobody else touches
them. While a core runs no other process can open the file: to look into it, copy it with its
`-wal`. A commit here measured 0.3 ms, so small writes happen on the event loop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import SQLITE_CORRUPT, SQLITE_FULL, SQLITE_NOTADB

from greendock.base.errors import DeviceError

_DAMAGED = "the file is damaged: restore it from a backup, or move it away to begin anew"
_HINTS = {
    SQLITE_FULL: "free some space on that file system",
    SQLITE_CORRUPT: _DAMAGED,
    SQLITE_NOTADB: _DAMAGED,
}
_SCHEMA_VERSION = 1
"""Raised when a table's meaning changes, so that an older core leaves a newer database alone."""


class Database:
    """An open store. `path` may be ":memory:" in tests. Every method raises DeviceError."""

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._depth = 0
        with self._reported("open"):
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=5)
            self._connection.row_factory = sqlite3.Row
            # One process uses the store (the root's lock), so WAL needs no shared-memory file,
            # which could not be made on a full disk.
            self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._require_known_form()
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute("PRAGMA foreign_keys=ON")

    def _require_known_form(self) -> None:
        found = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if found == 0:
            self._connection.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
        if found > _SCHEMA_VERSION:
            raise DeviceError(
                f"cannot open the core's database {self._path}: a newer core wrote it (form "
                f"{found}, this core knows {_SCHEMA_VERSION})",
                hint="start the newer version, or give this one another --root",
            )

    def ensure_schema(self, statements: str) -> None:
        """Run `CREATE … IF NOT EXISTS` statements."""
        with self._reported("prepare"):
            self._connection.executescript(statements)

    def query(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._reported("read"):
            return self._connection.execute(sql, values).fetchall()

    def execute(self, sql: str, *values: object) -> None:
        with self.transaction():
            self._connection.execute(sql, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Nested use joins the outer transaction."""
        if self._depth:
            yield
            return
        self._depth += 1
        try:
            with self._reported("write"):
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._depth -= 1

    def _roll_back(self) -> None:
        # What failed is already on its way up; SQLite has often rolled back by itself then.
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def _reported(self, verb: str) -> Iterator[None]:
        """Turn what SQLite raises into a DeviceError."""
        try:
            yield
        except sqlite3.Error as error:
            number = getattr(error, "sqlite_errorcode", 0) & 0xFF
            code = "IO_READ_ERROR" if verb in ("open", "read") else "IO_WRITE_ERROR"
            raise DeviceError(
                f"cannot {verb} the core's database {self._path}: {error}",
                codes=("IO_ERROR", "DISK_SPACE_CRITICAL" if number == SQLITE_FULL else code),
                hint=_HINTS.get(number, "check the folder's permissions and free space"),
            ) from error

    def close(self) -> None:
        self._connection.close()
