"""The error answers of registries, with the texts that the real services use."""

from __future__ import annotations

from aiohttp import web

from .addresses import ECR_HOST, HUB_AUTH_HOST

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
