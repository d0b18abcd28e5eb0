"""Makes of what the engine tells about a container what everything above it sees.

Pure. Labels decide whose a container is; one of nobody, or of another core, is not ours. What
labels hold otherwise is shown, never believed. Called by the watch and by the removal.
"""

from __future__ import annotations

from greendock.docker.containers.labels import read_owner
from greendock.docker.containers.model import Health, OwnedContainer, Phase
from greendock.docker.engine.container_detail import ContainerDetail

DEFAULT_GRACE_S = 10.0
LONGEST_GRACE_S = 600.0
"""Of a container that asks for more, or for no limit at all (`--stop-timeout -1`)."""

_WORDS = frozenset(Health)
_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"


def owned(detail: ContainerDetail, core: str, image_digest: str = "") -> OwnedContainer | None:
    """None for what isn't of this core."""
    owner = read_owner(detail.labels)
    if owner is None or owner.core != core:
        return None
    return OwnedContainer(
        id=detail.id,
        name=detail.name,
        owner=owner,
        phase=Phase(detail.state),
        health=_health(detail.health),
        health_output=detail.health_output,
        exit_code=detail.exit_code,
        restarts=detail.restarts,
        started_at_s=detail.started_at_s,
        created_at_s=detail.created_at_s,
        image_name=detail.image_name,
        image_id=detail.image_id,
        image_digest=image_digest,
        stop_timeout_s=_own_grace_s(detail),
        has_restart_policy=bool(detail.restart_policy),
        has_terminal=detail.has_terminal,
        is_attached=detail.is_attached,
        memory_bytes=detail.memory_bytes,
        nano_cpus=detail.nano_cpus,
        cgroup_parent=detail.cgroup_parent,
        compose_project=detail.labels.get(_PROJECT, ""),
        compose_service=detail.labels.get(_SERVICE, ""),
    )


def grace_s(detail: ContainerDetail) -> float:
    """How long the engine lets it end by itself."""
    own = _own_grace_s(detail)
    return DEFAULT_GRACE_S if own is None else own


def _own_grace_s(detail: ContainerDetail) -> float | None:
    own = detail.stop_timeout_s
    if own is None:
        return None
    return LONGEST_GRACE_S if own < 0 else min(own, LONGEST_GRACE_S)


def _health(word: str) -> Health:
    return Health(word) if word in _WORDS else Health.NONE
