"""What the image work needs from outside, for whoever builds it to fill."""

from __future__ import annotations

from typing import Protocol

from greendock.docker.pull_policy import PullPolicy


class ImageSettings(Protocol):
    """Configuration, read at each use so that a change counts for the next image."""

    @property
    def engine_wait_s(self) -> float:
        """`docker.engineWaitSeconds`."""

    @property
    def max_concurrent_pulls(self) -> int:
        """`docker.maxConcurrentPulls`, for the whole device."""

    @property
    def pull_deadline_s(self) -> float:
        """`docker.pullDeadlineSeconds`, for one image with all tries."""

    @property
    def pull_stall_s(self) -> float:
        """`docker.pullStallSeconds`, without any news of the engine."""

    def pull_policy(self, component: str) -> PullPolicy:
        """`docker.pullPolicy` of the component with this name, else of the core."""


class Journal(Protocol):
    """The log `aws.greengrass.DockerApplicationManager`."""

    def write(self, level: str, event: str, message: str, **contexts: str) -> None:
        """`level`: DEBUG, INFO, WARN or ERROR. `event`: a fixed name to search for."""
