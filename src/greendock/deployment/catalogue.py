"""What the resolver may choose from: built-ins and the local library, judged for this device.

Order per component: the version that runs (if it fits, nothing needs to change), then the newest.
A recipe is read only when its version is tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from greendock.base.errors import GreendockError
from greendock.base.versions import satisfies
from greendock.deployment.builtins import BuiltIn
from greendock.deployment.library import RecipeLibrary
from greendock.recipe.model import Dependency
from greendock.recipe.platform import choose_manifest


class LocalCatalogue:
    """Implements `requirements.Catalogue`. `labels` are the device's platform labels."""

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
        self._versions: dict[str, list[str]] = {}
        self._verdicts: dict[tuple[str, str], str | None] = {}

    def versions(self, component: str) -> Sequence[str]:
        if component in self._built_ins:
            return (self._built_ins[component].version,)
        if component not in self._versions:
            running = self._running.get(component)
            found = self._library.versions(component)
            self._versions[component] = sorted(found, key=lambda version: version != running)
        return self._versions[component]

    def accepts(self, component: str, version: str, wanted: str) -> bool:
        built_in = self._built_ins.get(component)
        if built_in is not None:
            return built_in.meets(wanted)
        return satisfies(version, wanted)

    def why_unusable(self, component: str, version: str) -> str | None:
        if component in self._built_ins:
            return None
        key = (component, version)
        if key not in self._verdicts:
            self._verdicts[key] = self._judge(component, version)
        return self._verdicts[key]

    def dependencies(self, component: str, version: str) -> Sequence[Dependency]:
        if component in self._built_ins:
            return ()
        return self._library.recipe(component, version).dependencies

    def _judge(self, component: str, version: str) -> str | None:
        try:
            recipe = self._library.recipe(component, version)
        except (GreendockError, OSError) as error:
            return f"its stored recipe can't be read: {error}"
        if choose_manifest(recipe, self._labels) is None:
            device = ", ".join(f"{k} {v}" for k, v in sorted(self._labels.items()))
            return f"no manifest of its recipe is for this device ({device})"
        return None
