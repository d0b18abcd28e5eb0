"""Tokens on record are valid in the core's next life, as long as nobody takes them back."""

from __future__ import annotations

import pytest

from greendock.base.database import Database
from greendock.ipc.token_record import TokenRecord
from greendock.ipc.tokens import LEFT_PER_COMPONENT, Tokens, digest_of

A, B = "com.example.A", "com.example.B"
DEPLOYED = {A: "1.0.0", B: "2.0.0"}


@pytest.fixture
def database():
    opened = Database(":memory:")
    yield opened
    opened.close()


@pytest.fixture
def life(database):
    """Begins a life of the core with these deployed versions."""

    def begin(deployed=DEPLOYED):
        tokens = Tokens(TokenRecord(database))
        tokens.load(deployed)
        return tokens

    return begin


def row_count(database):
    return database.query("SELECT count(*) AS n FROM component_token")[0]["n"]


def test_a_token_of_an_earlier_life_stands_for_its_component(life):
    token = life().issue(A, 7, "1.0.0")
    later = life()
    found = later.authenticate(token)
    assert found is not None
    assert found.principal == A
    assert [one.digest for one in later.left] == [digest_of(token)]


def test_generations_of_two_lives_are_not_taken_for_each_other(life):
    old = life().issue(A, 1, "1.0.0")
    later = life()
    new = later.issue(A, 1, "1.0.0")
    later.revoke(A, 1)
    assert later.authenticate(new) is None
    assert later.authenticate(old) is not None


def test_what_was_revoked_stays_so_in_every_life(life):
    first = life()
    token, other = first.issue(A, 1, "1.0.0"), first.issue(A, 2, "1.0.0")
    first.revoke(A, 1)
    second = life()
    assert second.authenticate(token) is None
    assert second.authenticate(other) is not None
    second.revoke_left(second.left)
    assert life().authenticate(other) is None


def test_tokens_of_other_versions_and_removed_components_are_forgotten(life, database):
    first = life()
    upgraded, removed = first.issue(A, 1, "0.9.0"), first.issue("com.example.Gone", 1, "1.0.0")
    kept = first.issue(B, 1, "2.0.0")
    second = life()
    assert second.authenticate(upgraded) is second.authenticate(removed) is None
    assert second.authenticate(kept) is not None
    assert row_count(database) == 1


def test_command_line_tokens_end_with_the_core(life):
    token = life().issue_client("user-0")
    assert life().authenticate(token) is None


def test_the_record_stays_when_the_core_ends(life):
    first = life()
    token = first.issue(A, 1, "1.0.0")
    first.keep_record()
    first.revoke(A, 1)
    assert first.authenticate(token) is None
    assert life().authenticate(token) is not None


def test_a_token_that_was_left_is_taken_back_alone(life):
    tokens = life()
    left = tokens.issue(A, 1, "1.0.0")
    tokens.leave(A, 1)
    live = tokens.issue(A, 2, "1.0.0")
    credential = tokens.authenticate(live)
    assert [one.digest for one in tokens.left] == [digest_of(left)]
    # What was left when somebody looked may have ended meanwhile; what is live is not left.
    tokens.revoke_left([*tokens.left, credential])
    assert tokens.authenticate(left) is None
    assert tokens.authenticate(live) is not None


def test_thousands_of_restarts_leave_nothing_behind(life, database):
    tokens = life()
    for generation in range(1, 3001):
        tokens.issue(A, generation, "1.0.0")
        tokens.revoke(A, generation)
    assert row_count(database) == 0
    assert len(tokens._credentials) == 0


@pytest.mark.parametrize("many_lives", [True, False])
def test_containers_of_a_component_hold_a_bounded_number_of_tokens(life, database, many_lives):
    issued = []
    tokens = life()
    for generation in range(1, LEFT_PER_COMPONENT + 11):
        if many_lives:
            tokens = life()
        issued.append(tokens.issue(A, generation, "1.0.0"))
        tokens.leave(A, generation)
    known = [token for token in issued if tokens.authenticate(token)]
    assert known == issued[-LEFT_PER_COMPONENT:]
    assert row_count(database) == LEFT_PER_COMPONENT


def test_the_disk_never_has_a_token(tmp_path):
    path = tmp_path / "core.db"
    database = Database(path)
    token = Tokens(TokenRecord(database)).issue(A, 1, "1.0.0")
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    database.close()
    assert digest_of(token) in content
    assert token.encode() not in content
    assert token.lower().encode() not in content


def test_a_disk_that_cannot_be_written_costs_the_next_life_only(life, database):
    first = life()
    gone, also_gone = (first.issue(A, number, "1.0.0") for number in (1, 2))
    database.execute("PRAGMA query_only=ON")
    token = first.issue(A, 3, "1.0.0")
    for number in (1, 2):
        first.revoke(A, number)
    assert first.authenticate(gone) is first.authenticate(also_gone) is None
    assert first.authenticate(token) is not None
    assert row_count(database) == 2
    database.query("PRAGMA query_only=OFF")
    # What could not be deleted is deleted with the next change.
    kept = first.issue(B, 1, "2.0.0")
    second = life()
    for text in (gone, also_gone, token):
        assert second.authenticate(text) is None
    assert second.authenticate(kept) is not None


def test_a_new_core_on_a_full_disk_has_tokens_and_records_them_later(tmp_path):
    database = Database(tmp_path / "new.db")
    database.query("PRAGMA query_only=ON")
    tokens = Tokens(TokenRecord(database))
    tokens.load(DEPLOYED)
    early = tokens.issue(A, 1, "1.0.0")
    assert tokens.authenticate(early) is not None
    database.query("PRAGMA query_only=OFF")
    late = tokens.issue(A, 2, "1.0.0")
    again = Tokens(TokenRecord(database))
    again.load(DEPLOYED)
    assert again.authenticate(late) is not None
    database.close()
