"""Tells what happens to one image: to the progress listener and to the Docker manager's log.

Decides nothing. Called by the image job at each of its steps.
"""

from __future__ import annotations

from greendock.base.clock import Clock
from greendock.docker.engine.model import ImageInfo
from greendock.docker.engine.pull_stream import PullFold
from greendock.docker.errors import DockerError
from greendock.docker.model import ImageProgress, ImageWait, ProgressListener
from greendock.docker.ports import Journal
from greendock.docker.pulling.image_pull import PullOutcome
from greendock.docker.reference import ImageReference
from greendock.docker.registry.client import RemoteImage


class ImageStory:
    """The story of one image in one deployment."""

    def __init__(
        self,
        journal: Journal,
        listener: ProgressListener,
        reference: ImageReference,
        needed_by: tuple[str, ...],
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._listener = listener
        self._image = reference.familiar
        self._registry = reference.registry
        self._clock = clock
        self._components = ", ".join(needed_by)

    def downloading(self, fold: PullFold) -> None:
        self._listener(fold.progress(self._image))

    def log_progress(self, fold: PullFold) -> None:
        progress = fold.progress(self._image)
        done = sum(current >= total > 0 for _, current, total in progress.layers.values())
        self._write(
            "INFO",
            "docker-image-progress",
            f"{self._image}: {progress.phase}, {progress.current_bytes} of "
            f"{progress.total_bytes} bytes, {done} of {len(progress.layers)} layers complete",
        )

    def waiting(self, note: str) -> None:
        """Something outside keeps this image waiting."""
        self._listener(ImageProgress(self._image, "waiting", note=note))

    def needed(self, local: ImageInfo | None, warnings: tuple[str, ...]) -> None:
        where = f"present as {local.id}" if local else "not present"
        text = f"{self._image} is needed by {self._components or 'a deployment'}; it is {where}"
        self._write("INFO", "docker-image-needed", text)
        for warning in warnings:
            self._write("WARN", "docker-image-warning", warning)

    def present(self, image: ImageInfo, note: str | None = None) -> None:
        text = f"{self._image} is used as it is on the device, {image.id}"
        self._write("INFO", "docker-image-present", f"{text}; {note}" if note else text)
        self._listener(
            ImageProgress(self._image, "present", image.size_bytes, image.size_bytes, note=note)
        )

    def found(self, remote: RemoteImage) -> None:
        size = sum(blob.size_bytes for blob in (remote.config, *remote.layers))
        text = (
            f"{self._registry} has {self._image} as {remote.digest}: {size} bytes to "
            f"download in {len(remote.layers)} layer(s), for {remote.platform}"
        )
        self._write("INFO", "docker-image-found", text)

    def only_engine_reaches(self, error: DockerError) -> None:
        text = (
            f"the engine reaches the registry of {self._image}, the core does not: its size is "
            f"not known before the pull ({error.message})"
        )
        self._write("WARN", "docker-image-size-unknown", text)

    def attempt(self, number: int) -> None:
        text = f"fetching {self._image} from {self._registry}, attempt {number}"
        self._write("INFO", "docker-image-pull", text)

    def retry(self, error: DockerError, number: int, pause_s: float | None) -> None:
        """`pause_s`: None when the engine is waited for."""
        when = "when the engine is back" if pause_s is None else f"in {pause_s:.1f} s"
        note = f"attempt {number} failed, next {when}: {error.message}"
        self._write("WARN", "docker-image-retry", note)
        at = None if pause_s is None else self._clock.now() + pause_s
        wait = ImageWait(number, at, error.message)
        self._listener(ImageProgress(self._image, "waiting", note=note, wait=wait))

    def pulled(self, image: ImageInfo, outcome: PullOutcome, seconds: float) -> None:
        digest = f", {outcome.digest}" if outcome.digest else ""
        self._write(
            "INFO",
            "docker-image-pulled",
            f"{self._image} was fetched: {outcome.downloaded_bytes} bytes in {seconds:.1f} s, "
            f"{image.id}{digest}",
        )
        size = outcome.downloaded_bytes
        self._listener(ImageProgress(self._image, "pulled", size, size))

    def fell_back(self, warning: str, image: ImageInfo) -> None:
        self._write("WARN", "docker-image-fallback", f"{warning} ({image.id})")
        size = image.size_bytes
        self._listener(ImageProgress(self._image, "present", size, size, note=warning))

    def warned(self, warning: str) -> None:
        self._write("WARN", "docker-image-warning", warning)

    def failed(self, error: DockerError) -> None:
        self._write("ERROR", "docker-image-failed", error.explain())
        self._listener(ImageProgress(self._image, "failed", note=error.message))

    def cancelled(self) -> None:
        self._write("INFO", "docker-image-cancelled", f"fetching {self._image} was cancelled")
        self._listener(ImageProgress(self._image, "failed", note="cancelled"))

    def _write(self, level: str, event: str, message: str) -> None:
        self._journal.write(level, event, message, image=self._image, components=self._components)
