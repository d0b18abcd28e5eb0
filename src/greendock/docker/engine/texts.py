"""What engines say in English, and which error it is: the last resort, in one table.

Pure. An engine's HTTP status tells little about a pull (an expired ECR token comes as 404, a
wrong password as 500), and an error in the middle of a pull has no status at all. Every text below
holds a space, which no image name can, so that a name is never taken for a message. The first
row that matches counts. Called by the engine client and nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass

from greendock.base.errors import Retry
from greendock.docker import errors as e


@dataclass(frozen=True, slots=True)
class EngineText:
    """`texts`, lower case: any of them means `error`. `seen`: where they come from.

    D = Docker with its own image store, C = Docker with containerd's image store, P = Podman;
    20.10 and P4.3 were produced by tests, the others stand in public reports.
    """

    texts: tuple[str, ...]
    error: type[e.DockerError]
    seen: str
    hint: str | None = None
    retry: Retry | None = None


ENGINE_TEXTS: tuple[EngineText, ...] = (
    EngineText(
        ("authorization token has expired",),
        e.RegistryLoginFailed,
        "D20.10 with ECR",
        hint="the registry token has expired; get a new one",
    ),
    EngineText(
        (
            "no basic auth credentials",
            "incorrect username or password",
            "unauthorized: authentication required",
            "401 unauthorized",
        ),
        e.RegistryLoginFailed,
        "D20.10, C28, P4.3",
    ),
    EngineText(("no space left on device", "disk quota exceeded"), e.NoSpace, "D20.10, C28, P4.3"),
    EngineText(
        ("toomanyrequests: ", "429 too many requests", "too many requests"),
        e.RateLimited,
        "D20.10, C28, P4.3",
    ),
    EngineText(
        (
            "no matching manifest for",
            "no match for platform in manifest",
            "does not match the specified platform",
            "cannot be used on this platform",
            "no image found in image index for architecture",
        ),
        e.PlatformMismatch,
        "D20.10, C28, P4.3",
    ),
    EngineText(
        (
            "manifest unknown",
            "name unknown",
            "not found: does not exist or no pull access",
            "name invalid:",
            "no such image: ",
            " not found in repository ",
        ),
        e.ImageNotFound,
        "D1.9, D17, D20.10, C28, P4.3",
    ),
    EngineText(("invalid reference format",), e.ImageNotFound, "D20.10, C28, P4.3"),
    EngineText(
        (
            "pull access denied",
            "requested access to the resource is denied",
            "insufficient_scope: authorization failed",
            "403 forbidden",
            "unauthorized: ",
            "denied: ",
        ),
        e.ImageAccessDenied,
        "D20.10, C28, P4.3",
    ),
    EngineText(
        ("filesystem layer verification failed", "unexpected commit digest", "digest mismatch "),
        e.ContentMismatch,
        "D20.10, C28",
    ),
    EngineText(("unknown blob", "blob unknown to registry"), e.PullFailed, "D20.10, P4.3"),
    EngineText(
        ("x509: ", "tls: failed to verify certificate", "server gave http response to https"),
        e.RegistryUntrusted,
        "D20.10, C28, P4.3",
    ),
    EngineText(
        ("proxy authentication required",),
        e.RegistryUnreachable,
        "D20.10",
        hint="the engine's proxy wants a login: set it in the proxy settings of the engine",
        retry=Retry.NEVER,
    ),
    EngineText(
        (
            "received unexpected http status: 5",
            "500 internal server error",
            "502 bad gateway",
            "503 service unavailable",
            "504 gateway timeout",
        ),
        e.RegistryFailed,
        "D20.10, C28",
    ),
    EngineText(
        (
            "connection reset by peer",
            "unexpected eof",
            ": eof",
            "broken pipe",
            "http2: server sent goaway",
            "use of closed network connection",
            "stream error: ",
        ),
        e.ConnectionLost,
        "D20.10, C28, P4.3",
    ),
    EngineText(
        (
            "no such host",
            "name resolution",
            "server misbehaving",
            "proxyconnect tcp",
            "dial tcp",
            "connection refused",
            "network is unreachable",
            "no route to host",
            "i/o timeout",
            "handshake timeout",
            "connection timed out",
            "context deadline exceeded",
            "net/http: request canceled",
            ": bad gateway",
            ": service unavailable",
            ": gateway timeout",
        ),
        e.RegistryUnreachable,
        "D20.10, C28, P4.3",
    ),
    EngineText(
        ("context canceled", "operation was canceled", "the client connection is closing"),
        e.EngineUnavailable,
        "D20.10 when it is stopped in the middle of a pull, C28",
    ),
    EngineText(
        ("client version ", "minimum supported api version"), e.ApiVersionRefused, "D20.10, D28"
    ),
)


def error_for(prefix: str, text: str, status: int | None = None) -> e.DockerError:
    """The error for what an engine said.

    `prefix`: "cannot <verb> <thing>". `status`: the HTTP status of the answer, None for an error
    inside a stream; it decides only where no text is known.
    """
    text = " ".join(text.split())  # Podman's texts have several lines
    message = f"{prefix}: {text}"
    lower = text.lower()
    for row in ENGINE_TEXTS:
        if any(known in lower for known in row.texts):
            return row.error(message, hint=row.hint, retry=row.retry)
    if status == 404:
        return e.ImageNotFound(message)
    if status in (401, 403):
        return e.ImageAccessDenied(message)
    return e.PullFailed(message)
