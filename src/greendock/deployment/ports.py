"""What carrying out a deployment needs from outside; `daemon.py` fills these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from greendock.artifacts.staging import Owner
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
    ) -> Mapping[str, ComponentView]: ...

    async def remove(self, names: Iterable[str]) -> None: ...


class CoreContext(Protocol):
    """The core as it is now; read at the start of each deployment."""

    def surroundings(self) -> Surroundings: ...

    async def owner_of(self, spec: ComponentSpec) -> Owner | None:
        """Who runs the component, so who has to read its files; LifecycleError when nobody can."""

    @property
    def deadline_s(self) -> float: ...

    def check(self, state: DeviceState) -> None:
        """Raise ConfigurationError when the core couldn't work with the settings in `state`."""

    def committed(self, state: DeviceState) -> None:
        """The device's state has changed: settings may have, too."""
