"""All that the engine tells about one container, as data of ours, read once from its JSON.

Pure. Missing and null members are normal: old engines and Podman leave some out. No environment
is read, so nothing in here is secret. Called by `labelled.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from greendock.docker.engine.container_model import decode, seconds

# What Podman calls its states, in Docker's words.
_OTHER_STATES = {
    "configured": "created",
    "initialized": "created",
    "stopped": "exited",
    "stopping": "running",
}
_LONGEST_OUTPUT = 1000
_STATES = frozenset({"created", "running", "paused", "restarting", "removing", "exited", "dead"})


@dataclass(frozen=True, slots=True)
class ContainerDetail:
    """A container. `state` and `health` in Docker's words; `health` is "none" without a check.

    Times: seconds since the epoch, 0 when not told. `stop_timeout_s`: None when it has none of
    its own. `is_removed_at_end`: `docker run --rm`.
    """

    id: str
    name: str
    labels: Mapping[str, str]
    state: str
    health: str = "none"
    health_output: str = ""
    """What the last check printed, its beginning."""
    exit_code: int = 0
    restarts: int = 0
    started_at_s: float = 0
    created_at_s: float = 0
    image_name: str = ""
    image_id: str = ""
    stop_timeout_s: float | None = None
    restart_policy: str = ""
    is_removed_at_end: bool = False
    has_terminal: bool = False
    is_attached: bool = False
    memory_bytes: int = 0
    nano_cpus: int = 0
    cgroup_parent: str = ""


class _Check(msgspec.Struct):
    output: str = msgspec.field(name="Output", default="")


class _Health(msgspec.Struct):
    status: str = msgspec.field(name="Status", default="")
    log: list[_Check] | None = msgspec.field(name="Log", default=None)

    @property
    def output(self) -> str:
        return self.log[-1].output[:_LONGEST_OUTPUT] if self.log else ""


class _State(msgspec.Struct):
    status: str = msgspec.field(name="Status", default="")
    running: bool = msgspec.field(name="Running", default=False)
    exit_code: int = msgspec.field(name="ExitCode", default=0)
    started: str = msgspec.field(name="StartedAt", default="")
    health: _Health | None = msgspec.field(name="Health", default=None)


class _Config(msgspec.Struct):
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)
    image: str = msgspec.field(name="Image", default="")
    tty: bool = msgspec.field(name="Tty", default=False)
    stdout: bool = msgspec.field(name="AttachStdout", default=False)
    stderr: bool = msgspec.field(name="AttachStderr", default=False)
    stop_timeout: int | None = msgspec.field(name="StopTimeout", default=None)


class _Policy(msgspec.Struct):
    name: str = msgspec.field(name="Name", default="")


class _Host(msgspec.Struct):
    policy: _Policy | None = msgspec.field(name="RestartPolicy", default=None)
    auto_remove: bool = msgspec.field(name="AutoRemove", default=False)
    memory: int = msgspec.field(name="Memory", default=0)
    nano_cpus: int = msgspec.field(name="NanoCpus", default=0)
    cgroup_parent: str = msgspec.field(name="CgroupParent", default="")


class _Container(msgspec.Struct):
    id: str = msgspec.field(name="Id", default="")
    name: str = msgspec.field(name="Name", default="")
    image: str = msgspec.field(name="Image", default="")
    created: str = msgspec.field(name="Created", default="")
    restarts: int = msgspec.field(name="RestartCount", default=0)
    state: _State = msgspec.field(name="State", default_factory=_State)
    config: _Config = msgspec.field(name="Config", default_factory=_Config)
    host: _Host = msgspec.field(name="HostConfig", default_factory=_Host)


class _Listed(msgspec.Struct):
    id: str = msgspec.field(name="Id", default="")
    names: list[str] | None = msgspec.field(name="Names", default=None)
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)
    state: str = msgspec.field(name="State", default="dead")


def read_listed(body: bytes) -> list[ContainerDetail]:
    """The answer of GET /containers/json, which tells little. Raises ContainerFailed."""
    return [
        ContainerDetail(
            id=wire.id,
            name=wire.names[0].lstrip("/") if wire.names else wire.id[:12],
            labels=wire.labels or {},
            state=_state(_State(wire.state)),
        )
        for wire in decode(body, list[_Listed], "its containers")
        if wire.id
    ]


def read_detail(body: bytes) -> ContainerDetail:
    """The answer of GET /containers/ID/json. Raises ContainerFailed."""
    wire = decode(body, _Container, "a container")
    config, host, state = wire.config, wire.host, wire.state
    policy = host.policy.name if host.policy else ""
    health = state.health.status if state.health else ""
    return ContainerDetail(
        id=wire.id,
        name=wire.name.lstrip("/"),
        labels=config.labels or {},
        state=_state(state),
        health=health or "none",
        health_output=state.health.output if state.health else "",
        exit_code=state.exit_code,
        restarts=wire.restarts,
        started_at_s=max(seconds(state.started), 0.0),  # of one never started: the year 1
        created_at_s=seconds(wire.created),
        image_name=config.image,
        image_id=wire.image if ":" in wire.image else f"sha256:{wire.image}",
        stop_timeout_s=config.stop_timeout,
        restart_policy="" if policy == "no" else policy,
        is_removed_at_end=host.auto_remove,
        has_terminal=config.tty,
        is_attached=config.stdout or config.stderr,
        memory_bytes=host.memory,
        nano_cpus=host.nano_cpus,
        cgroup_parent=host.cgroup_parent,
    )


def _state(state: _State) -> str:
    word = _OTHER_STATES.get(state.status, state.status)
    if word in _STATES:
        return word
    return "running" if state.running else "exited"
