"""Checks ComponentDependencies: names, npm-style version ranges, HARD and SOFT.

Called by `parse`. Whether versions exist is the resolver's question.
"""

from __future__ import annotations

from greendock.base.versions import range_error
from greendock.recipe.fields import Fields
from greendock.recipe.header import name_fault
from greendock.recipe.model import Dependency, DependencyType
from greendock.recipe.nodes import Entry, MapNode, Scalar, kind_of
from greendock.recipe.report import Report

_LONGEST_RANGE = 256


def read_dependencies(
    node: MapNode | None, component: str, report: Report
) -> tuple[Dependency, ...]:
    """The dependencies of `component` in the order of the recipe; faulty ones are left out."""
    if node is None:
        return ()
    found = (_read_dependency(entry, component, report) for entry in node.entries.values())
    return tuple(dependency for dependency in found if dependency is not None)


def _read_dependency(entry: Entry, component: str, report: Report) -> Dependency | None:
    name = entry.key.text
    fault = name_fault(name)
    if fault:
        report.error(
            entry.key.place, "dependency-name", f"a dependency's name {fault[0]}", fault[1]
        )
    elif name == component:
        report.error(
            entry.key.place,
            "self-dependency",
            f"{name} cannot depend on itself",
            "remove this dependency",
        )
    if not isinstance(entry.value, MapNode):
        report.error(
            entry.value.place,
            "wrong-type",
            f"the dependency {name} must be a map, not {kind_of(entry.value)}",
            _shape(entry.value),
        )
        return None
    fields = Fields(
        entry.value,
        ("VersionRequirement", "DependencyType"),
        f"the dependency {name}",
        report,
    )
    requirement = fields.required_text("VersionRequirement", "'~1.0.0'")
    kind = fields.choice("DependencyType", DependencyType.HARD)
    if requirement is None:
        return None
    _check_range(requirement, name, report)
    return Dependency(name, requirement.text, kind)


def _shape(value: object) -> str:
    written = value.text if isinstance(value, Scalar) and not value.is_null else "~1.0.0"
    return f"write VersionRequirement: '{written}' on a line of its own below the name"


def _check_range(requirement: Scalar, name: str, report: Report) -> None:
    text = requirement.text
    reason = "it is too long" if len(text) > _LONGEST_RANGE else range_error(text)
    if reason:
        report.error(
            requirement.place,
            "version-requirement",
            f"the VersionRequirement of {name} cannot be {text[:_LONGEST_RANGE]!r}: {reason}",
            "write a version range, for example 1.0.0, ~1.0.0, ^1.2.0, '>=1.0.0 <2.0.0' "
            "or '1.0.0 || 2.0.0'",
        )
