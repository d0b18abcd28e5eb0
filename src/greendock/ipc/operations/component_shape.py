"""Components as the wire shows them: `aws.greengrass#ComponentDetails`, and our fuller structure.

Pure. LifecycleState of the Greengrass model has no words for uninstalling; official clients get
the nearest state, our structure has the true one.
"""

from __future__ import annotations

from typing import Any

from greendock.lifecycle.model import ComponentView, State

_OLDER_NAMES = {State.UNINSTALLING: State.STOPPING, State.UNINSTALLED: State.FINISHED}


def component_details(view: ComponentView) -> dict[str, Any]:
    """Without `configuration` when there is none, as official cores do."""
    members: dict[str, Any] = {
        "componentName": view.name,
        "version": view.version,
        "state": _OLDER_NAMES.get(view.state, view.state).value,
    }
    if view.configuration:
        members["configuration"] = view.configuration
    return members


def described_component(view: ComponentView) -> dict[str, Any]:
    members: dict[str, Any] = {
        "componentName": view.name,
        "version": view.version,
        "state": view.state.value,
        "statusCode": view.status_code,
        "statusReason": view.status_reason,
        "restarts": view.restarts,
        "paused": view.is_paused,
        "configuration": view.configuration,
    }
    if view.pid is not None:
        members["pid"] = view.pid
    return members
