"""The error answers of registries, with the texts that the real services use."""

from __future__ import annotations

from aiohttp import web

from .addresses import ECR_ACCOUNT, ECR_HOST, HUB_AUTH_HOST, PRIVATE_HOST

HUB_SERVICE = "registry.docker.io"


def oci_error(status: int, code: str, message: str) -> web.Response:
    """An error as the distribution protocol defines it."""
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status)


def injected(mode: str) -> web.Response:
    """The answer for a fault that strikes before the first byte."""
    match mode:
        case "too_many_requests":
            text = (
                "You have reached your unauthenticated pull rate limit. "
                "https://www.docker.com/increase-rate-limit"
            )
            return oci_error(429, "TOOMANYREQUESTS", text)
        case "unavailable":
            return oci_error(503, "UNAVAILABLE", "service unavailable")
        case "blob_unavailable":
            return web.Response(status=503)
        case "blob_missing":
            return oci_error(404, "BLOB_UNKNOWN", "blob unknown to registry")
    raise ValueError(mode)


_STATUSES = {
    "forbidden": (403, "DENIED", "requested access to the resource is denied"),
    "repository_unknown": (404, "NAME_UNKNOWN", "repository name not known to registry"),
    "too_many_requests": (429, "TOOMANYREQUESTS", "too many requests"),
    "server_error": (500, "UNKNOWN", "unknown error"),
    "bad_gateway": (502, "UNKNOWN", "bad gateway"),
    "unavailable": (503, "UNAVAILABLE", "service unavailable"),
}
_UNKNOWN = {
    "manifest": ("MANIFEST_UNKNOWN", "manifest unknown"),
    "token": ("NOT_FOUND", "not found"),
}
_ECR_ACTIONS = {"manifest": "BatchGetImage", "token": "GetAuthorizationToken"}


def refused(registry: str, step: str, mode: str, retry_after: str | None) -> web.Response:
    """The answer for a status that a fault of a step stands for."""
    if mode == "unauthorized":
        return _unauthorized(registry, step)
    if mode == "not_found":
        return oci_error(404, *_UNKNOWN.get(step, ("BLOB_UNKNOWN", "blob unknown to registry")))
    status, code, message = _STATUSES[mode]
    if registry == "ecr" and mode == "forbidden":
        action = _ECR_ACTIONS.get(step, "GetDownloadUrlForLayer")
        message = (
            f"User: arn:aws:sts::{ECR_ACCOUNT}:assumed-role/device/x is not authorized to "
            f"perform: ecr:{action} on resource: arn:aws:ecr:::repository/repository because no "
            f"identity-based policy allows the ecr:{action} action"
        )
    answer = oci_error(status, code, message)
    if retry_after is not None and status >= 429:
        answer.headers["Retry-After"] = retry_after
    return answer


def _unauthorized(registry: str, step: str) -> web.Response:
    if step == "token":
        return oci_error(401, "UNAUTHORIZED", "incorrect username or password")
    if registry == "hub":
        return hub_challenge(None, insufficient=False)
    return ecr_challenge() if registry == "ecr" else private_challenge(bearer=False)


def private_challenge(*, bearer: bool) -> web.Response:
    """The 401 of a registry with a password file, or with a token server of its own."""
    answer = oci_error(401, "UNAUTHORIZED", "authentication required")
    realm = f'Bearer realm="https://{PRIVATE_HOST}/token",service="{PRIVATE_HOST}"'
    answer.headers["Www-Authenticate"] = realm if bearer else 'Basic realm="Registry, private"'
    return answer


def hub_challenge(repository: str | None, *, insufficient: bool) -> web.Response:
    """Docker Hub's 401: where to get a token, and for what."""
    challenge = f'Bearer realm="https://{HUB_AUTH_HOST}/token",service="{HUB_SERVICE}"'
    if repository is not None:
        challenge += f',scope="repository:{repository}:pull"'
    if insufficient:
        challenge += ',error="insufficient_scope"'
    answer = oci_error(401, "UNAUTHORIZED", "authentication required")
    answer.headers["Www-Authenticate"] = challenge
    return answer


def ecr_challenge() -> web.Response:
    """Amazon ECR's 401."""
    challenge = f'Basic realm="https://{ECR_HOST}/",service="ecr.amazonaws.com"'
    return web.Response(
        status=401,
        text="Not Authorized\n",
        headers={
            "Www-Authenticate": challenge,
            "Docker-Distribution-Api-Version": "registry/2.0",
        },
    )


def ecr_expired() -> web.Response:
    """Amazon ECR's answer to a password that was valid once."""
    text = "Your authorization token has expired. Reauthenticate and try again."
    return oci_error(403, "DENIED", text)
