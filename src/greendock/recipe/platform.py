"""Which manifest of a recipe fits a device: the labels, the templates, the choice.

Pure. `choose_manifest` is called when a deployment resolves components, `template_fault` and
`matches_everything` by the checks. Refuses to look at the machine: `device` does.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from functools import lru_cache

from greendock.recipe.model import Manifest, Recipe

OS_NAMES = ("linux", "darwin", "windows")
ARCHITECTURES = ("amd64", "x86", "arm", "aarch64")
_ANY_WORDS = ("all", "any")
_ANY_KEYS = ("os", "architecture")
_LONGEST_PATTERN = 128
_LONGEST_LABEL = 64
_MACHINES = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "i386": "x86",
    "i486": "x86",
    "i586": "x86",
    "i686": "x86",
    "x86": "x86",
    "aarch64": "aarch64",
    "arm64": "aarch64",
}


def labels_of(system: str, machine: str, overrides: Mapping[str, object]) -> dict[str, str]:
    """The device's labels from `uname`'s system and machine, and the core's `platformOverride`.

    Only string values of `overrides` count. Without them there is no `runtime` label.
    """
    name, kind = system.lower(), machine.lower()
    architecture = _MACHINES.get(kind, "arm" if kind.startswith("arm") else "unknown")
    labels = {"os": name if name in OS_NAMES else "unknown", "architecture": architecture}
    if architecture in ("arm", "aarch64"):
        labels["architecture.detail"] = machine
    labels.update({key: value for key, value in overrides.items() if isinstance(value, str)})
    return labels


def choose_manifest(recipe: Recipe, labels: Mapping[str, str]) -> Manifest | None:
    """The first manifest, in the order of the recipe, whose whole Platform fits `labels`."""
    return next((m for m in recipe.manifests if fits(m.platform, labels)), None)


def fits(platform: Mapping[str, str | None], labels: Mapping[str, str]) -> bool:
    """True when every entry of `platform` matches the label of its name."""
    return all(_matches(key, template, labels.get(key)) for key, template in platform.items())


def matches_everything(platform: Mapping[str, str | None]) -> bool:
    """True when no device can fail to fit `platform`."""
    return all(
        template is None or template == "*" or (key in _ANY_KEYS and template in _ANY_WORDS)
        for key, template in platform.items()
    )


def _matches(key: str, template: str | None, label: str | None) -> bool:
    if template is None or template == "*":
        return True
    if label is None or not label.strip():
        return False
    if is_pattern(template):
        pattern = _compiled(template)
        return (
            pattern is not None
            and len(label) <= _LONGEST_LABEL
            and pattern.fullmatch(label) is not None
        )
    if key in _ANY_KEYS and template in _ANY_WORDS:
        return True
    return template[:1].isalnum() and template == label


def is_pattern(template: str) -> bool:
    """True for `/…/`, a regular expression that the whole label has to match."""
    return len(template) >= 2 and template.startswith("/") and template.endswith("/")


@lru_cache(maxsize=256)
def _compiled(template: str) -> re.Pattern[str] | None:
    if len(template) > _LONGEST_PATTERN:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(template[1:-1], re.ASCII)
    except (re.error, RecursionError, OverflowError):
        return None


def template_fault(key: str, template: str) -> tuple[str, str] | None:
    """(what is wrong, what to write) when `template` can't match any device, or None."""
    if template == "*":
        return None
    if is_pattern(template):
        if _compiled(template) is None:
            return (
                f"{template!r} is not a regular expression, so it never matches",
                "correct the expression, for example /linux|darwin/",
            )
        return None
    if not template[:1].isalnum():
        return (
            f"{template!r} begins with no letter or digit, so it never matches",
            "write a name such as linux, a pattern such as /linux|darwin/, or '*'",
        )
    return _name_fault(key, template)


def _name_fault(key: str, template: str) -> tuple[str, str] | None:
    known = {"os": OS_NAMES, "architecture": ARCHITECTURES}.get(key)
    if known is None or template in (*known, *_ANY_WORDS, "unknown"):
        return None
    folded = _MACHINES.get(template.lower(), template.lower())
    if folded in (*known, *_ANY_WORDS):
        return (
            f"no device has the {key} {template!r}; the case counts and so does the spelling",
            f"write {folded}",
        )
    return (
        f"no device has the {key} {template!r} unless platformOverride says so",
        f"write one of {', '.join(known)}, or '*'",
    )
