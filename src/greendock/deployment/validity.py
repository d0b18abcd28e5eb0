"""Which components are asked about a new configuration, and what their reports come to; pure.

Used by configuration_checks.py, which asks them, and by the executor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greendock.base.errors import DeploymentError
from greendock.config.changes import changed_leaves
from greendock.lifecycle.model import ComponentSpec


@dataclass(frozen=True, slots=True)
class ConfigurationAhead:
    """The complete configuration that a component would get."""

    deployment_id: str
    configuration: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ValidityReport:
    """A component's answer."""

    is_accepted: bool
    message: str | None = None


def changed_configurations(
    before: Mapping[str, ComponentSpec], after: Mapping[str, ComponentSpec]
) -> dict[str, Mapping[str, Any]]:
    """The new configuration of each component that keeps its version and gets another one.

    The code that runs can't judge what is meant for another version of it.
    """
    return {
        name: spec.configuration
        for name, spec in after.items()
        if name in before
        and not spec.built_in
        and before[name].version == spec.version
        and _differ(before[name].configuration, spec.configuration)
    }


def _differ(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    # 1 and true are equal in Python only.
    return before != after or bool(changed_leaves(before, after))


def rejection(reports: Mapping[str, ValidityReport]) -> DeploymentError | None:
    """The error for the components that reject what they would get, if any do."""
    texts = [
        f"{component} rejects its new configuration"
        + (f": {report.message}" if report.message else "")
        for component, report in reports.items()
        if not report.is_accepted
    ]
    if not texts:
        return None
    return DeploymentError(
        f"cannot carry out the deployment: {'; '.join(texts)}",
        codes=("COMPONENT_CONFIGURATION_NOT_VALID",),
        hint="nothing was changed",
    )
