"""What carrying out a deployment needs from outside; `daemon.py` fills these."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from greendock.artifacts.model import ComponentFiles, DownloadPlan, Owner
from greendock.artifacts.ports import DownloadListener
from greendock.deployment.chosen import Surroundings
from greendock.deployment.device_state import DeviceState
from greendock.deployment.occasion import Occasion
from greendock.docker.model import (
    EnsuredImage,
    ImageRequest,
    LoadableArchive,
    ProgressListener,
)
from greendock.lifecycle.model import ComponentSpec, ComponentView
from greendock.lifecycle.soak import Soaking
from greendock.recipe.model import Step

if TYPE_CHECKING:
    from greendock.docker.pulling.images import ImageWork


class ImageProvider(Protocol):
    """Sees to it that images are on the device, and accounts for them. Methods are called in this
    order; what they raise are GreendockErrors."""

    async def look(
        self, requests: Sequence[ImageRequest], listener: ProgressListener, *, offline: bool
    ) -> ImageWork:
        """What is there and what has to be fetched. `offline`: no registry is asked for what is
        on the device."""

    async def fetch(self, work: ImageWork) -> list[EnsuredImage]:
        """Everything of `work` on the device; nothing that runs is touched."""

    async def load(
        self, archives: Sequence[LoadableArchive], listener: ProgressListener
    ) -> list[EnsuredImage]:
        """The images in these archives on the device; nothing that runs is touched."""

    def loaded_archives(self, component: str, version: str) -> Mapping[str, str]:
        """The identity of each archive that was loaded for it before, by URI."""

    async def put_in_place(self, images: Sequence[EnsuredImage]) -> None:
        """The images' names mean them from now on."""

    async def put_back(self) -> None:
        """Undo `put_in_place`; nothing when it was not called."""

    async def settle(self, images: Sequence[EnsuredImage], *, clean_up: bool) -> list[str]:
        """`images` are those of all that is deployed now: note it, and with `clean_up` remove
        what nothing needs any more. Returns warnings, raises nothing."""


class Downloader(Protocol):
    """Fetches files that are not on the device."""

    async def look(
        self, wanted: Sequence[ComponentFiles], listener: DownloadListener, *, offline: bool
    ) -> DownloadPlan:
        """What has to be fetched; refused when it can't be had or can't fit. `offline`: what is
        missing can't be had."""

    async def fetch(self, plan: DownloadPlan, listener: DownloadListener) -> tuple[Path, ...]:
        """Artifact folders that hold it."""

    async def finish(self, plan: DownloadPlan) -> None:
        """What was fetched has been taken over."""


class Runner(Protocol):
    """Runs components: the supervisor."""

    def update(
        self, specs: Mapping[str, ComponentSpec], leaving: Collection[str] = ()
    ) -> frozenset[str]:
        """Run these. `leaving`: those that are going to be removed, so may have to give way."""

    def note(self, specs: Mapping[str, ComponentSpec]) -> None:
        """Run by these from the next start of a script on; nothing restarts, nothing is added."""

    async def wait_settled(
        self, names: Iterable[str], deadline_s: float
    ) -> Mapping[str, ComponentView]:
        """TimeoutError after `deadline_s`, naming who is late."""

    async def wait_sound(
        self, names: Iterable[str], deadline_s: float, tell: Callable[[Sequence[Soaking]], None]
    ) -> Mapping[str, ComponentView]:
        """As `wait_settled`, and until their containers have proved themselves. `tell` hears who
        is waited for. Raises LifecycleError as well."""

    async def remove(self, names: Iterable[str]) -> None:
        """Returns when they are gone, however long that takes. Unknown names are ignored."""

    def view(self, name: str) -> ComponentView | None: ...


class Consent(Protocol):
    """Components that have a say in a deployment. Every wait in here can be cancelled."""

    async def check(
        self, occasion: Occasion, configurations: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Ask those of the named components that check configurations; nothing is changed yet.

        Raises DeploymentError when one rejects what it would get.
        """

    async def announce(self, occasion: Occasion) -> None:
        """Tell that components are about to be updated, and wait while they defer it."""

    def finished(self, deployment_id: str) -> None:
        """Whatever was announced for the deployment is over; called at the end of each."""


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

    async def warnings_of(self, spec: ComponentSpec) -> Sequence[str]:
        """What is likely to go wrong with the component on this machine."""

    def script_environment(self, spec: ComponentSpec, step: Step) -> Mapping[str, str]:
        """The variables of a step's script, without tokens: its compose files are read by them."""

    def adopt(self, state: DeviceState) -> None:
        """The core's settings in `state` count from now on. `surroundings` has accepted them."""
