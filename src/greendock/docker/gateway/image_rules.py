"""Rules for calls about images: credentials, records, and the images that others need.

Called by the rules of a component's socket; raises Refused, GreendockError.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from greendock.docker.containers.labels import Owner
from greendock.docker.containers.limits import NO_LIMITS
from greendock.docker.gateway import shapes
from greendock.docker.gateway.answer_watch import BuildWatch, LoadWatch
from greendock.docker.gateway.calls import Act, Call
from greendock.docker.gateway.creation import narrowed_filters, without_owner
from greendock.docker.gateway.exchange import Headers
from greendock.docker.gateway.guard import Guard
from greendock.docker.gateway.json_body import UnreadableBody, read_object, written
from greendock.docker.gateway.policy import (
    Breach,
    ContainerPolicy,
    host_network_breach,
)
from greendock.docker.gateway.ports import Kind, RulePorts
from greendock.docker.gateway.refusal import FORBIDDEN, Refused
from greendock.docker.gateway.registry_header import brings_credentials, with_credentials
from greendock.docker.gateway.sending import Sending

_BUILD_NETWORK = "networkmode of a build"


class ImageRules:
    """For one component. `apply` completes what is sent."""

    def __init__(
        self, owner: Owner, policy: ContainerPolicy, guard: Guard, ports: RulePorts
    ) -> None:
        self._owner = owner
        self._policy = policy
        self._guard = guard
        self._images = ports.images
        self._limits = ports.limits
        self._rules = {
            Act.PULL_IMAGE: self._pull,
            Act.LOAD_IMAGE: self._load,
            Act.BUILD: self._build,
            Act.TAG_IMAGE: self._tag,
            Act.REMOVE_IMAGE: self._remove,
            Act.PRUNE_IMAGES: self._prune,
            Act.COMMIT: self._commit,
        }

    def handles(self, act: Act) -> bool:
        return act in self._rules

    async def apply(self, call: Call, sending: Sending) -> Sending:
        return await self._rules[call.act](call, sending)

    async def _pull(self, call: Call, sending: Sending) -> Sending:
        target = call.target
        if target.value("fromSrc"):
            name = _tagged(target.value("repo"), target.value("tag"))
            await self._name(name)
            return await self._watched(sending, [name])
        image = _pulled(
            target.value("fromImage") or target.value("reference"), target.value("tag")
        )
        return replace(sending, headers=await self._with_login(image, sending.headers))

    async def _with_login(self, image: str, headers: Headers) -> Headers:
        if not image or brings_credentials(headers):
            return headers
        header = await self._images.credentials_for(image)
        return headers if header is None else with_credentials(headers, header)

    async def _load(self, call: Call, sending: Sending) -> Sending:
        return replace(sending, heed=LoadWatch(await self._images.arrivals("loaded")))

    async def _build(self, call: Call, sending: Sending) -> Sending:
        names = call.target.values("t")
        for name in names:
            await self._name(name)
        await self._build_surroundings(call)
        rule = self._limits.rule()
        target = call.target
        if rule != NO_LIMITS and rule.cgroup_parent and not target.value("cgroupparent"):
            target = target.having("cgroupparent", rule.cgroup_parent)
        return await self._watched(replace(sending, target=target), names)

    async def _build_surroundings(self, call: Call) -> None:
        """What its steps run in."""
        network = call.target.value("networkmode")
        if network.startswith("container:") and not self._policy.foreign:
            await self._guard.join(Kind.CONTAINER, network.partition(":")[2], _BUILD_NETWORK)
        elif network == "host":
            self._guard.forbid(host_network_breach(self._policy, f"{_BUILD_NETWORK}: host"))
        elif network not in ("", "default", "bridge", "none") and not self._policy.foreign:
            await self._guard.join(Kind.NETWORK, network, _BUILD_NETWORK)
        parent = call.target.value("cgroupparent")
        if parent and not self._policy.cgroup_parent:
            self._guard.forbid(Breach("cgroupParent", f"cgroupparent={parent} of a build", "true"))

    async def _tag(self, call: Call, sending: Sending) -> Sending:
        await self._name(_tagged(call.target.value("repo"), call.target.value("tag")))
        return sending

    async def _commit(self, call: Call, sending: Sending) -> Sending:
        name = _tagged(call.target.value("repo"), call.target.value("tag"))
        await self._guard.change(Kind.CONTAINER, call.target.value("container"), "commit")
        await self._name(name)
        sent = sending.body or b""
        members = read_object(sent, shapes.COMMIT) if sent.strip() not in (b"", b"null") else {}
        others = tuple(pair for pair in sending.headers if pair[0].lower() != "content-type")
        sending = replace(
            sending,
            headers=(*others, ("Content-Type", "application/json")),
            body=written(without_owner(members)),
        )
        return await self._watched(sending, [name])

    async def _name(self, image: str) -> None:
        """A name that is about to mean another image."""
        others = await self._images.named_by(image) if image else ()
        if others:
            raise Refused(
                FORBIDDEN,
                f"cannot name an image {image}: {_listed(others)} needs the one of that name",
            )

    async def _remove(self, call: Call, sending: Sending) -> Sending:
        others = await self._images.removal_hits(call.ref)
        if others:
            raise Refused(FORBIDDEN, f"cannot remove image {call.ref}: {_listed(others)} needs it")
        return sending

    async def _prune(self, call: Call, sending: Sending) -> Sending:
        """By the component's labels, which no image has unless it was built so: what is unused
        goes by the core's own clean-up, which knows what others need."""
        filters = narrowed_filters(call.target.value("filters"), self._owner)
        if filters is None:
            raise UnreadableBody("its filters are no JSON object")
        return replace(sending, target=call.target.having("filters", filters))

    async def _watched(self, sending: Sending, names: Sequence[str]) -> Sending:
        told = await self._images.arrivals("built")
        return replace(sending, heed=BuildWatch(told, [name for name in names if name]))


def _tagged(repository: str, tag: str) -> str:
    return f"{repository}:{tag}" if repository and tag else repository


def _pulled(image: str, tag: str) -> str:
    """The engine takes a digest for a tag."""
    return f"{image}@{tag}" if ":" in tag else _tagged(image, tag)


def _listed(components: Sequence[str]) -> str:
    return "component " + ", ".join(components)
