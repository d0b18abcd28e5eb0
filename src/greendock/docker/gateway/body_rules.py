"""Rules for calls that bring a body: what they create gets labels, limits and what is injected.

The policy is asked about what the engine will read, and that is what is sent on. Called by the
rules of a component's socket; raises Refused, UnreadableBody, GreendockError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greendock.docker.containers.claims import claims_of
from greendock.docker.containers.labels import Owner
from greendock.docker.containers.limits import NO_LIMITS
from greendock.docker.gateway import shapes
from greendock.docker.gateway.calls import Act, Call
from greendock.docker.gateway.creation import (
    host_config,
    with_host_config,
    with_injected,
    with_labels,
    with_limits,
    with_update_limits,
)
from greendock.docker.gateway.guard import Guard
from greendock.docker.gateway.json_body import read_object, written
from greendock.docker.gateway.policy import (
    ContainerPolicy,
    exec_breaches,
    host_breaches,
    network_breaches,
    volume_breaches,
)
from greendock.docker.gateway.ports import Kind, RulePorts


class BodyRules:
    """For one component. Each method gives the body to send."""

    def __init__(
        self, owner: Owner, policy: ContainerPolicy, guard: Guard, ports: RulePorts
    ) -> None:
        self._owner = owner
        self._policy = policy
        self._guard = guard
        self._ports = ports
        self._rules = {
            Act.CREATE_CONTAINER: self._create_container,
            Act.START_CONTAINER: self._start_container,
            Act.UPDATE_CONTAINER: self._update_container,
            Act.CREATE_EXEC: self._create_exec,
            Act.CREATE_NETWORK: self._create_network,
            Act.JOIN_NETWORK: self._join_network,
            Act.CREATE_VOLUME: self._create_volume,
        }

    async def apply(self, call: Call, body: bytes) -> bytes:
        return await self._rules[call.act](call, body)

    async def _create_container(self, call: Call, body: bytes) -> bytes:
        if not body:
            return body  # the engine refuses it
        if call.target.is_libpod:
            members = read_object(body, shapes.CREATE_OF_PODMAN)
            return written(with_labels(members, self._owner, "labels"))
        members = with_labels(read_object(body, shapes.CREATE_CONTAINER), self._owner)
        host = host_config(members)
        await self._guard.host_config(members, host or {})
        rule = self._ports.limits.rule()
        if rule != NO_LIMITS:
            host = with_limits(host or {}, rule)
        injected = self._ports.injection.values()
        members, filled = with_injected(members, host or {}, injected)
        claims = claims_of({"HostConfig": filled}, call.target.value("name"))
        if not claims.is_empty:
            await self._ports.room.make_way(claims)
        return written(with_host_config(members, filled) if host or filled else members)

    async def _start_container(self, call: Call, body: bytes) -> bytes:
        """Before API 1.24 a HostConfig here takes the place of the one at creation."""
        thing = await self._guard.change(Kind.CONTAINER, call.ref, call.verb)
        if thing is not None:
            await self._guard.start(thing)
        if not body or body.strip() in (b"{}", b"null") or call.target.is_libpod:
            return body
        members = read_object(body, shapes.START_CONTAINER)
        host = host_config(members) or {}
        await self._guard.host_config(members, host)
        return written(with_host_config(members, with_limits(host, self._ports.limits.rule())))

    async def _update_container(self, call: Call, body: bytes) -> bytes:
        thing = await self._guard.change(Kind.CONTAINER, call.ref, call.verb)
        if not body or call.target.is_libpod:
            return body
        members = read_object(body, shapes.UPDATE_CONTAINER)
        await self._guard.forbid_any(lambda place: host_breaches(self._policy, members, place))
        parent = thing.cgroup_parent if thing is not None else ""
        return written(with_update_limits(members, self._ports.limits.rule(), parent))

    async def _create_exec(self, call: Call, body: bytes) -> bytes:
        await self._guard.change(Kind.CONTAINER, call.ref, call.verb)
        if not body:
            return body
        members = read_object(body, shapes.CREATE_EXEC)
        await self._guard.forbid_any(lambda _: exec_breaches(self._policy, members))
        return written(members)

    async def _create_network(self, call: Call, body: bytes) -> bytes:
        if not body:
            return body
        members = read_object(body, shapes.CREATE_NETWORK)
        driver = members.get("Driver")
        await self._guard.forbid_any(lambda _: network_breaches(self._policy, driver))
        return self._labelled(members)

    async def _create_volume(self, call: Call, body: bytes) -> bytes:
        if not body:
            return body
        members = read_object(body, shapes.CREATE_VOLUME)
        driver, options = members.get("Driver"), members.get("DriverOpts")
        await self._guard.forbid_any(
            lambda place: volume_breaches(self._policy, driver, options, place)
        )
        return self._labelled(members)

    async def _join_network(self, call: Call, body: bytes) -> bytes:
        """Both sides have to be the component's, or nobody's."""
        members = read_object(body, shapes.JOIN_NETWORK) if body else {}
        await self._guard.change_network(call.ref, call.verb)
        container = members.get("Container")
        if isinstance(container, str) and container:
            await self._guard.change(Kind.CONTAINER, container, call.verb)
        return written(members) if body else body

    def _labelled(self, members: Mapping[str, Any]) -> bytes:
        return written(with_labels(members, self._owner))
