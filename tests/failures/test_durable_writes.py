"""The core's database and its durable files: all or nothing, and errors that say what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from greendock.base.database import Database
from greendock.base.durable import sync_file_system, write_atomic
from greendock.base.errors import DeviceError


def opened(folder: Path) -> Database:
    database = Database(folder / "test.db")
    database.ensure_schema("CREATE TABLE IF NOT EXISTS t (a TEXT)")
    return database


def test_a_full_database_is_named_as_such_and_keeps_what_it_has(tmp_path: Path) -> None:
    database = opened(tmp_path)
    database.execute("INSERT INTO t VALUES ('kept')")
    pages = database.query("PRAGMA page_count")[0][0]
    database.query(f"PRAGMA max_page_count={pages}")
    with pytest.raises(DeviceError, match="cannot write the core's database") as caught:
        database.execute("INSERT INTO t VALUES (?)", "x" * 1_000_000)
    assert caught.value.codes == ("IO_ERROR", "DISK_SPACE_CRITICAL")
    database.query("PRAGMA max_page_count=100000")
    database.execute("INSERT INTO t VALUES ('later')")
    assert [row["a"] for row in database.query("SELECT a FROM t")] == ["kept", "later"]
    database.close()


def test_a_transaction_that_fails_leaves_nothing_of_it(tmp_path: Path) -> None:
    database = opened(tmp_path)
    with pytest.raises(KeyError), database.transaction():
        database.execute("INSERT INTO t VALUES ('a')")
        with database.transaction():
            database.execute("INSERT INTO t VALUES ('b')")
        raise KeyError
    assert database.query("SELECT * FROM t") == []
    database.close()


def test_reading_a_closed_or_damaged_database_is_a_device_error(tmp_path: Path) -> None:
    database = opened(tmp_path)
    database.close()
    with pytest.raises(DeviceError, match="cannot read"):
        database.query("SELECT * FROM t")
    (tmp_path / "bad.db").write_bytes(b"garbage " * 600)
    with pytest.raises(DeviceError, match="cannot open") as caught:
        Database(tmp_path / "bad.db")
    assert "damaged" in (caught.value.hint or "")


def test_one_process_has_the_database_to_itself(tmp_path: Path) -> None:
    database = opened(tmp_path)
    database.execute("INSERT INTO t VALUES ('a')")
    assert [path.name for path in tmp_path.glob("*-shm")] == []
    database.close()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_atomic(target, b"old")
    (tmp_path / ".file.new").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        write_atomic(target, b"new")
    (tmp_path / ".file.new").rmdir()
    assert target.read_bytes() == b"old"


def test_a_leftover_of_a_killed_writer_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".file.new").write_bytes(b"half of someth")
    write_atomic(tmp_path / "file", b"new", mode=0o640)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"file": b"new"}
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_file_system_can_be_synced_and_a_missing_folder_is_said(tmp_path: Path) -> None:
    sync_file_system(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_file_system(tmp_path / "none")
