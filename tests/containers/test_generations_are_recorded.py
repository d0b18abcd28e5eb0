"""What is known of a generation survives the core, and a full disk loses no container."""

from __future__ import annotations

import pytest

from greendock.base.database import Database
from greendock.base.errors import DeviceError
from greendock.docker.containers.core_identity import core_identity
from greendock.docker.containers.generation import Kind
from greendock.docker.containers.generation_record import GenerationRecord
from greendock.docker.containers.labels import Owner

FULL, FREE = "PRAGMA query_only=ON", "PRAGMA query_only=OFF"


def owner(generation: str) -> Owner:
    return Owner("core", "com.example.App", "1.0.0", generation)


@pytest.fixture
def database(tmp_path):
    found = Database(tmp_path / "db")
    yield found
    found.close()


def test_all_of_it_is_there_for_the_next_core(database):
    record = GenerationRecord(database)
    record.open(owner("g1"), "print", 5.0)
    record.open(owner("g2"), "print", 4.0)
    record.open(owner("never used"), "print", 4.0)
    record.set_kind("g1", Kind.FOREGROUND)
    record.use("g1")
    record.use("g2")
    record.settle("g1", ["b", "a"])
    record.end("g1")
    one, two = GenerationRecord(database).all()
    assert record.all()[:2] == (one, two)
    assert (one.id, one.component, one.version) == ("g1", "com.example.App", "1.0.0")
    assert (one.fingerprint, one.began_at_s, one.kind) == ("print", 5.0, Kind.FOREGROUND)
    assert one.members == {"a", "b"}
    assert one.is_used
    assert one.is_ending
    assert one.is_settled
    assert (two.kind, two.is_used, two.is_ending, two.is_settled) == ("", True, False, False)
    assert two.number > one.number


def test_everything_can_be_repeated(database):
    record = GenerationRecord(database)
    for _ in range(2):
        record.open(owner("g1"), "print", 5.0)
        record.use("g1")
        record.remove("g0")
        record.use("g0")
    assert [entry.id for entry in record.all()] == ["g1"]
    later = GenerationRecord(database)
    later.open(owner("g2"), "print", 1.0)
    # Whatever the clock did, a later generation is the newer one.
    assert [entry.number for entry in later.all()] == [1, 2]
    for _ in range(2):
        record.remove("g1")
    assert GenerationRecord(database).all() == record.all() == ()


def test_a_full_disk_hinders_nobody(database, caplog):
    record = GenerationRecord(database)
    for name in ("g1", "g2"):
        record.open(owner(name), "print", 5.0)
        record.use(name)
    database.query(FULL)
    record.open(owner("g3"), "print", 5.0)
    assert not caplog.records
    record.use("g3")
    record.end("g1")
    record.remove("g2")
    assert [(entry.id, entry.is_used, entry.is_ending) for entry in record.all()] == [
        ("g1", True, True),
        ("g3", True, False),
    ]
    assert "is not noted yet" in caplog.text
    database.query(FREE)
    assert [entry.id for entry in GenerationRecord(database).all()] == ["g1", "g2"]
    # The next change takes the others with it.
    record.set_kind("g3", Kind.DETACHED)
    stored = GenerationRecord(database).all()
    assert [(entry.id, entry.is_ending) for entry in stored] == [("g1", True), ("g3", False)]


def test_a_new_core_on_a_full_disk_starts(database):
    database.query(FULL)
    record = GenerationRecord(database)
    assert record.all() == ()
    assert record.get("g1") is None
    record.open(owner("g1"), "print", 5.0)
    record.use("g1")
    database.query(FREE)
    record.set_kind("g1", Kind.DETACHED)
    assert [entry.id for entry in GenerationRecord(database).all()] == ["g1"]


# -- which core it is


def test_a_core_is_the_same_after_everything_but_its_root_is_lost(tmp_path):
    machine = tmp_path / "machine-id"
    machine.write_text("0123456789abcdef0123456789abcdef\n")
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (tmp_path / "link").symlink_to(one)
    name = core_identity(one, tmp_path / "own", machine)
    assert len(name) == 16
    assert int(name, 16) >= 0
    assert core_identity(tmp_path / "link", tmp_path / "own", machine) == name
    assert core_identity(two, tmp_path / "own", machine) != name
    assert not (tmp_path / "own").exists()
    machine.write_text("f123456789abcdef0123456789abcdef\n")
    assert core_identity(one, tmp_path / "own", machine) != name


@pytest.mark.parametrize("content", [None, "", "uninitialized\n", "\xff\x00", "a" * 500])
def test_a_machine_without_an_id_gets_one(tmp_path, content):
    machine = tmp_path / "machine-id"
    if content is not None:
        machine.write_text(content)
    own = tmp_path / "own"
    name = core_identity(tmp_path, own, machine)
    assert core_identity(tmp_path, own, machine) == name
    own.unlink()
    assert core_identity(tmp_path, own, machine) != name
    with pytest.raises(DeviceError, match="cannot store an id"):
        core_identity(tmp_path, tmp_path / "missing" / "own", machine)
