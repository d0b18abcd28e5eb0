"""The rules of a lifecycle's shape, once for the check of a recipe and for running it.

Pure: plain values in, `Steps` and every fault out. With `variables_pending` a value that still
holds a recipe variable is not judged, since only its filled-in text can be. Called by `steps`
(after variables are filled in) and `lifecycles` (before). Keys match in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from greendock.recipe.findings import Severity
from greendock.recipe.model import DEFAULT_TIMEOUT_S, SkipIf, Step, Steps
from greendock.recipe.placeholders import (
    filled_example,
    find_placeholders,
    joined,
    shell_placeholders,
)
from greendock.recipe.scalars import scalar_text, value_of
from greendock.recipe.shell.docker_bypass import Bypass, bypasses, environment_bypasses
from greendock.recipe.spelling import nearest

STEP_NAMES = tuple(DEFAULT_TIMEOUT_S)
_SECTIONS = (*STEP_NAMES, "setenv", "errorResetTime")
_STEP_KEYS = ("script", "requiresPrivilege", "skipif", "timeout", "setenv")
_BOOTSTRAP_KEYS = (*_STEP_KEYS, "bootstrapOnRollback")
_MOST_SUGGESTIONS = 100
_YES = frozenset(("true", "yes", "on", "t", "y"))
_NO = frozenset(("false", "no", "off", "f", "n", ""))
_SKIP_IF = re.compile(r"(!)?[ \t]*(onpath|exists)[ \t]+(\S(?:.*\S)?)", re.DOTALL)
_VARIABLE = re.compile(r"\{[\w.\-]++:(?:[\w.\-]++:)?[^:}]*+\}", re.ASCII)
_VARIABLE_KEY = re.compile(r"[\w.\-]+:\S*", re.ASCII)


class StepFault(NamedTuple):
    """`path`: the keys down to the fault, as written; `at_key`: the last key is at fault."""

    path: tuple[str, ...]
    severity: Severity
    rule: str
    message: str
    fix: str
    at_key: bool = False


@dataclass(frozen=True, slots=True)
class _Member:
    """A key as written and its value."""

    key: str
    value: Any


def inspect_steps(
    lifecycle: Mapping[str, Any], *, variables_pending: bool
) -> tuple[Steps, list[StepFault]]:
    """The steps of a lifecycle, faulty parts left out, and all its faults."""
    inspection = _Inspection(variables_pending)
    return inspection.steps(lifecycle), inspection.faults


def parse_skip_if(text: str) -> SkipIf | None:
    """`[!]onpath NAME` or `[!]exists PATH`; None when `text` is neither."""
    match = _SKIP_IF.fullmatch(text.strip())
    if match is None:
        return None
    return SkipIf(match.group(2), match.group(3), match.group(1) is not None)


class _Inspection:
    def __init__(self, variables_pending: bool) -> None:
        self._variables_pending = variables_pending
        self.faults: list[StepFault] = []

    def steps(self, lifecycle: Mapping[str, Any]) -> Steps:
        members = self._members(lifecycle, _SECTIONS, ())
        found = {name: self._step(name, members[name]) for name in STEP_NAMES if name in members}
        environment = self._environment(members.get("setenv"), ())
        reset = self._seconds(members.get("errorResetTime"), ())
        return Steps(
            **found, environment=environment, error_reset_s=3600 if reset is None else reset
        )

    def _members(
        self, level: Mapping[str, Any], names: tuple[str, ...], path: tuple[str, ...]
    ) -> dict[str, _Member]:
        """The members of `level` by documented name; null ones are absent."""
        by_fold = {name.lower(): name for name in names}
        found: dict[str, _Member] = {}
        for key, value in level.items():
            name = by_fold.get(key.lower())
            if name is None:
                self._unknown(key, names, path)
                continue
            if name in found:
                message = f"the key {key!r} repeats {found[name].key!r}; this one counts"
                self._warn((*path, key), "duplicate-key", message, "remove one of the two")
            if value is not None:
                found[name] = _Member(key, value)
        return found

    def _unknown(self, key: str, names: tuple[str, ...], path: tuple[str, ...]) -> None:
        if path:
            rule, thing = "unknown-key", f"the step {path[-1]} has no key {key!r}"
        else:
            rule, thing = "unknown-step", f"a lifecycle has no step {key!r}"
        if not path and key.lower() in [name.lower() for name in _STEP_KEYS]:
            rule = "step-key-outside-step"
            thing = f"{key} has no meaning outside of a step"
            fix = f"put it into a step: Run: {{ {key}: … }}"
        elif _VARIABLE_KEY.fullmatch(key):
            fix = f'quote the value if it is meant as text: "{{{key}}}…"'
        else:
            near = nearest(key, names) if len(self.faults) < _MOST_SUGGESTIONS else None
            fix = f"write {near}" if near else f"write one of {', '.join(names)}, or remove it"
        self._warn((*path, key), rule, f"{thing}; it is ignored", fix)

    def _step(self, name: str, member: _Member) -> Step | None:
        value, path = member.value, (member.key,)
        if isinstance(value, Mapping):
            return self._step_map(name, value, path)
        script = self._script(value, path)
        return Step(script) if script else None

    def _step_map(self, name: str, level: Mapping[str, Any], path: tuple[str, ...]) -> Step | None:
        keys = _BOOTSTRAP_KEYS if name == "bootstrap" else _STEP_KEYS
        members = self._members(level, keys, path)
        script = None
        if "script" in members:
            script = self._script(members["script"].value, (*path, members["script"].key))
        elif not any(key.lower() == "script" for key in level):
            message = f"the step {path[-1]} has no script"
            fix = "add Script, or write the script itself as the step's value"
            self._fail(path, "step-without-script", message, fix, at_key=True)
        step = Step(
            script or "",
            self._privilege(members.get("requiresPrivilege"), path),
            self._skip_if(members.get("skipif"), path),
            self._seconds(members.get("timeout"), path),
            self._environment(members.get("setenv"), path),
        )
        return step if script else None

    def _script(self, value: Any, path: tuple[str, ...]) -> str | None:
        if isinstance(value, Mapping | list):
            message = f"the script of {path[0]} must be text"
            fix = "write the script as one text, with | in front of several lines"
            self._fail(path, "wrong-type", message, fix)
            return None
        script = scalar_text(value)
        placeholders = shell_placeholders(script)
        if placeholders:
            line = next(line for line in script.splitlines() if shell_placeholders(line))
            word = next((word for word in line.split() if find_placeholders(word)), line)
            message = f"the script still has {joined(placeholders)}"
            fix = f"write the image that you mean, for example {filled_example(word)}"
            self._fail(path, "placeholder", message, fix)
        self._warn_of_bypasses(path, bypasses(script))
        return script if script.strip() else None

    def _warn_of_bypasses(self, path: tuple[str, ...], found: Iterable[Bypass]) -> None:
        for bypass in found:
            self._warn(path, "docker-bypass", bypass.what, bypass.fix)

    def _privilege(self, member: _Member | None, path: tuple[str, ...]) -> bool:
        if member is None or self._is_pending(member.value):
            return False
        if isinstance(member.value, bool):
            return member.value
        word = member.value.strip().lower() if isinstance(member.value, str) else None
        if word not in _YES | _NO:
            message = f"{member.key} is neither true nor false; it counts as false"
            self._warn((*path, member.key), "requires-privilege", message, "write true or false")
        return word in _YES

    def _skip_if(self, member: _Member | None, path: tuple[str, ...]) -> SkipIf | None:
        if member is None:
            return None
        at = (*path, member.key)
        if not isinstance(member.value, str):
            message = f"{member.key} must be text; it is ignored"
            self._warn(at, "skipif", message, "write 'onpath NAME' or 'exists PATH'")
            return None
        parsed = parse_skip_if(member.value)
        if parsed is None and member.value.strip() and not self._is_pending(member.value):
            message = f"{member.key} cannot be {member.value!r}"
            fix = "write 'onpath NAME' or 'exists PATH', in lower case, with ! in front to negate"
            self._fail(at, "skipif", message, fix)
        return parsed

    def _seconds(self, member: _Member | None, path: tuple[str, ...]) -> float | None:
        if member is None or self._is_pending(member.value):
            return None
        value = member.value
        number = value_of(value.strip()) if isinstance(value, str) else value
        if isinstance(number, int | float) and not isinstance(number, bool) and 0 < number < 1e12:
            return number
        message = f"{member.key} cannot be {value!r}"
        fix = "write a number of seconds greater than 0, for example 120"
        self._fail((*path, member.key), "timeout", message, fix)
        return None

    def _environment(self, member: _Member | None, path: tuple[str, ...]) -> dict[str, str]:
        if member is None:
            return {}
        at = (*path, member.key)
        if not isinstance(member.value, Mapping):
            message = f"{member.key} must be a map of names and values"
            self._fail(at, "setenv", message, f"write {member.key}: {{NAME: value}}")
            return {}
        found: dict[str, str] = {}
        for name, value in member.value.items():
            if not name or "=" in name or "\0" in name:
                message = f"{name!r} cannot name an environment variable"
                self._fail((*at, name), "setenv", message, "remove the '='", at_key=True)
            elif isinstance(value, Mapping | list):
                message = f"the environment variable {name} must be text"
                self._fail((*at, name), "setenv", message, "write the value as text in quotes")
            elif value is not None:
                found[name] = scalar_text(value)
                self._warn_of_bypasses((*at, name), environment_bypasses((name,)))
        return found

    def _is_pending(self, value: Any) -> bool:
        return self._variables_pending and isinstance(value, str) and bool(_VARIABLE.search(value))

    def _fail(
        self, path: tuple[str, ...], rule: str, message: str, fix: str, *, at_key: bool = False
    ) -> None:
        self.faults.append(StepFault(path, Severity.ERROR, rule, message, fix, at_key))

    def _warn(self, path: tuple[str, ...], rule: str, message: str, fix: str) -> None:
        is_about_key = rule in ("duplicate-key", "unknown-key", "unknown-step")
        at_key = is_about_key or rule == "step-key-outside-step"
        self.faults.append(StepFault(path, Severity.WARNING, rule, message, fix, at_key))
