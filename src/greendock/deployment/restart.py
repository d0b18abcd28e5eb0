"""What a core runs when it starts: the components that are deployed, as they were; pure.

One that can't be prepared any more (its recipe, say, is not accepted by this version of the core)
must not keep the others away. Called once, by the daemon.
"""

from __future__ import annotations

from greendock.base.errors import GreendockError
from greendock.deployment.chosen import Surroundings, choose, choose_one
from greendock.deployment.current import Current
from greendock.deployment.device_state import DeviceState
from greendock.deployment.library import deployed_recipe
from greendock.deployment.target import Specs


def restored(state: DeviceState, surroundings: Surroundings) -> tuple[Current, list[str]]:
    """What is to run, and why some of what is deployed is not."""
    faults = []
    chosen = choose(DeviceState(), surroundings, deployed_recipe)
    for name, component in state.components.items():
        try:
            chosen[name] = choose_one(component, surroundings, deployed_recipe)
        except GreendockError as error:
            faults.append(f"cannot start {name} {component.version}: {error.explain()}")
    makes = Specs(chosen, surroundings.device)
    specs = {}
    for name, item in chosen.items():
        try:
            specs[name] = makes.of(name)
        except GreendockError as error:
            faults.append(f"cannot start {name} {item.version}: {error.explain()}")
    recipes = {(c.name, c.version): c.recipe for c in chosen.values() if c.recipe is not None}
    return Current(state, specs, recipes), faults
