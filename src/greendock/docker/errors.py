"""What can go wrong with the engine, a registry or an image, as types.

DockerError
├── ImageReferenceError     the text is no image name
├── EngineAddressError      the configured address of the engine can't be used
├── EngineUnavailable       nothing answers at the engine's address
├── EngineNotPermitted      this user may not use the engine's socket
├── EngineTooOld            the engine's API is older than 1.21
├── ApiVersionRefused       engine and client have no API version in common
├── ImageQueryFailed        the engine can't say whether it has an image
├── ContainerFailed         the engine can't tell of a container, pause it or have it go on
├── NoSpace                 the engine's disk is full, or would be
├── ImageInUse              a container needs an image that should go
├── ArchiveNotLoaded        a file is no image archive, or a broken one
├── CredentialsFailed       the password for a registry can't be had
│   └── EcrCredentialsFailed   Amazon ECR gives none to this device's role
└── PullFailed              an image can't be fetched
    ├── ImageNotFound       no such repository, tag or digest
    ├── ImageAccessDenied   the registry gives it to nobody, or not to us
    │   └── RegistryLoginFailed   credentials are missing, wrong or expired
    ├── PlatformMismatch    the image is not for this machine
    ├── RegistryFailed      the registry answers, but can't serve now
    │   └── RateLimited
    ├── ContentMismatch     what arrived has not the promised digest
    └── RegistryUnreachable no connection to the registry
        ├── RegistryUntrusted     its certificate is not trusted
        ├── ConnectionLost        broke while it ran
        └── PullStalled           no progress, or not done in time

Codes are those of the public Greengrass documentation for the artifact download phase. Everything
below RegistryUnreachable is of the network class: a local image may stand in for a moving tag.
"""
# ruff: noqa: N818 - the names say what is the case; the base class says that they are errors

from __future__ import annotations

from greendock.base.errors import GreendockError, Retry


class DockerError(GreendockError):
    """Base of the errors that concern the engine or an image."""

    default_codes: tuple[str, ...] = ("ARTIFACT_DOWNLOAD_ERROR", "DOCKER_ERROR")
    default_hint: str | None = None
    default_retry = Retry.NEVER

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        retry: Retry | None = None,
        retry_after_s: float | None = None,
        step: str | None = None,
    ) -> None:
        super().__init__(
            message,
            hint=self.default_hint if hint is None else hint,
            retry=self.default_retry if retry is None else retry,
        )
        self.retry_after_s = retry_after_s
        """How long the registry asked to be left alone (Retry-After), if it did."""
        self.step = step
        """What a registry was asked for when it failed: token, manifest or blob."""


class ImageReferenceError(DockerError):
    """A text that is no image name. `position` counts from 0 in the text as it was given."""

    default_codes = ("ARTIFACT_URI_NOT_VALID", "DOCKER_ARTIFACT_URI_NOT_VALID")

    def __init__(
        self, message: str, *, part: str, reason: str, position: int, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.part = part
        self.reason = reason
        self.position = position


class EngineAddressError(DockerError):
    """DOCKER_HOST, a docker context or the configuration names no usable address."""


class EngineUnavailable(DockerError):
    """Nothing answers at the engine's address, or it went away in the middle of an answer."""

    default_codes = (*DockerError.default_codes, "DOCKER_SERVICE_UNAVAILABLE")
    default_hint = "start Docker, for example with `systemctl start docker`, or set docker.host"
    default_retry = Retry.WHEN_ENGINE_IS_BACK


class EngineNotPermitted(DockerError):
    """The operating system refused the connection to the engine's socket (EACCES, EPERM)."""

    default_codes = (*DockerError.default_codes, "USER_NOT_AUTHORIZED_FOR_DOCKER")
    default_hint = "run the core as root, or add its user to the group `docker` and start it anew"


class EngineTooOld(DockerError):
    """The engine's API is older than the oldest one that we can use."""

    default_hint = "install Docker Engine 1.9.1 (API 1.21) or later"


class ApiVersionRefused(DockerError):
    """The engine refused the API version, which is forced or has no overlap with ours."""

    default_hint = "remove DOCKER_API_VERSION, or set it to a version that the engine offers"


class ImageQueryFailed(DockerError):
    """The engine answered the question for an image with an error."""

    default_codes = (*DockerError.default_codes, "DOCKER_IMAGE_QUERY_ERROR")


class ContainerFailed(DockerError):
    """The engine answered a request for a container, or for all, with an error."""

    default_codes = ("DOCKER_ERROR",)


class NoSpace(DockerError):
    """The file system of the engine's data root is full."""

    default_codes = ("ARTIFACT_DOWNLOAD_ERROR", "DISK_SPACE_CRITICAL")
    default_hint = "free space under the engine's data root, for example with `docker image prune`"


class ImageInUse(DockerError):
    """A container, running or not, is made of the image."""

    default_hint = "remove the container first"


class ArchiveNotLoaded(DockerError):
    """The engine can't make an image of the file."""

    default_codes = (*DockerError.default_codes, "DOCKER_IMAGE_NOT_VALID")
    default_hint = "write the archive anew with `docker save`"


class CredentialsFailed(DockerError):
    """The user name and password for a registry can't be had."""

    default_codes = (*DockerError.default_codes, "DOCKER_LOGIN_ERROR")
    default_hint = "check greendock.docker.registries in the core's configuration"


class EcrCredentialsFailed(CredentialsFailed):
    """Amazon ECR gives this device no password."""

    default_codes = (*DockerError.default_codes, "GET_ECR_CREDENTIAL_ERROR")
    default_hint = "the device's role has to allow ecr:GetAuthorizationToken"


class PullFailed(DockerError):
    """An image can't be fetched, and no narrower class says why."""

    default_codes = (*DockerError.default_codes, "DOCKER_PULL_ERROR")


class ImageNotFound(PullFailed):
    """The registry has no such repository, tag or digest."""

    default_codes = (*DockerError.default_codes, "DOCKER_IMAGE_NOT_VALID")
    default_hint = "check the name, the tag and the digest of the image in the recipe"


class ImageAccessDenied(PullFailed):
    """The repository does not exist or is private; registries do not tell which."""

    default_codes = (*DockerError.default_codes, "DOCKER_IMAGE_NOT_VALID")
    default_hint = "check the image's name; if it is private, the core needs credentials for it"


class RegistryLoginFailed(ImageAccessDenied):
    """The registry wants credentials, or does not accept those that were sent."""

    default_codes = (*DockerError.default_codes, "DOCKER_LOGIN_ERROR")
    default_hint = "check the credentials for this registry"


class PlatformMismatch(PullFailed):
    """The image is not for this machine's operating system or processor."""

    default_codes = (*DockerError.default_codes, "DOCKER_IMAGE_NOT_VALID")
    default_hint = "use an image that is built for this platform"


class RegistryFailed(PullFailed):
    """The registry answers that it can't serve the request now (HTTP 5xx)."""

    default_codes = (*DockerError.default_codes, "DOCKER_SERVICE_UNAVAILABLE")
    default_retry = Retry.BACK_OFF


class RateLimited(RegistryFailed):
    """The registry counts too many requests (HTTP 429)."""

    default_codes = (*DockerError.default_codes, "DOCKER_PULL_ERROR")
    default_hint = "wait, or configure an account for this registry"


class ContentMismatch(PullFailed):
    """What arrived does not have the digest that the manifest promises."""

    default_retry = Retry.BACK_OFF


class RegistryUnreachable(PullFailed):
    """The engine has no connection to the registry: name service, route, proxy, time-out."""

    default_codes = (*DockerError.default_codes, "NETWORK_ERROR")
    default_hint = "check the network, the name service and the engine's proxy settings"
    default_retry = Retry.WHEN_ONLINE


class RegistryUntrusted(RegistryUnreachable):
    """The registry's certificate can't be verified."""

    default_codes = (*DockerError.default_codes, "TLS_HANDSHAKE_FAILURE")
    default_hint = "check this machine's clock, and the certificate authorities of the engine"
    default_retry = Retry.NEVER


class ConnectionLost(RegistryUnreachable):
    """A connection to the registry broke while the pull ran."""

    default_retry = Retry.BACK_OFF


class PullStalled(RegistryUnreachable):
    """No byte moved for the stall limit."""

    default_retry = Retry.BACK_OFF
    default_hint = "check the network; docker.pullStallSeconds and pullDeadlineSeconds are limits"
