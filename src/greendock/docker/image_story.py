"""Tells what happens to one image: to the progress listener and to the Docker manager's log.

Decides nothing. Called by the image job at each of its steps.
"""

from __future__ import annotations

from greendock.docker.engine_model import ImageInfo
from greendock.docker.errors import DockerError
from greendock.docker.image_pull import PullOutcome
from greendock.docker.model import ImageProgress, ProgressListener
from greendock.docker.ports import Journal
from greendock.docker.reference import ImageReference


class ImageStory:
    """The story of one image in one deployment."""

    def __init__(
        self,
        journal: Journal,
        listener: ProgressListener,
        reference: ImageReference,
        needed_by: tuple[str, ...],
    ) -> None:
        self._journal = journal
        self._listener = listener
        self._image = reference.familiar
        self._components = ", ".join(needed_by)

    def progress(self, progress: ImageProgress) -> None:
        self._listener(progress)

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

    def attempt(self, number: int) -> None:
        text = f"fetching {self._image}, attempt {number}"
        self._write("INFO", "docker-image-pull", text)

    def retry(self, error: DockerError, number: int, pause_s: float | None) -> None:
        """`pause_s`: None when the engine is waited for."""
        when = "when the engine is back" if pause_s is None else f"in {pause_s:.1f} s"
        note = f"attempt {number} failed, next {when}: {error.message}"
        self._write("WARN", "docker-image-retry", note)
        self.waiting(note)

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
