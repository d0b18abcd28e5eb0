"""From a device state to the components that it consists of, with their recipes; pure.

Built-ins that every core has are added here. Used for planning, and at a start for what is
deployed already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greendock.config.tree import to_plain, updated
from greendock.deployment.builtins import BuiltIn
from greendock.deployment.device_state import DeployedComponent, DeviceState
from greendock.deployment.library import RecipeLibrary
from greendock.deployment.target import Chosen, Device
from greendock.lifecycle.model import RunWith
from greendock.recipe.model import Recipe
from greendock.recipe.parse import parse_text
from greendock.recipe.platform import choose_manifest


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What planning needs to know of this core. `defaults`: initial configuration of built-ins."""

    device: Device
    labels: Mapping[str, str]
    built_ins: Mapping[str, BuiltIn]
    defaults: Mapping[str, Mapping[str, Any]]


def choose(
    state: DeviceState, surroundings: Surroundings, library: RecipeLibrary | None
) -> dict[str, Chosen]:
    """The components of a state with their recipes; recipes come from the state's own text.

    `library` gives already parsed recipes of the same text, to not parse them twice.
    """
    chosen = {}
    for name, component in {**_always(surroundings), **state.components}.items():
        configuration = to_plain(component.configuration)
        built_in = surroundings.built_ins.get(name)
        if built_in is not None:
            chosen[name] = Chosen(
                name, built_in.version, configuration, component.run_with, built_in=built_in
            )
            continue
        recipe = _recipe_of(component, library)
        chosen[name] = Chosen(
            name,
            component.version,
            configuration,
            component.run_with,
            component.content_id,
            recipe,
            choose_manifest(recipe, surroundings.labels),
        )
    return chosen


def _always(surroundings: Surroundings) -> dict[str, DeployedComponent]:
    return {
        name: DeployedComponent(
            name,
            built_in.version,
            None,
            "",
            False,
            updated(
                None,
                surroundings.defaults.get(name, {}),
                merge_value=None,
                reset=(),
                timestamp_ms=0,
            )[0],
            RunWith(),
            "",
        )
        for name, built_in in surroundings.built_ins.items()
        if built_in.always
    }


def _recipe_of(component: DeployedComponent, library: RecipeLibrary | None) -> Recipe:
    if library is not None and component.version in library.versions(component.name):
        recipe = library.recipe(component.name, component.version)
        if recipe.text == component.recipe_text:
            return recipe
    return parse_text(
        component.recipe_text.encode(),
        Path(f"{component.name}-{component.version}"),
        is_json=component.recipe_is_json,
    )
