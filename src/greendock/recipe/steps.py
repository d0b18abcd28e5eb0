"""Turns a lifecycle, selected and filled in, into `Steps`. Called when a component is prepared.

The rules are those of the check (`step_rules`); here their errors become one ConfigurationError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greendock.base.errors import ConfigurationError
from greendock.recipe.findings import Severity
from greendock.recipe.model import Steps
from greendock.recipe.step_rules import inspect_steps


def read_steps(lifecycle: Mapping[str, Any], place: str) -> Steps:
    """The steps of `lifecycle`, its recipe variables filled in; `place` names it in errors.

    Raises ConfigurationError that names every faulty step.
    """
    steps, faults = inspect_steps(lifecycle, variables_pending=False)
    errors = [fault for fault in faults if fault.severity is Severity.ERROR]
    if errors:
        reasons = "; ".join(f"{'.'.join(fault.path)}: {fault.message}" for fault in errors)
        raise ConfigurationError(
            f"cannot use the lifecycle of {place}: {reasons}", hint=errors[0].fix
        )
    return steps
