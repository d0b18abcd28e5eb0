"""What running components needs from outside; `daemon.py` fills these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from greendock.docker.containers.model import GenerationState
from greendock.lifecycle.model import ComponentSpec, ResourceLimits
from greendock.lifecycle.run_as import Account
from greendock.recipe.model import Step


class Identities(Protocol):
    """Gives each generation of a component its token (SVCUID), and takes it back."""

    def issue(self, component: str, generation: int) -> str: ...

    def dismiss(self, component: str) -> None:
        """Somebody asked for the end of what runs now (stop, restart, change, removal): nothing
        of it may go on, whatever outlives its scripts. Called before they are stopped."""

    def revoke(self, component: str, generation: int) -> None:
        """The generation's scripts are over."""


class Surroundings(Protocol):
    """The environment that every component shares: region, thing name, sockets, proxies.

    Read anew at each start of a process, since a deployment may change it.
    """

    def environment(self) -> Mapping[str, str]: ...


class CorePart(Protocol):
    """What a built-in component stands for, where it does any work."""

    async def start(self, spec: ComponentSpec) -> None:
        """Returns when it works. Raises GreendockError."""

    async def stop(self) -> None:
        """Also after a start that failed."""

    @property
    def shown(self) -> Mapping[str, Any]:
        """Laid over the component's configuration where somebody reads it."""


class RunSettings(Protocol):
    """The core's defaults for running; read at each use."""

    @property
    def default_posix_user(self) -> str | None: ...

    @property
    def posix_shell(self) -> str: ...

    @property
    def backoff_s(self) -> tuple[float, float]:
        """(first, longest) wait between tries after errors."""

    @property
    def engine_wait_s(self) -> float:
        """How long to wait for an engine that was there and does not answer."""

    @property
    def soak_s(self) -> float:
        """How long new containers have to run well before a deployment is done; 0: not at all."""

    @property
    def withheld_variables(self) -> frozenset[str]:
        """Variables of the core's environment that no component gets: passwords of registries."""


@dataclass(frozen=True, slots=True)
class ContainerOwner:
    """By what the containers of a running component can be told: its specification, the SHA-256
    of its present token, when this life of it began (seconds since the epoch), and the id of this
    life (`ContainerLife.id`; empty where it has none)."""

    spec: ComponentSpec
    token_digest: bytes = field(repr=False)
    began_at_s: float
    life_id: str = ""


class Containers(Protocol):
    """The containers of components, wherever they run. All can be repeated."""

    async def pause(self, owner: ContainerOwner) -> None:
        """Have all that run stand still. Raises GreendockError; some may be paused then."""

    async def resume(self, component: str) -> None:
        """Have those go on that `pause` paused. Raises GreendockError; some may be paused then."""

    def release(self, component: str) -> None:
        """Have them go on as soon as that is possible. Returns at once."""


@dataclass(frozen=True, slots=True)
class ContainerLife:
    """One life of a component, whose scripts may start containers. `id`: unique over all lives of
    all components, cores and boots; containers carry it. `token`: the life's own."""

    spec: ComponentSpec
    id: str
    account: Account
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """A life of an earlier core whose containers run on and are taken over."""

    id: str


class LineCount(Protocol):
    """Counts what a main script prints, so that the log of a container which outlives it can go
    on where the script's output stopped."""

    def took(self, stream: str, line: str) -> None:
        """The script printed this line; called before it is written to the log."""


class OwnedContainers(Protocol):
    """The containers that components cause, by life. Only `look` and `open` raise."""

    async def reclaim(self, spec: ComponentSpec) -> Reclaimed | None:
        """At the first start of a component in this life of the core: the life of an earlier
        core that goes on; None when there is nothing to take over. Everything else of the
        component is gone by then, or goes before any script of it reaches the engine. Waits for
        an engine that is away only when the component had containers, and not for long.

        What was reclaimed is either opened by its id, or closed. Who cancels this gives it up: it
        is over, and goes when the engine is there."""

    async def open(self, life: ContainerLife) -> Mapping[str, str]:
        """Give the life its Docker socket and note it, durably; the variables for its scripts.

        Empty where the component gets no socket and needs no refusal. Raises GreendockError;
        nothing is left of the attempt then.
        """

    def attend(self, life_id: str, on_change: Callable[[], None]) -> None:
        """Call `on_change` whenever `state` of this life may be another."""

    def state(self, life_id: str) -> GenerationState:
        """What there is, as far as it is known; costs nothing."""

    async def look(self, life_id: str) -> GenerationState:
        """As the engine says now. Raises GreendockError when it can't be asked. A life that never
        used its socket has no containers; the engine isn't asked for that."""

    def count(self, life_id: str, main: Step, script_name: str) -> LineCount | None:
        """The main script is about to start, and is called `script_name` in the log: who is told
        of its lines; None where nobody needs that."""

    def runs(self, life_id: str, main: Step | None) -> None:
        """The component is RUNNING. `main`: its script that goes on; None when that has ended
        well and the containers carry on alone."""

    def can_carry(self, life_id: str) -> bool:
        """Whether its containers do all that the main script was for, by what `runs` told: they
        may go on without it."""

    @property
    def engine_is_lost(self) -> bool:
        """The engine was there in this life of the core and does not answer now."""

    async def engine_is_back(self, deadline_s: float) -> bool:
        """Wait for a lost engine, and until it has been asked what runs; False: not in time."""

    def limit(self, life_id: str, limits: ResourceLimits | None) -> None:
        """For the containers of this life, now and later. Returns at once."""

    def limit_trouble(self, life_id: str) -> str | None:
        """Why limits are not enforced on this life's containers, if so."""

    async def close(self, life_id: str) -> None:
        """The life's scripts are over: no more requests; all its containers are stopped, each
        with its own grace, and removed with their anonymous volumes, and so are its networks.
        Returns when they are gone; what an absent engine holds goes when it is back."""

    async def kill(self, life_id: str) -> None:
        """As `close`, without any grace."""

    def leave(self, life_id: str) -> None:
        """The core ends in a hurry: let go of the socket, touch nothing."""
