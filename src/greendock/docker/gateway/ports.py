"""What the rules of a component's socket need from outside, for whoever builds them to fill."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from greendock.docker.containers.claims import Claims
from greendock.docker.containers.labels import Owner
from greendock.docker.containers.limits import LimitRule
from greendock.docker.gateway.creation import Injected

Told = Callable[[Sequence[str]], Awaitable[None]]


class Kind(StrEnum):
    """EXEC: a command in a container, by the id of its own."""

    CONTAINER = "container"
    NETWORK = "network"
    VOLUME = "volume"
    EXEC = "exec"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that the engine has. `owner` None: nobody's. `driver`: of a network
    or volume, with its `options`. `cgroup_parent` and `binds`, paths of the host: of a container.
    """

    kind: Kind
    id: str
    name: str
    owner: Owner | None
    driver: str = ""
    cgroup_parent: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    binds: tuple[str, ...] = ()


class Ownership(Protocol):
    """Whose things are."""

    async def ready(self) -> None:
        """Returns when the start's clean-up is done: nothing reaches the engine before. Waits no
        longer than it has to; raises GreendockError when it took too long."""

    async def find(self, kind: Kind, ref: str) -> Thing | None:
        """What the engine takes `ref` for: a name, an id or the beginning of one; None when it
        has no such thing. Raises GreendockError when it can't be asked."""


class Images(Protocol):
    """The images of components, as the gateway meets them."""

    async def credentials_for(self, image: str) -> str | None:
        """X-Registry-Auth for one of the component's own images; None for all others, and where
        the registry is asked anonymously. Raises GreendockError."""

    async def arrivals(self, how: str) -> Told:
        """Images are about to be `loaded` or `built`: whom to tell their names or ids. Notes what
        is there before, so that it stays its owner's. Raises GreendockError."""

    async def removal_hits(self, ref: str) -> Sequence[str]:
        """The other components that need what goes when `ref` is removed."""

    async def named_by(self, image: str) -> Sequence[str]:
        """The other components that have an image of this name."""


class Room(Protocol):
    """Has those step aside who hold what a new container needs."""

    async def make_way(self, claims: Claims) -> None:
        """Returns when nothing of the core that goes away holds it. Raises GreendockError."""


class Limits(Protocol):
    def rule(self) -> LimitRule:
        """As it is now."""


class Injection(Protocol):
    def values(self) -> Injected:
        """As they are now."""


@dataclass(frozen=True, slots=True)
class RulePorts:
    """All of them."""

    ownership: Ownership
    images: Images
    room: Room
    limits: Limits
    injection: Injection
