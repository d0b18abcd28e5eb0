"""What the resolver may choose from: built-ins and the local library, judged for this device.

Order per component: the version that runs (if it fits, nothing needs to change), then the newest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from greendock.base.versions import satisfies
from greendock.deployment.builtins import BuiltIn
from greendock.deployment.library import RecipeLibrary
from greendock.recipe.model import Dependency
from greendock.recipe.platform import choose_manifest


class LocalCatalogue:
    """Implements `resolver.Catalogue`. `labels` are the device's platform labels."""

    def __init__(
        self,
        library: RecipeLibrary,
        built_ins: Mapping[str, BuiltIn],
        running: Mapping[str, str],
        labels: Mapping[str, str],
    ) -> None:
        self._library = library
        self._built_ins = built_ins
        self._running = running
        self._labels = labels
        self._usable: dict[str, tuple[list[str], dict[str, str]]] = {}

    def versions(self, component: str) -> Sequence[str]:
        if component in self._built_ins:
            return (self._built_ins[component].version,)
        return self._judged(component)[0]

    def unusable(self, component: str) -> Mapping[str, str]:
        if component in self._built_ins:
            return {}
        return self._judged(component)[1]

    def accepts(self, component: str, version: str, wanted: str) -> bool:
        built_in = self._built_ins.get(component)
        if built_in is not None:
            return built_in.meets(wanted)
        return satisfies(version, wanted)

    def dependencies(self, component: str, version: str) -> Sequence[Dependency]:
        if component in self._built_ins:
            return ()
        return self._library.recipe(component, version).dependencies

    def _judged(self, component: str) -> tuple[list[str], dict[str, str]]:
        if component not in self._usable:
            usable: list[str] = []
            unusable: dict[str, str] = {}
            for version in self._library.versions(component):
                recipe = self._library.recipe(component, version)
                if choose_manifest(recipe, self._labels) is None:
                    device = ", ".join(f"{k} {v}" for k, v in sorted(self._labels.items()))
                    unusable[version] = f"no manifest of its recipe is for this device ({device})"
                else:
                    usable.append(version)
            running = self._running.get(component)
            if running in usable:
                usable.remove(running)
                usable.insert(0, running)
            self._usable[component] = (usable, unusable)
        return self._usable[component]
