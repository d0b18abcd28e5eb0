"""greendock#GetComponentStats answers for the components that are asked for, or for all."""

from __future__ import annotations

import json

import pytest

from greendock.ipc import rpc
from greendock.ipc.ports import ComponentUsage

WEB, DB = "com.example.Web", "com.example.Db"
OPERATION = "greendock#GetComponentStats"


class Stats:
    """The ComponentStats port: everything uses the same."""

    def __init__(self) -> None:
        self.gone: set[str] = set()

    async def measure(self, names):
        return {
            name: ComponentUsage(1.5, 1000, 2, 1, 4) for name in names if name not in self.gone
        }


@pytest.fixture
def stats() -> Stats:
    return Stats()


@pytest.fixture
def served(serve, stats):
    found = serve(more={"stats": stats})
    found.components.add(WEB)
    found.components.add(DB)
    return found


def ask(served, raw, token, **members):
    client = raw(served, token)
    client.send(rpc.request(1, OPERATION, json.dumps(members).encode()))
    answer = client.receive()
    return json.loads(answer.payload)


def names(answer):
    return [row["componentName"] for row in answer["components"]]


def test_all_or_those_that_are_named(served, raw):
    token = served.client_token()
    everything = ask(served, raw, token)
    assert names(everything) == [WEB, DB]
    assert everything["clockSeconds"] > 0
    assert everything["components"][0]["containerRestarts"] == 4
    assert names(ask(served, raw, token, componentNames=[DB, DB])) == [DB]


def test_one_that_ends_meanwhile_is_left_out(served, raw, stats):
    stats.gone.add(WEB)
    assert names(ask(served, raw, served.client_token())) == [DB]


def test_an_unknown_one_is_not_found(served, raw):
    answer = ask(served, raw, served.client_token(), componentNames=["no.such"])
    assert answer["message"] == "cannot find component no.such on this core"


def test_a_component_needs_a_policy(served, raw):
    answer = ask(served, raw, served.component_token(WEB))
    assert "components" not in answer


def test_a_core_without_statistics_says_so(serve, raw):
    bare = serve()
    assert "not available" in ask(bare, raw, bare.client_token())["message"]
