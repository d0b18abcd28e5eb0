"""Dependency order: who starts before whom, who stops after whom, who restarts with whom.

Pure. A graph maps each component to its dependencies; names outside the graph are ignored here
(supervisor.py refuses a HARD dependency that nobody provides).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from greendock.base.errors import LifecycleError
from greendock.lifecycle.model import State
from greendock.recipe.model import DependencyType

Graph = Mapping[str, Mapping[str, DependencyType]]

READY = frozenset({State.RUNNING, State.FINISHED, State.STOPPING})


def start_order(graph: Graph) -> tuple[str, ...]:
    """Dependencies first, names in alphabetical order among equals; both kinds count.

    Raises LifecycleError for a cycle, naming it.
    """
    sorter = TopologicalSorter({name: [d for d in graph[name] if d in graph] for name in graph})
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = " -> ".join(reversed(error.args[1]))
        raise LifecycleError(
            f"cannot order the components: they depend on each other in a circle: {cycle}",
            codes=("COMPONENT_CIRCULAR_DEPENDENCY_ERROR",),
            hint="remove one of these dependencies from its recipe",
        ) from error
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return tuple(order)


def hard_dependers(graph: Graph, name: str) -> frozenset[str]:
    """Those that list `name` as a HARD dependency."""
    return frozenset(
        other for other, needs in graph.items() if needs.get(name) is DependencyType.HARD
    )


def with_hard_dependers(graph: Graph, names: Iterable[str]) -> frozenset[str]:
    """`names` and everything that depends on them by HARD dependencies, however indirectly."""
    found = set(names)
    waiting = list(found)
    while waiting:
        more = hard_dependers(graph, waiting.pop()) - found
        found |= more
        waiting += more
    return frozenset(found)


def is_ready(state: State, stopping_after_error: bool) -> bool:
    """Whether a component in `state` satisfies those that depend on it HARD.

    STOPPING counts, since an orderly stop ends in FINISHED; after an error it doesn't.
    """
    return state in READY and not (state is State.STOPPING and stopping_after_error)


def must_restart(state: State, dependency_ready: bool) -> bool:
    """Whether a component in `state` restarts because of a HARD dependency's new state."""
    return not dependency_ready and state in (State.STARTING, State.RUNNING)
