"""What can go wrong with Amazon's services, as types.

AwsError
├── CredentialsUnavailable   this device can't get its AWS credentials
│   └── NoCredentials        it has none: nobody set any up
├── AccessDenied             the credentials do not allow it; names the action that is needed
│   └── CredentialsRefused   AWS knows no such key, or the secret is another one
├── CredentialsExpired       the credentials are too old
├── NotFound                 no such bucket, object or registry
├── BadRequest               the service does not understand what was asked
│   └── PastEnd              the object is shorter than the wanted range
├── ClockWrong               this machine's clock is too far off for signatures
├── ObjectChanged            the object is another one than before
└── ServiceFailed            the service can't serve now

Codes are those of the public Greengrass documentation for what was wanted, an image or a file. Of
a service's answer only its error code and message are repeated: the rest can hold signatures.
"""
# ruff: noqa: N818 - the names say what is the case; the base class says that they are errors

from __future__ import annotations

from greendock.base.errors import GreendockError, Retry

ECR_CODES = ("ARTIFACT_DOWNLOAD_ERROR", "DOCKER_ERROR", "GET_ECR_CREDENTIAL_ERROR")
NETWORK_CODES = ("ARTIFACT_DOWNLOAD_ERROR", "NETWORK_ERROR")


class AwsError(GreendockError):
    """Base of the errors of Amazon's services. `retry_after_s`: what the service asked for.

    `http_status`: what the provider of credentials answered, where it did.
    """

    http_status: int | None = None
    default_hint: str | None = None
    default_retry = Retry.NEVER

    def __init__(
        self,
        message: str,
        *,
        codes: tuple[str, ...] | None = None,
        hint: str | None = None,
        retry: Retry | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(
            message,
            codes=codes,
            hint=self.default_hint if hint is None else hint,
            retry=self.default_retry if retry is None else retry,
        )
        self.retry_after_s = retry_after_s


class CredentialsUnavailable(AwsError):
    """The source of this device's credentials gives none."""

    default_codes = ("ARTIFACT_DOWNLOAD_ERROR",)
    default_hint = "configure a role alias (iotRoleAlias), or greendock.credentials.source"


class NoCredentials(CredentialsUnavailable):
    """Nobody set up any credentials on this device. Public objects can be had all the same."""


class AccessDenied(AwsError):
    """The action is not allowed."""


class CredentialsRefused(AccessDenied):
    """The service doesn't know the key, or its secret is another one. Newer ones may do."""

    default_hint = "AWS does not accept this device's credentials: check their source"


class CredentialsExpired(AwsError):
    """The credentials were valid once."""

    default_retry = Retry.BACK_OFF


class NotFound(AwsError):
    """What was asked for does not exist."""


class BadRequest(AwsError):
    """The service refused the request itself."""


class PastEnd(BadRequest):
    """`size_bytes`: of the object, where the answer tells it."""

    def __init__(
        self, message: str, *, size_bytes: int | None, codes: tuple[str, ...] | None = None
    ) -> None:
        super().__init__(message, codes=codes)
        self.size_bytes = size_bytes


class ClockWrong(AwsError):
    """The signature's time is too far from the service's."""

    default_hint = "set this machine's clock"
    default_retry = Retry.BACK_OFF


class ObjectChanged(AwsError):
    """The object was replaced while it was being read."""

    object_changed = True

    default_retry = Retry.BACK_OFF


class ServiceFailed(AwsError):
    """The service answers that it can't serve the request now."""

    default_retry = Retry.BACK_OFF
