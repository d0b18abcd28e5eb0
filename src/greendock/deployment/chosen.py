"""From a device state to the components that it consists of, with their recipes; pure.

Built-ins that every core has are added here. Used for planning, and at a start for what is
deployed already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from greendock.config.tree import to_plain, updated
from greendock.deployment.builtins import BuiltIn
from greendock.deployment.device_state import DeployedComponent, DeviceState
from greendock.deployment.target import Chosen, Device
from greendock.lifecycle.model import RunWith
from greendock.recipe.model import Recipe
from greendock.recipe.platform import choose_manifest


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What planning needs to know of this core, with the settings that the deployment leads to.

    `defaults`: initial configuration of built-ins. `run_with`: who runs what says nothing itself.
    """

    device: Device
    labels: Mapping[str, str]
    built_ins: Mapping[str, BuiltIn]
    defaults: Mapping[str, Mapping[str, Any]]
    run_with: RunWith = field(default_factory=RunWith)


def choose(
    state: DeviceState,
    surroundings: Surroundings,
    recipe_of: Callable[[DeployedComponent], Recipe],
) -> dict[str, Chosen]:
    """The components of a state, built-ins included. Raises what `recipe_of` does."""
    components = {**_always(surroundings), **state.components}
    return {
        name: choose_one(component, surroundings, recipe_of)
        for name, component in components.items()
    }


def choose_one(
    component: DeployedComponent,
    surroundings: Surroundings,
    recipe_of: Callable[[DeployedComponent], Recipe],
) -> Chosen:
    """One component of a state, with its recipe and who runs it here."""
    configuration = to_plain(component.configuration)
    built_in = surroundings.built_ins.get(component.name)
    if built_in is not None:
        return Chosen(
            component.name,
            built_in.version,
            configuration,
            component.run_with,
            built_in=built_in,
        )
    recipe = recipe_of(component)
    return Chosen(
        component.name,
        component.version,
        configuration,
        RunWith(
            component.run_with.posix_user or surroundings.run_with.posix_user,
            component.run_with.limits or surroundings.run_with.limits,
        ),
        component.content_id,
        recipe,
        choose_manifest(recipe, surroundings.labels),
    )


def _always(surroundings: Surroundings) -> dict[str, DeployedComponent]:
    found = {}
    for name, built_in in surroundings.built_ins.items():
        if built_in.always:
            defaults = surroundings.defaults.get(name, {})
            configuration, _ = updated(None, defaults, merge_value=None, reset=(), timestamp_ms=0)
            found[name] = DeployedComponent(
                name, built_in.version, None, "", False, configuration, RunWith(), ""
            )
    return found
