"""Components as the wire shows them: `aws.greengrass#ComponentDetails`, and our fuller structure.

Pure. LifecycleState of the Greengrass model has no words for uninstalling; official clients get
the nearest state, our structure has the true one.
"""

from __future__ import annotations

from typing import Any

from greendock.docker.containers.model import Health, OwnedContainer, Phase
from greendock.docker.containers.view import ContainersView, LimitsInForce, UnownedContainer
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


def described_component(view: ComponentView, containers: ContainersView | None) -> dict[str, Any]:
    members: dict[str, Any] = {
        "componentName": view.name,
        "version": view.version,
        "state": view.state.value,
        "statusCode": view.status_code,
        "statusReason": view.status_reason,
        "restarts": view.restarts,
        "paused": view.is_paused,
        "configuration": view.configuration,
        "adopted": view.is_adopted,
        **_containers(containers),
    }
    if view.pid is not None:
        members["pid"] = view.pid
    return members


def _containers(view: ContainersView | None) -> dict[str, Any]:
    """Without `containerLimits` for a component that has nothing to do with containers."""
    if view is None:
        return {"containers": [], "containersKnown": True, "unowned": []}
    return {
        "containers": [_container(one) for one in view.state.containers],
        "containersKnown": view.state.is_known,
        "unowned": [_unowned(one) for one in view.unowned],
        "containerLimits": _limits(view.limits),
    }


def _container(one: OwnedContainer) -> dict[str, Any]:
    members: dict[str, Any] = {
        "name": one.name,
        "id": one.id,
        "imageName": one.image_name,
        "imageId": one.image_id,
        "imageDigest": one.image_digest or None,
        "state": one.phase.value,
        "health": None if one.health is Health.NONE else one.health.value,
        "restarts": one.restarts,
        "exitCode": one.exit_code if one.phase in (Phase.EXITED, Phase.DEAD) else None,
        "startedAt": one.started_at_s or None,
        "service": one.compose_service or None,
    }
    return members


def _limits(limits: LimitsInForce) -> dict[str, Any]:
    return {
        "memoryBytes": limits.memory_bytes,
        "cpus": limits.cpus,
        "enforcedBy": limits.enforcement.value,
        "controlGroup": limits.where,
        "trouble": limits.trouble,
    }


def _unowned(one: UnownedContainer) -> dict[str, Any]:
    return {"name": one.name, "id": one.id, "imageName": one.image_name, "why": one.why}
