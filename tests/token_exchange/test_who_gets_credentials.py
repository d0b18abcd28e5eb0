"""Components that depend on the service, or are listed, get credentials; others are told."""

from __future__ import annotations

import pytest
from exchange_scene import CLIENT, OTHER, TOKEN, ask

from greendock.token_exchange.access import refusal
from greendock.token_exchange.ports import Caller

DEPENDERS = frozenset({"A"})


@pytest.mark.parametrize(
    ("name", "is_client", "allowed", "may"),
    [
        ("A", False, None, True),
        ("B", False, None, False),
        ("a", False, None, False),
        ("A", False, (), False),
        ("A", False, ("B",), False),
        ("B", False, ("B",), True),
        ("B", False, ("*",), True),
        ("B", False, ("B*",), False),
        ("user-0", True, None, True),
        ("user-0", True, (), True),
        ("user-0", False, None, False),
    ],
)
def test_rules(name, is_client, allowed, may):
    assert (refusal(Caller(name, is_client), DEPENDERS, allowed) is None) is may


def test_the_log_says_once_what_would_allow_it(serve, caplog):
    async def scenario(service):
        for _ in range(3):
            assert (await ask(service, OTHER)).status == 403

    serve(scenario)
    [line] = [r.getMessage() for r in caplog.records if "com.example.Other" in r.getMessage()]
    assert "ComponentDependencies" in line
    assert '"com.example.Other" in greendock.allow' in line


def test_a_changed_list_counts_at_once(serve, core):
    async def scenario(service):
        assert [(await ask(service, t)).status for t in (TOKEN, OTHER)] == [200, 403]
        core.settings["greendock"] = {"allow": ["com.example.Other"]}
        assert [(await ask(service, t)).status for t in (TOKEN, OTHER)] == [403, 200]
        core.settings["greendock"] = {"allow": ["*"]}
        assert [(await ask(service, t)).status for t in (TOKEN, OTHER)] == [200, 200]

    serve(scenario)


def test_a_list_that_makes_no_sense_lets_nobody_in(serve, core, caplog):
    async def scenario(service):
        core.settings["greendock"] = {"allow": {"com.example.Other": True}}
        statuses = [(await ask(service, t)).status for t in (TOKEN, OTHER, CLIENT)]
        assert statuses == [403, 403, 200]

    serve(scenario)
    assert "greendock.allow" in caplog.text
