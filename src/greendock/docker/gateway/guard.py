"""Stands between one component and what is not its own. Asks whose a thing is, and applies the
policy to it; forwards nothing. Called by the rules of the component's socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from greendock.docker.containers.claims import claims_of
from greendock.docker.containers.labels import Owner
from greendock.docker.gateway.policy import (
    Breach,
    ContainerPolicy,
    Place,
    host_breaches,
    host_network_breach,
    path_breaches,
    volume_breaches,
)
from greendock.docker.gateway.ports import Kind, Ownership, Thing
from greendock.docker.gateway.references import references_of
from greendock.docker.gateway.refusal import FORBIDDEN, Refused, foreign, in_words, is_own

_LONGEST_LOOK_S = 10.0
_BUILT_IN = frozenset({"bridge", "none", "host"})


class Guard:
    """For one component. Its methods raise Refused, GreendockError."""

    def __init__(
        self, owner: Owner, policy: ContainerPolicy, place: Place, ownership: Ownership
    ) -> None:
        self._owner = owner
        self._policy = policy
        self._place = place
        self._ownership = ownership

    def forbid(self, breach: Breach | None) -> None:
        if breach is not None:
            raise Refused(FORBIDDEN, breach.message(self._owner.component, self._policy))

    async def forbid_any(self, breaches: Callable[[Place], Iterator[Breach]]) -> None:
        """In a thread: a rule may have to follow links."""
        if self._policy.binds is None and self._policy.engine_socket:
            found = next(breaches(self._place), None)
        else:
            look = asyncio.to_thread(lambda: next(breaches(self._place), None))
            try:
                found = await asyncio.wait_for(look, _LONGEST_LOOK_S)
            except TimeoutError:
                raise Refused(503, "cannot tell in time where a path of the host leads") from None
        self.forbid(found)

    async def change(self, kind: Kind, ref: str, verb: str) -> Thing | None:
        """The thing that is to be changed: the component's own, or nobody's where that may be.

        None when there is none: the engine says so itself.
        """
        thing = await self._ownership.find(kind, ref)
        if thing is None or is_own(thing.owner, self._owner):
            return thing
        what = f"{Kind.CONTAINER if kind is Kind.EXEC else kind} {thing.name or thing.id[:12]}"
        if thing.owner is not None:
            raise foreign(verb, what, thing.owner, self._owner)
        if not self._policy.unowned:
            self.forbid(Breach("unowned", f"{verb} on {what}, which no component owns", "true"))
        return thing

    async def change_network(self, ref: str, verb: str) -> None:
        """Who joins it or leaves it; those that the engine brings are everybody's."""
        if ref not in _BUILT_IN:
            await self.change(Kind.NETWORK, ref, verb)

    async def host_config(self, members: Mapping[str, Any], host: Mapping[str, Any]) -> None:
        """A HostConfig, and what it and the create body refer to."""
        await self.forbid_any(lambda place: host_breaches(self._policy, host, place))
        if self._policy.binds is not None:
            for name in sorted(claims_of({"HostConfig": host}, "").volumes):
                await self._volume(name)
        if self._policy.foreign and self._policy.host_namespaces is None:
            return
        for reference in references_of(members, host):
            await self.join(reference.kind, reference.ref, reference.where)

    async def start(self, thing: Thing) -> None:
        """Where a bind leads is looked at again: a link may have come in between."""
        for path in thing.binds if self._policy.binds is not None else ():
            await self.forbid_any(
                lambda place, path=path: path_breaches(  # type: ignore[misc]
                    self._policy, path, f"the bind of container {thing.name}:", place
                )
            )

    async def _volume(self, name: str) -> None:
        """One that is there already can stand for any path."""
        thing = await self._ownership.find(Kind.VOLUME, name)
        if thing is not None:
            await self.forbid_any(
                lambda place: volume_breaches(self._policy, thing.driver, thing.options, place)
            )

    async def join(self, kind: Kind, ref: str, where: str) -> None:
        """A thing that is to be used, not changed."""
        thing = await self._ownership.find(kind, ref)
        if thing is not None:
            self._use(thing, f"{where}: {ref}")

    def _use(self, thing: Thing, what: str) -> None:
        if thing.kind is Kind.NETWORK and thing.driver == "host":
            self.forbid(host_network_breach(self._policy, what))
            return
        is_everybodys = thing.kind is Kind.NETWORK and thing.name in _BUILT_IN
        if self._policy.foreign or is_everybodys or is_own(thing.owner, self._owner):
            return
        whose = in_words(thing.owner, self._owner) if thing.owner else "no component"
        self.forbid(Breach("foreign", f"{what}, which belongs to {whose}", "true"))
