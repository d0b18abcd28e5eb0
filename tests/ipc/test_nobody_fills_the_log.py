"""A client that does wrong again and again fills no log, and takes no line from others."""

from __future__ import annotations

import logging

import pytest

from greendock.ipc import rpc
from greendock.ipc.line_budget import LINES, MOST_KEYS, PERIOD_S, LineBudget

DENIED = "%r; this would allow it: %s"


class Now:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def budget(now):
    return LineBudget(now)


def record(client, text=DENIED, level=logging.WARNING, value="a"):
    made = logging.LogRecord("greendock.ipc", level, "f", 1, text, (value, "b"), None)
    made.principal = client
    return made


def written(budget, client, count, **more):
    return sum(budget.filter(record(client, value=str(i), **more)) for i in range(count))


def test_one_kind_of_one_client_has_a_bound(budget):
    assert written(budget, "a", 10 * LINES) == LINES
    assert written(budget, "b", 1) == 1
    assert written(budget, "a", 1, text="another kind %s %s") == 1


def test_what_was_left_out_is_told(budget, now):
    written(budget, "a", LINES + 7)
    now.seconds = PERIOD_S
    line = record("a")
    assert budget.filter(line)
    assert line.getMessage().endswith("(7 lines like it were left out)")
    assert written(budget, "a", 10 * LINES) == LINES - 1


def test_errors_of_the_core_are_always_written(budget):
    assert written(budget, "a", 10 * LINES, level=logging.ERROR) == 10 * LINES


def test_clients_without_end_take_no_memory_without_end(budget):
    for number in range(3 * MOST_KEYS):
        budget.filter(record(str(number)))
    assert len(budget._spent) <= MOST_KEYS


def test_denials_of_a_running_server(served, raw, caplog):
    hostile = raw(served, served.component_token("com.example.Hostile"))
    for stream in range(1, 2 * LINES + 1):
        topic = rpc.to_json({"topic": f"topic/{stream}"})
        hostile.send(rpc.request(stream, "aws.greengrass#SubscribeToTopic", topic))
        assert b"not authorized" in hostile.receive().payload
    good = raw(served, served.component_token("com.example.Good"))
    good.send(rpc.request(1, "aws.greengrass#SubscribeToTopic", b'{"topic":"t"}'))
    good.receive()
    lines = [found.getMessage() for found in caplog.records if "would allow" in found.getMessage()]
    assert sum("com.example.Hostile" in line for line in lines) == LINES
    assert sum("com.example.Good" in line for line in lines) == 1
