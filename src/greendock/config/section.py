"""Reads one map of the configuration key by key, with the place in every error; pure.

Keys match without regard to case, as everywhere in Greengrass's configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greendock.base.errors import ConfigurationError


class Section:
    """A map of the configuration, read key by key with the place in every error."""

    def __init__(self, place: str, values: Any) -> None:
        if values is None:
            values = {}
        if not isinstance(values, Mapping):
            raise ConfigurationError(f"cannot read {place}: expected a map, found {values!r}")
        self._place = place
        self._written = {str(key): value for key, value in values.items()}
        self._values = {key.lower(): value for key, value in self._written.items()}

    def section(self, key: str) -> Section:
        return Section(f"{self._place}.{key}", self._values.get(key.lower()))

    def text(self, key: str, default: str | None = None) -> str | None:
        value = self._values.get(key.lower())
        if value is None or value == "":
            return default
        if isinstance(value, (Mapping, list)):
            raise self.wrong(key, value, "a text")
        return str(value)

    def number(self, key: str, default: float, *, low: float, high: float) -> float:
        value = self._values.get(key.lower())
        if value is None or value == "":
            return default
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise self.wrong(key, value, "a number") from None
        if isinstance(value, bool) or not low <= number <= high:
            raise self.wrong(key, value, f"a number from {low:g} to {high:g}")
        return number

    def flag(self, key: str, default: bool) -> bool:
        value = self._values.get(key.lower())
        if value is None or value == "":
            return default
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
        raise self.wrong(key, value, "true or false")

    def choice(self, key: str, choices: Mapping[str, str], default: str | None) -> str | None:
        """One of `choices` (lower-case text → value), whatever its case."""
        value = self.text(key)
        if value is None:
            return default
        if value.lower() not in choices:
            raise self.wrong(key, value, "one of " + ", ".join(choices.values()))
        return choices[value.lower()]

    def texts(self, key: str) -> dict[str, str]:
        """A map of texts; entries of other kinds are left out."""
        values = self._values.get(key.lower())
        if not isinstance(values, Mapping):
            return {}
        return {str(name): value for name, value in values.items() if isinstance(value, str)}

    def names(self, key: str) -> tuple[str, ...]:
        """A list of texts, or one text."""
        value = self._values.get(key.lower())
        if value is None or value == "":
            return ()
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) and item for item in items):
            raise self.wrong(key, value, "a list of texts")
        return tuple(dict.fromkeys(items))

    def written_keys(self) -> tuple[str, ...]:
        """The keys as they are written."""
        return tuple(self._written)

    def is_map(self, key: str) -> bool:
        return isinstance(self._values.get(key.lower()), Mapping)

    def wrong(self, key: str, value: object, expected: str) -> ConfigurationError:
        """The error for a value that is not `expected`. What may be a password is not shown."""
        shown = "its value" if "password" in key.lower() else repr(value)
        return ConfigurationError(
            f"cannot use {self._place}.{key}: {shown} is not {expected}",
            codes=("COMPONENT_CONFIGURATION_NOT_VALID",),
        )
