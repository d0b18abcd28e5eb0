"""Fills recipe variables into the string values of a lifecycle or a configuration.

Pure. Two passes over each string, each from left to right and none over inserted text:
`{namespace:key}` of the component itself, then `{component:namespace:key}` of its direct
dependencies. What can't be filled in stays as written and is reported. Inserted text is not
quoted for a shell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greendock.base.errors import ConfigurationError
from greendock.recipe.pointer import MISSING, find
from greendock.recipe.scalars import compact_json, scalar_text

_OWN = re.compile(r"(?P<shell>\$?)\{(?P<space>[\w.\-]++):(?P<key>[^:}]*+)\}", re.ASCII)
_OTHER = re.compile(
    r"(?P<shell>\$?)\{(?P<component>[\w.\-]++):(?P<space>[\w.\-]++):(?P<key>[^:}]*+)\}", re.ASCII
)
_MOST_INSERTED = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Namespace:
    """What one component's variables stand for."""

    artifacts_path: Path
    decompressed_path: Path
    work_path: Path
    configuration: Mapping[str, Any] = field(default_factory=dict)


def interpolate(
    value: Any,
    own: Namespace,
    dependencies: Mapping[str, Namespace],
    root_path: Path,
    thing_name: str,
    *,
    in_configuration: bool = False,
) -> tuple[Any, tuple[str, ...]]:
    """(`value` with its variables filled in, what could not be filled in as written).

    Strings in maps and lists are filled in, keys are not. `in_configuration` leaves
    `configuration:` variables alone: a configuration can't refer to configurations. Shell text
    such as `${VAR:-x}` stays quietly. Raises ConfigurationError when the variables insert more
    than 16 MiB.
    """
    filler = _Filler(own, dependencies, root_path, thing_name, in_configuration)
    return filler.fill(value), tuple(filler.unresolved)


class _Filler:
    def __init__(
        self,
        own: Namespace,
        dependencies: Mapping[str, Namespace],
        root_path: Path,
        thing_name: str,
        in_configuration: bool,
    ) -> None:
        self._own = own
        self._dependencies = dependencies
        self._core = {("kernel", "rootPath"): str(root_path), ("iot", "thingName"): thing_name}
        self._in_configuration = in_configuration
        self._texts: dict[str, str | None] = {}
        self._inserted = 0
        self.unresolved: dict[str, None] = {}

    def fill(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._fill_text(value)
        if isinstance(value, Mapping):
            return {key: self.fill(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(item) for item in value]
        return value

    def _fill_text(self, text: str) -> str:
        if "{" not in text:
            return text
        return _OTHER.sub(self._replacement, _OWN.sub(self._replacement, text))

    def _replacement(self, match: re.Match[str]) -> str:
        whole, shell = match.group(), match.group("shell")
        placeholder = whole[len(shell) :]
        if placeholder not in self._texts:
            self._texts[placeholder] = self._resolve(**match.groupdict())
        text = self._texts[placeholder]
        if text is None:
            if not shell:
                self.unresolved[placeholder] = None
            return whole
        self._inserted += len(text)
        if self._inserted > _MOST_INSERTED:
            raise ConfigurationError(
                f"cannot fill in recipe variables: they insert over {_MOST_INSERTED} characters",
                codes=("CONFIG_INTERPOLATE_ERROR",),
                hint=f"{placeholder} stands for {len(text)} characters; insert it less often",
            )
        return shell + text

    def _resolve(
        self, shell: str, space: str, key: str, component: str | None = None
    ) -> str | None:
        """The text for one variable; None when there is none. `shell` does not matter here."""
        if component is None:
            core = self._core.get((space, key))
            return core if core is not None else self._of(self._own, space, key)
        namespace = self._dependencies.get(component)
        return None if namespace is None else self._of(namespace, space, key)

    def _of(self, namespace: Namespace, space: str, key: str) -> str | None:
        if space == "configuration":
            return None if self._in_configuration else _pointed(namespace.configuration, key)
        path = _PATHS.get((space, key))
        return str(path(namespace)) if path else None


_PATHS: Mapping[tuple[str, str], Callable[[Namespace], Path]] = {
    ("artifacts", "path"): lambda namespace: namespace.artifacts_path,
    ("artifacts", "decompressedPath"): lambda namespace: namespace.decompressed_path,
    ("work", "path"): lambda namespace: namespace.work_path,
}


def _pointed(configuration: Mapping[str, Any], pointer: str) -> str | None:
    value = find(configuration, pointer)
    if value is MISSING:
        return None
    return compact_json(value) if isinstance(value, Mapping | list | tuple) else scalar_text(value)
