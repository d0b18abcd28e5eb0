"""The device with other values in a component's configuration; pure.

Recipe variables are filled in anew, in the component and in those that depend on it, so that the
next start of a script has them; everything else of what runs stays as it was planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from greendock.config.changes import changed_leaves
from greendock.config.tree import Leaf, Node, leaves, merge
from greendock.deployment.chosen import Surroundings, choose
from greendock.deployment.current import Current
from greendock.deployment.device_state import DeviceState
from greendock.deployment.target import Specs
from greendock.lifecycle.model import ComponentSpec


def reconfigured(
    current: Current, trees: Mapping[str, Node], surroundings: Surroundings
) -> Current:
    """`current` with these configurations.

    Raises ConfigurationError when a lifecycle could not be run with them.
    """
    components = dict(current.state.components)
    for name, tree in trees.items():
        components[name] = replace(components[name], configuration=tree)
    state = replace(current.state, components=components)
    renewed = {**current.specs, **_specs(replace(current, state=state), trees, surroundings)}
    return Current(state, renewed, current.recipes)


def rebased(
    planned: Current, base: DeviceState, now: DeviceState, surroundings: Surroundings
) -> Current:
    """`planned`, which was worked out from `base`, with what components have set since then."""
    trees = {}
    for name, component in planned.state.components.items():
        before, since = base.components.get(name), now.components.get(name)
        if before is None or since is None or since.configuration is before.configuration:
            continue
        trees[name] = _with_news(
            component.configuration, before.configuration, since.configuration
        )
    return reconfigured(planned, trees, surroundings) if trees else planned


def _with_news(planned: Node, before: Node, since: Node) -> Node:
    known = dict(leaves(before))
    for path, node in leaves(since):
        if known.get(path) == node:
            continue
        stamp = node.timestamp_ms if isinstance(node, Leaf) else 0
        value: Any = node.value if isinstance(node, Leaf) else {}
        for key in reversed(path):
            value = {key: value}
        planned, _ = merge(planned, value, stamp)
    return planned


def _specs(
    current: Current, changed: Mapping[str, Node], surroundings: Surroundings
) -> dict[str, ComponentSpec]:
    """New specs of the changed components and of those that may use their values."""
    affected = [
        name
        for name, spec in current.specs.items()
        if name in changed or not changed.keys().isdisjoint(spec.dependencies)
    ]
    wanted = {*affected, *(d for name in affected for d in current.specs[name].dependencies)}
    state = DeviceState(
        {
            name: component
            for name, component in current.state.components.items()
            if name in wanted
            and (name in surroundings.built_ins or (name, component.version) in current.recipes)
        }
    )
    chosen = choose(state, surroundings, lambda one: current.recipes[one.name, one.version])
    makes = Specs(chosen, surroundings.device)
    return {name: _renewed(current.specs[name], makes.of(name)) for name in affected}


def _renewed(old: ComponentSpec, new: ComponentSpec) -> ComponentSpec:
    """Unchanged values stay the same objects: who keeps what it made of them sees that."""
    values = {
        key: old.configuration[key] if _is_unchanged(old.configuration, key, value) else value
        for key, value in new.configuration.items()
    }
    return replace(old, steps=new.steps, configuration=values)


def _is_unchanged(old: Mapping[str, Any], key: str, value: Any) -> bool:
    return key in old and not changed_leaves({key: old[key]}, {key: value})
