"""The Docker sockets of components: who gets one, with which rules, and towards which engine.

Builds the parts of `docker/gateway` for one life at a time; what needs the engine is built when
the first request arrives. Holds no policy of its own. Called by owned_containers.py.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from greendock.base.paths import Paths
from greendock.daemon.core_settings import CoreSettings
from greendock.daemon.docker_access import claimant_of
from greendock.daemon.docker_work import DockerWork
from greendock.docker.containers.labels import Owner
from greendock.docker.gateway.access import Admission, admit
from greendock.docker.gateway.gateway import Gateway, RefusingRules
from greendock.lifecycle.ports import ContainerLife

if TYPE_CHECKING:
    from greendock.daemon.container_limits import ComponentLimits
    from greendock.docker.containers.limits import LimitRule
    from greendock.docker.containers.room import Room
    from greendock.docker.errors import DockerError
    from greendock.docker.gateway.component_rules import ComponentRules
    from greendock.docker.gateway.creation import Injected
    from greendock.docker.gateway.exchange import RequestHead, Verdict
    from greendock.docker.gateway.policy import Place
    from greendock.docker.gateway.upstream import Upstream
    from greendock.docker.gateway.wire import Wire
    from greendock.docker.keeping.ledger import ImageLedger

_SHARED_VARIABLES = (
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_IOT_THING_NAME",
    "GGC_VERSION",
)
_SOCKET = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"
_CREDENTIALS = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


@dataclass(frozen=True, slots=True)
class SocketParts:
    """What sockets are made of. `room`, `limits`: called with the first request. `ready`: returns
    when a generation's requests may pass; `environment`: what all components' scripts share."""

    paths: Paths
    settings: CoreSettings
    docker: DockerWork
    ledger: ImageLedger
    room: Callable[[], Room]
    limits: Callable[[], ComponentLimits]
    ready: Callable[[str], Awaitable[None]]
    environment: Callable[[], Mapping[str, str]]


class DockerSockets:
    """Of one core."""

    def __init__(self, parts: SocketParts) -> None:
        self._parts = parts
        self._door = _EngineDoor(parts.docker)

    def admission(self, life: ContainerLife) -> Admission:
        """Whether the component gets a socket that leads to the engine.

        Raises ConfigurationError for settings that can't be read.
        """
        settings = self._parts.settings
        own = settings.containers_of(life.spec.name, life.spec.configuration)
        host = settings.current.docker.host
        return admit(claimant_of(life.spec, life.account, host), own.access)

    async def open(self, life: ContainerLife, owner: Owner, admission: Admission) -> Gateway:
        """Listen for the scripts of one life. Raises DeviceError."""
        rules: RefusingRules | _RulesInTime
        if admission.has_socket:
            rules = _RulesInTime(lambda: self._rules(life, owner))
        else:
            rules = RefusingRules(403, admission.refusal)
        gateway = Gateway(rules, self._door)
        path = self._parts.paths.component_docker(owner.component, owner.generation)
        await gateway.open(path, life.account.uid, life.account.gid)
        return gateway

    def _rules(self, life: ContainerLife, owner: Owner) -> ComponentRules:
        from greendock.docker.gateway.component_rules import ComponentRules
        from greendock.docker.gateway.engine_lookup import EngineLookup
        from greendock.docker.gateway.image_accounts import ImageAccounts
        from greendock.docker.gateway.policy import policy_of
        from greendock.docker.gateway.ports import RulePorts

        parts = self._parts
        own = parts.settings.containers_of(owner.component, life.spec.configuration)
        docker = parts.docker.parts
        ports = RulePorts(
            ownership=EngineLookup(docker.engine, lambda: parts.ready(owner.generation)),
            images=ImageAccounts(owner, parts.ledger, docker.store, docker.credentials),
            room=parts.room().of(owner.component),
            limits=_LimitsOf(owner.component, parts.limits()),
            injection=_Injection(life, own.inject, parts),
        )
        return ComponentRules(owner, policy_of(own.policy), self._place(owner), ports)

    def _place(self, owner: Owner) -> Place:
        from greendock.docker.gateway.policy import Place

        paths = self._parts.paths
        folders = (
            paths.work_folder(owner.component),
            paths.artifact_folder(owner.component, owner.version),
            paths.unarchived_folder(owner.component, owner.version),
            paths.component_ipc(owner.component),
        )
        socket = self._parts.docker.engine.address.socket_path
        if socket is None:  # its paths are another machine's
            return Place(tuple(map(str, folders)))
        return Place(
            tuple(os.path.realpath(folder) for folder in folders),
            (os.path.realpath(socket),),
            os.path.realpath,
        )


@dataclass(frozen=True, slots=True)
class _LimitsOf:
    """Fills gateway.ports.Limits for one component."""

    component: str
    limits: ComponentLimits

    def rule(self) -> LimitRule:
        return self.limits.rule(self.component)


@dataclass(frozen=True, slots=True)
class _Injection:
    """Fills gateway.ports.Injection for one life."""

    life: ContainerLife = field(repr=False)
    wanted: frozenset[str]
    parts: SocketParts = field(repr=False)

    def values(self) -> Injected:
        from greendock.docker.gateway.creation import NOTHING_INJECTED, Injected, MountedFolder

        if not self.wanted:
            return NOTHING_INJECTED
        shared = self.parts.environment()
        variables = {name: shared[name] for name in _SHARED_VARIABLES if name in shared}
        mounts: tuple[MountedFolder, ...] = ()
        if "ipc" in self.wanted:
            folder = str(self.parts.paths.component_ipc(self.life.spec.name))
            variables |= {"SVCUID": self.life.token, _SOCKET: f"{folder}/ipc.socket"}
            mounts = (MountedFolder(folder, folder),)
        if "credentials" in self.wanted and _CREDENTIALS in shared:
            variables[_CREDENTIALS] = shared[_CREDENTIALS]
            variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = self.life.token
        return Injected(variables, mounts)


class _RulesInTime:
    """The rules of one life, built with its first request: most components make none."""

    def __init__(self, build: Callable[[], ComponentRules]) -> None:
        self._build = build
        self._rules: ComponentRules | None = None

    @property
    def _built(self) -> ComponentRules:
        if self._rules is None:
            self._rules = self._build()
        return self._rules

    def needs_body(self, head: RequestHead) -> int | None:
        return self._built.needs_body(head)

    async def judge(self, head: RequestHead, body: bytes | None) -> Verdict:
        return await self._built.judge(head, body)


class _EngineDoor:
    """Implements gateway.upstream.Engine for the engine that the core uses."""

    def __init__(self, docker: DockerWork) -> None:
        self._docker = docker
        self._upstream: Upstream | None = None

    async def open(self) -> Wire:
        return await self._found().open()

    def lost(self) -> DockerError:
        return self._found().lost()

    def _found(self) -> Upstream:
        address = self._docker.engine.address
        if self._upstream is None or self._upstream.address != address:
            from greendock.docker.gateway.upstream import Upstream

            self._upstream = Upstream(address)
        return self._upstream
