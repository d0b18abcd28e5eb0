"""The rules of one component's socket: implements exchange.Rules for one generation.

Reads what is asked, has the policy and the owners' labels decide, and gives what to send on, built
anew. What is refused never reaches the engine. Holds no connection. Called by the transport.
"""

from __future__ import annotations

from dataclasses import replace

from greendock.base.errors import GreendockError
from greendock.docker.containers.labels import Owner
from greendock.docker.gateway.body_rules import BodyRules
from greendock.docker.gateway.calls import HAVE_BODIES, HIJACKS, Act, Call, read_call
from greendock.docker.gateway.creation import narrowed_filters
from greendock.docker.gateway.exchange import Forward, Headers, Refuse, RequestHead, Verdict
from greendock.docker.gateway.guard import Guard
from greendock.docker.gateway.image_rules import ImageRules
from greendock.docker.gateway.json_body import UnreadableBody
from greendock.docker.gateway.policy import ContainerPolicy, Place, end_point_breach
from greendock.docker.gateway.ports import Kind, RulePorts
from greendock.docker.gateway.refusal import Refused
from greendock.docker.gateway.sending import (
    Sending,
    is_stream_upgrade,
    without_forms,
    without_upgrade,
)
from greendock.docker.gateway.target import AmbiguousTarget

LARGEST_BODY_BYTES = 4 << 20
_AT_ANY_TIME = frozenset({"/_ping", "/version"})
_SHOWN = 200
_KINDS = {
    Act.CHANGE_CONTAINER: Kind.CONTAINER,
    Act.CHECKPOINT: Kind.CONTAINER,
    Act.ATTACH: Kind.CONTAINER,
    Act.REMOVE_CONTAINER: Kind.CONTAINER,
    Act.START_EXEC: Kind.EXEC,
    Act.REMOVE_NETWORK: Kind.NETWORK,
    Act.REMOVE_VOLUME: Kind.VOLUME,
    Act.UPDATE_VOLUME: Kind.VOLUME,
}
"""Calls about one thing that say all in their path."""


class ComponentRules:
    """For the generation of `owner`."""

    def __init__(
        self, owner: Owner, policy: ContainerPolicy, place: Place, ports: RulePorts
    ) -> None:
        self._owner = owner
        self._policy = policy
        self._ports = ports
        self._guard = Guard(owner, policy, place, ports.ownership)
        self._bodies = BodyRules(owner, policy, self._guard, ports)
        self._images = ImageRules(owner, policy, self._guard, ports)

    def needs_body(self, head: RequestHead) -> int | None:
        try:
            call = read_call(head.method, head.target)
        except AmbiguousTarget:
            return None
        return LARGEST_BODY_BYTES if call.act in HAVE_BODIES else None

    async def judge(self, head: RequestHead, body: bytes | None) -> Verdict:
        try:
            call = read_call(head.method, head.target)
            sending = await self._decide(call, _clean(call, head.headers, body))
        except AmbiguousTarget as error:
            shown = f"{head.method} {head.target}"[:_SHOWN]
            return Refuse(400, f"cannot read the request {shown!r}: {error}")
        except UnreadableBody as error:
            return Refuse(400, f"cannot read the body of the request: {error}")
        except Refused as error:
            return Refuse(error.status, error.message)
        except GreendockError as error:
            return Refuse(503, error.explain())
        new_head = RequestHead(head.method, sending.target.text, sending.headers, head.version)
        return Forward(new_head, sending.body, sending.heed)

    async def _decide(self, call: Call, sending: Sending) -> Sending:
        act = Act.CHECKPOINT if _is_from_checkpoint(call) else call.act
        self._guard.forbid(end_point_breach(self._policy, act, call.target.is_libpod))
        if call.target.path not in _AT_ANY_TIME:
            await self._ports.ownership.ready()
        if self._images.handles(call.act):
            return await self._images.apply(call, sending)
        if call.act in HAVE_BODIES:
            body = await self._bodies.apply(call, sending.body or b"")
            return replace(sending, body=body)
        if call.act is Act.PRUNE_OWN:
            return self._narrowed(call, sending)
        kind = _KINDS.get(call.act)
        if kind is not None:
            verb = call.verb or "remove"
            thing = await self._guard.change(kind, call.ref, verb)
            if thing is not None and verb == "restart":
                await self._guard.start(thing)
        return sending

    def _narrowed(self, call: Call, sending: Sending) -> Sending:
        filters = narrowed_filters(call.target.value("filters"), self._owner)
        if filters is None:
            raise UnreadableBody("its filters are no JSON object")
        return replace(sending, target=call.target.having("filters", filters))


def _is_from_checkpoint(call: Call) -> bool:
    """Of a start: the state comes from a place on the host that the client names."""
    names = ("checkpoint", "checkpoint-dir")
    return call.act is Act.START_CONTAINER and any(map(call.target.value, names))


def _clean(call: Call, headers: Headers, body: bytes | None) -> Sending:
    headers = without_forms(headers)
    may_upgrade = call.act is Act.SESSION or (call.act in HIJACKS and is_stream_upgrade(headers))
    return Sending(call.target, headers if may_upgrade else without_upgrade(headers), body)
