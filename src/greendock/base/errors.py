"""The one error family of the core.

GreendockError
├── UsageError            a request that can't be carried out as asked
├── RecipeError           one or more recipe files are faulty (carries the findings)
├── ResolutionError       no set of versions satisfies every requirement
├── ConfigurationError    a configuration value of the core or a component is not valid
├── ArtifactError         a file of a component can't be had, read, checked or unpacked
├── DockerError           the engine or an image (docker/errors.py has its branches)
├── LifecycleError        a component can't be started, stopped or identified
├── DeploymentError       everything that concerns a deployment as a whole
└── DeviceError           disk, permissions, users of this machine

Every error says what failed, why, and (hint) what to do; `codes` are the Greengrass error codes
that it adds to a deployment's error stack, outermost first. Messages read
"cannot <verb> <thing>: <cause>". Third-party exceptions are turned into these in one adapter
each and chained with `from`.
"""

from __future__ import annotations

import errno
from enum import Enum


class Retry(Enum):
    """When trying again can help."""

    NEVER = "never"
    BACK_OFF = "back-off"
    WHEN_ENGINE_IS_BACK = "when-engine-is-back"
    WHEN_ONLINE = "when-online"


class GreendockError(Exception):
    """Base of all errors that the core raises on purpose."""

    default_codes: tuple[str, ...] = ()

    def __init__(
        self,
        message: str,
        *,
        codes: tuple[str, ...] | None = None,
        hint: str | None = None,
        retry: Retry = Retry.NEVER,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.codes = self.default_codes if codes is None else codes
        self.hint = hint
        self.retry = retry

    def add(self, text: str) -> None:
        """Say more in the message; only for who raises the error or passes it on."""
        self.message = f"{self.message}; {text}"
        self.args = (self.message,)

    def explain(self) -> str:
        """Message and hint as one text for people."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(GreendockError):
    """What was asked for can't be done as asked; nothing was changed."""

    default_codes = ("BAD_REQUEST",)


class ConfigurationError(GreendockError):
    """A configuration value is not valid; the message names the key."""

    default_codes = ("COMPONENT_CONFIGURATION_NOT_VALID",)


class ResolutionError(GreendockError):
    """No set of component versions satisfies every requirement."""

    default_codes = ("NO_AVAILABLE_COMPONENT_VERSION", "COMPONENT_VERSION_REQUIREMENTS_NOT_MET")


class ArtifactError(GreendockError):
    """A file of a component can't be had, read, checked or unpacked."""

    default_codes = ("ARTIFACT_DOWNLOAD_ERROR",)


class LifecycleError(GreendockError):
    """A component can't be started, stopped or found."""

    default_codes = ("COMPONENT_UPDATE_ERROR",)


class DeploymentError(GreendockError):
    """A deployment as a whole can't go on."""


class DeviceError(GreendockError):
    """This machine can't do it: disk, permissions, users."""

    default_codes = ("IO_ERROR", "IO_WRITE_ERROR")

    @classmethod
    def of(cls, action: str, error: OSError, outer: str = "IO_ERROR") -> DeviceError:
        """`action` ("store the recipes") failed with `error`; `outer` is the first code."""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        place = f" ({error.filename})" if error.filename else ""
        return cls(
            f"cannot {action}: {error.strerror or error}{place}",
            codes=(outer, "DISK_SPACE_CRITICAL" if full else "IO_WRITE_ERROR"),
            hint="free some space on that file system" if full else None,
        )
