"""What the token exchange service needs from the core; `daemon/` fills these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from greendock.aws.credentials import AwsCredentials


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a token stands for: a component, or (`is_client`) somebody at the command line."""

    name: str
    is_client: bool


class Callers(Protocol):
    """The valid tokens of this core."""

    def authenticate(self, token: str) -> Caller | None:
        """Takes the same time however much of the token is right."""


class Source(Protocol):
    """This device's AWS credentials."""

    def check(self) -> None:
        """ConfigurationError where the configuration says of no credentials where they are."""

    async def credentials(self) -> AwsCredentials:
        """Kept ones, or new ones. Raises GreendockError."""


class Service(Protocol):
    """The component that this service is, as it is deployed now."""

    def configuration(self) -> Mapping[str, Any]: ...

    def dependers(self) -> frozenset[str]:
        """The components that name the service in their dependencies, hard or soft."""


class PortMemory(Protocol):
    """Which port the service had. Raises DeviceError."""

    def recall(self) -> int | None: ...

    def remember(self, port: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Bridges:
    """Docker's bridges as the engine tells them, by interface. `default`: of the network that
    containers are in unless told otherwise."""

    default: str = "docker0"
    names: frozenset[str] = frozenset()


class Engine(Protocol):
    """The Docker engine of this host."""

    async def bridges(self) -> Bridges | None:
        """None while it can't be asked. Returns within seconds."""


class NetworkNews(Protocol):
    """Says that addresses or routes of this host changed."""

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` at news; gives back what ends that. In the running event loop."""
