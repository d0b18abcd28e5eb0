"""The pure rules: states, desired states, error counting, changes, order."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from greendock.base.errors import LifecycleError
from greendock.lifecycle import restart
from greendock.lifecycle.change import Change, decide
from greendock.lifecycle.desired import Desired, Request, event_for
from greendock.lifecycle.model import ComponentSpec, ResourceLimits, RunWith, State
from greendock.lifecycle.order import (
    is_ready,
    must_restart,
    start_order,
    with_hard_dependers,
)
from greendock.lifecycle.restart import Tally, delay_s, record
from greendock.lifecycle.states import (
    AT_REST,
    TRANSITIONS,
    Event,
    IllegalTransitionError,
    diagram,
    may_report,
    next_state,
)
from greendock.recipe.model import DependencyType, Step, Steps

HARD, SOFT = DependencyType.HARD, DependencyType.SOFT


def test_the_documented_diagram_is_the_table():
    page = Path(__file__).parents[2] / "docs" / "reference" / "lifecycle.md"
    assert f"```mermaid\n{diagram()}```" in page.read_text()


def test_pairs_outside_the_table_raise():
    for state, event in itertools.product(State, Event):
        if (state, event) not in TRANSITIONS:
            with pytest.raises(IllegalTransitionError):
                next_state(state, event)


def test_every_state_is_reached_and_every_state_but_the_last_is_left():
    assert {*TRANSITIONS.values()} == {*State}
    assert {state for state, _ in TRANSITIONS} == {*State} - {State.UNINSTALLED}


def test_only_the_documented_reports_are_heard():
    heard = {(s, r) for s in State for r in State if may_report(s, r)}
    assert heard == {
        (State.NEW, State.ERRORED),
        (State.STARTING, State.RUNNING),
        (State.STARTING, State.ERRORED),
        (State.STARTING, State.FINISHED),
        (State.RUNNING, State.ERRORED),
        (State.RUNNING, State.FINISHED),
        (State.STOPPING, State.ERRORED),
        (State.STOPPING, State.FINISHED),
    }


class Life(RuleBasedStateMachine):
    """Any requests and failures in any order: what is asked for is always on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State.NEW
        self.desired = Desired()

    def _happen(self, event: Event) -> None:
        self.state = next_state(self.state, event)
        self.desired = self.desired.entered(self.state)

    @rule(request=st.sampled_from(Request))
    def ask(self, request: Request) -> None:
        reinstall = self.desired.via is State.NEW
        self.desired = self.desired.after(request)
        if reinstall and self.desired.end is not State.UNINSTALLED:
            assert self.desired.via is State.NEW

    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        wanted = event_for(self.state, self.desired)
        own = {
            State.NEW: [Event.INSTALL_DONE, Event.FAILED, Event.FAILED_FOR_GOOD],
            State.INSTALLED: [Event.DEPENDENCIES_READY],
            State.STARTING: [Event.STARTED, Event.NOTHING_TO_RUN, Event.FAILED],
            State.RUNNING: [Event.RUN_DONE, Event.FAILED, Event.FAILED_FOR_GOOD],
            State.STOPPING: [Event.FAILED],
            State.ERRORED: [Event.CLEAN_UP],
            State.UNINSTALLING: [Event.UNINSTALLED],
        }.get(self.state, [])
        choices = [*own, *([wanted] if wanted else [])]
        if choices:
            self._happen(data.draw(st.sampled_from(choices)))

    @invariant()
    def what_is_wanted_is_reached(self) -> None:
        state, desired = self.state, self.desired
        success = {
            State.NEW: Event.INSTALL_DONE,
            State.INSTALLED: Event.DEPENDENCIES_READY,
            State.STARTING: Event.STARTED,
            State.UNINSTALLING: Event.UNINSTALLED,
        }
        for _ in range(12):
            event = event_for(state, desired) or success.get(state)
            if event is None:
                break
            state = next_state(state, event)
            desired = desired.entered(state)
        broken = self.state is State.BROKEN and state is State.BROKEN
        stopped_first = desired.end is State.FINISHED and state is State.FINISHED
        assert broken or stopped_first or desired.reached(state)
        assert state in AT_REST or state is State.RUNNING


TestLife = Life.TestCase


@given(
    gaps=st.lists(st.floats(0, 7200), min_size=1, max_size=12),
    state=st.sampled_from(sorted(restart.COUNTED)),
)
def test_broken_takes_three_errors_with_short_gaps(gaps, state):
    tally, now, run = Tally(), 0.0, 0
    for gap in gaps:
        now += gap
        run = run + 1 if run and gap < 3600 else 1
        # The rule compares sums of floats: stay clear of the exact edge.
        if abs(gap - 3600) < 1e-6:
            return
        tally = record(tally, state, now, 3600)
        assert tally.is_broken(state) == (run >= 3)


def test_states_are_counted_apart_and_leaving_well_clears():
    tally = record(Tally(), State.NEW, 0, 3600)
    tally = record(tally, State.RUNNING, 1, 3600)
    tally = record(tally, State.RUNNING, 2, 3600)
    assert (tally.count(State.NEW), tally.count(State.RUNNING)) == (1, 2)
    tally = restart.left(tally, State.RUNNING)
    assert (tally.count(State.NEW), tally.count(State.RUNNING)) == (1, 0)
    assert record(tally, State.STOPPING, 3, 3600) == tally


def test_waits_double_up_to_the_longest_and_jitter_only_shortens():
    tally, waits = Tally(), []
    for error in range(8):
        tally = record(tally, State.RUNNING, error * 10, 0)
        waits.append(delay_s(tally, 1, 60, 0.0))
        assert 0.75 * waits[-1] <= delay_s(tally, 1, 60, 0.999) <= waits[-1]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert delay_s(restart.ran(tally, 59, 60), 1, 60, 0) == 60
    assert delay_s(restart.ran(tally, 60, 60), 1, 60, 0) == 0


SPEC = ComponentSpec(
    "a",
    "1.0.0",
    Steps(run=Step("r"), shutdown=Step("s")),
    {"d": HARD},
    configuration={"y": 1},
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, Change.NONE),
        ({"configuration": {"x": 1}}, Change.SWAP),
        ({"configuration": {"y": True}}, Change.SWAP),
        ({"steps": replace(SPEC.steps, shutdown=Step("t"))}, Change.SWAP),
        ({"steps": replace(SPEC.steps, uninstall=Step("t"))}, Change.SWAP),
        ({"run_with": RunWith(None, ResourceLimits(1))}, Change.SWAP),
        ({"dependencies": {}}, Change.SWAP),
        ({"dependencies": {"d": HARD, "e": SOFT}}, Change.SWAP),
        ({"dependencies": {"d": HARD, "e": HARD}}, Change.RESTART),
        ({"steps": replace(SPEC.steps, run=Step("r2"))}, Change.RESTART),
        ({"steps": replace(SPEC.steps, environment={"A": "b"})}, Change.RESTART),
        ({"steps": replace(SPEC.steps, recover=Step("x"))}, Change.RESTART),
        ({"steps": replace(SPEC.steps, install=Step("i"))}, Change.REINSTALL),
        ({"version": "1.0.1"}, Change.REINSTALL),
        ({"content_id": "x"}, Change.REINSTALL),
        ({"run_with": RunWith("other")}, Change.REINSTALL),
    ],
)
def test_a_change_costs_what_it_must(change, expected):
    assert decide(SPEC, replace(SPEC, **change), State.RUNNING) is expected
    assert decide(SPEC, replace(SPEC, **change), State.BROKEN) is Change.REINSTALL


def test_order_is_dependencies_first_and_circles_are_named():
    graph = {"c": {"b": HARD}, "b": {"a": SOFT, "absent": HARD}, "a": {}, "0": {}}
    assert start_order(graph) == ("0", "a", "b", "c")
    with pytest.raises(LifecycleError, match=r"a -> b -> a|b -> a -> b") as raised:
        start_order({"a": {"b": HARD}, "b": {"a": SOFT}})
    assert raised.value.codes == ("COMPONENT_CIRCULAR_DEPENDENCY_ERROR",)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_order_never_puts_a_depender_first(edges):
    graph = {str(i): {} for i in range(10)}
    for one, other in edges:
        if one != other:
            graph[str(max(one, other))][str(min(one, other))] = HARD
    order = start_order(graph)
    assert sorted(order) == sorted(graph)
    for name, needs in graph.items():
        assert all(order.index(need) < order.index(name) for need in needs)


def test_only_hard_dependers_restart_and_only_when_they_run():
    graph = {"a": {}, "b": {"a": HARD}, "c": {"b": HARD}, "d": {"a": SOFT}}
    assert with_hard_dependers(graph, ["a"]) == {"a", "b", "c"}
    ready = {s for s in State if is_ready(s, stopping_after_error=False)}
    assert ready == {State.RUNNING, State.FINISHED, State.STOPPING}
    assert not is_ready(State.STOPPING, stopping_after_error=True)
    assert {s for s in State if must_restart(s, False)} == {State.STARTING, State.RUNNING}
    assert not any(must_restart(s, True) for s in State)
