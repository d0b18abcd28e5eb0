"""What a new specification means for a component that is there already.

Pure. supervisor.update asks for each component of a deployment; the answer decides whether its
scripts run again. `{configuration:…}` is filled in before, so a used value shows up in the steps.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from greendock.config.changes import changed_leaves
from greendock.lifecycle.model import ComponentSpec, State
from greendock.recipe.model import DependencyType


class Change(StrEnum):
    """NONE: the same. SWAP: note the new one, nothing runs. RESTART: from INSTALLED.

    REINSTALL: from NEW.
    """

    NONE = "none"
    SWAP = "swap"
    RESTART = "restart"
    REINSTALL = "reinstall"


def decide(old: ComponentSpec, new: ComponentSpec, state: State) -> Change:
    """The least that makes `new` true of a component that has `old` and is in `state`."""
    if state is State.BROKEN or _needs_install(old, new):
        return Change.REINSTALL
    if _needs_restart(old, new):
        return Change.RESTART
    # 1 and true are equal in Python only.
    is_same = old == new and not changed_leaves(old.configuration, new.configuration)
    return Change.NONE if is_same else Change.SWAP


def limits_changed(old: ComponentSpec, new: ComponentSpec) -> bool:
    """True when resource limits have to be applied again (without a restart)."""
    return old.run_with.limits != new.run_with.limits


def _needs_install(old: ComponentSpec, new: ComponentSpec) -> bool:
    return (
        old.version != new.version
        or old.content_id != new.content_id
        or old.steps.install != new.steps.install
        or old.run_with.posix_user != new.run_with.posix_user
    )


def _needs_restart(old: ComponentSpec, new: ComponentSpec) -> bool:
    # uninstall and bootstrap never concern what runs now; shutdown is taken at the next start.
    before = replace(old.steps, shutdown=None, uninstall=None, bootstrap=None)
    after = replace(new.steps, shutdown=None, uninstall=None, bootstrap=None)
    return (
        before != after
        or old.resident != new.resident
        or old.restart_id != new.restart_id
        or old.uses_docker != new.uses_docker
        or bool(hard_dependencies(new) - hard_dependencies(old))
    )


def hard_dependencies(spec: ComponentSpec) -> set[str]:
    return {name for name, kind in spec.dependencies.items() if kind is DependencyType.HARD}
