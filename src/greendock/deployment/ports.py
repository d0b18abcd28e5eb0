"""What carrying out a deployment needs from outside; `daemon.py` fills these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from greendock.artifacts.model import Owner
from greendock.deployment.chosen import Surroundings
from greendock.deployment.device_state import DeviceState
from greendock.docker.model import EnsuredImage, ImageRequest, ProgressListener
from greendock.lifecycle.model import ComponentSpec, ComponentView


class ImageProvider(Protocol):
    """Sees to it that images are on the device."""

    async def ensure(
        self, requests: Sequence[ImageRequest], listener: ProgressListener
    ) -> list[EnsuredImage]: ...


class Runner(Protocol):
    """Runs components: the supervisor."""

    def update(self, specs: Mapping[str, ComponentSpec]) -> frozenset[str]: ...

    async def wait_settled(
        self, names: Iterable[str], deadline_s: float
    ) -> Mapping[str, ComponentView]:
        """TimeoutError after `deadline_s`, naming who is late."""

    async def remove(self, names: Iterable[str]) -> None:
        """Returns when they are gone, however long that takes. Unknown names are ignored."""

    def view(self, name: str) -> ComponentView | None: ...


class CoreContext(Protocol):
    """The core as a whole: what it is set to, and who runs its components."""

    @property
    def deadline_s(self) -> float:
        """For a whole deployment."""

    def surroundings(self, settings: DeviceState) -> Surroundings:
        """What the core is when the built-ins are configured as in `settings`.

        Raises ConfigurationError when it couldn't work like that.
        """

    def plan(self, state: DeviceState) -> None:
        """Images are about to be fetched for `state`; ConfigurationError for wrong settings of a
        component."""

    async def owner_of(self, spec: ComponentSpec) -> Owner | None:
        """Who runs the component, so who has to read its files; LifecycleError when nobody can."""

    async def warning_of(self, spec: ComponentSpec) -> str | None:
        """What is likely to go wrong with the component on this machine, if anything."""

    def adopt(self, state: DeviceState) -> None:
        """The core's settings in `state` count from now on. `surroundings` has accepted them."""
