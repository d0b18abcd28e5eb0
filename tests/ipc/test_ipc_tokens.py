"""Tokens stand for exactly one principal, as long as they are not taken back."""

from __future__ import annotations

import string

import pytest

from greendock.ipc import rpc
from greendock.ipc.tokens import Tokens
from greendock.lifecycle.ports import Identities

LIST = "aws.greengrass#ListComponents"


def test_a_token_stands_for_its_component_and_nobody_else():
    tokens = Tokens()
    identities: Identities = tokens
    first, second = identities.issue("com.example.A", 1), identities.issue("com.example.B", 7)
    found = tokens.authenticate(first)
    assert found is not None
    assert (found.principal, found.generation) == ("com.example.A", 1)
    other = tokens.authenticate(second)
    assert other is not None
    assert (other.principal, other.generation) == ("com.example.B", 7)


@pytest.mark.parametrize("token", ["", "0" * 32, "ü", "\ud800", "x" * 100_000])
def test_other_texts_stand_for_nobody(token):
    tokens = Tokens()
    tokens.issue("com.example.A", 1)
    assert tokens.authenticate(token) is None


def test_tokens_are_plain_and_never_repeat():
    tokens = Tokens()
    issued = {tokens.issue("com.example.A", 1) for _ in range(200)}
    assert len(issued) == 200
    assert all(len(token) == 32 and set(token) <= set(string.hexdigits) for token in issued)


def test_a_token_is_not_kept_and_not_shown():
    tokens = Tokens()
    token = tokens.issue("com.example.A", 1)
    credential = tokens.authenticate(token)
    assert token not in repr(credential)
    assert token not in repr(vars(tokens))
    assert token.lower() not in repr(vars(tokens)).lower()


def test_revoking_ends_one_generation_only():
    tokens = Tokens()
    old, also_old = tokens.issue("com.example.A", 1), tokens.issue("com.example.A", 1)
    new, client = tokens.issue("com.example.A", 2), tokens.issue_client("user-0")
    tokens.revoke("com.example.A", 1)
    tokens.revoke("com.example.None", 1)
    assert tokens.authenticate(old) is tokens.authenticate(also_old) is None
    assert tokens.authenticate(new)
    assert tokens.authenticate(client)
    tokens.revoke_clients()
    assert tokens.authenticate(client) is None
    assert tokens.authenticate(new)


def test_no_component_can_pose_as_a_client():
    with pytest.raises(ValueError, match="not a component name"):
        Tokens().issue("greengrass-cli#user-0", 1)


def test_the_connections_of_a_revoked_token_end(served, raw):
    gone, stays = served.component_token("com.example.A", 1), served.component_token("com.A", 2)
    ended, open_connection = raw(served, gone), raw(served, stays)
    served.call(lambda: served.tokens.revoke("com.example.A", 1))
    assert ended.receive() is None
    open_connection.send(rpc.request(1, LIST, b"{}"))
    answer = open_connection.receive()
    assert answer.headers["service-model-type"] == "aws.greengrass#UnauthorizedError"
    again = raw(served)
    again.send(rpc.connect(gone))
    assert rpc.envelope(again.receive())[:2] == (rpc.CONNECT_ACK, 0)
