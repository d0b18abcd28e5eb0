"""What running components needs from outside; `daemon.py` fills these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from greendock.lifecycle.model import ComponentSpec


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
    def withheld_variables(self) -> frozenset[str]:
        """Variables of the core's environment that no component gets: passwords of registries."""


@dataclass(frozen=True, slots=True)
class ContainerOwner:
    """By what the containers of a running component can be told: its specification, the SHA-256
    of its present token, and when this life of it began (seconds since the epoch)."""

    spec: ComponentSpec
    token_digest: bytes = field(repr=False)
    began_at_s: float


class Containers(Protocol):
    """The containers of components, wherever they run. All can be repeated."""

    async def pause(self, owner: ContainerOwner) -> None:
        """Have all that run stand still. Raises GreendockError; some may be paused then."""

    async def resume(self, component: str) -> None:
        """Have those go on that `pause` paused. Raises GreendockError; some may be paused then."""

    def release(self, component: str) -> None:
        """Have them go on as soon as that is possible. Returns at once."""
