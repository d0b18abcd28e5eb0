"""Amazon ECR's authentication: the API that hands out passwords, and the check of a password.

Passwords have a real expiry. The API checks no signature: who may call it is not its subject.
"""

from __future__ import annotations

import base64
import secrets
import time

from aiohttp import web

from . import answers
from .addresses import ECR_HOST
from .hub import basic_credentials
from .state import State

_JSON = "application/x-amz-json-1.1"


class Ecr:
    """Gives passwords and checks them."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def api(self, request: web.Request) -> web.Response:
        """`GetAuthorizationToken` in the JSON 1.1 protocol."""
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        scheme = request.headers.get("Authorization", "").partition(" ")[0]
        self._state.record("ecr-api", operation=operation, authorization=scheme)
        settings = self._state.settings
        if operation != "GetAuthorizationToken":
            error = {"__type": "UnknownOperationException"}
            return web.json_response(error, status=400, content_type=_JSON)
        if settings.ecr_error is not None:
            error = {"__type": settings.ecr_error, "message": "refused by the lab"}
            return web.json_response(error, status=400, content_type=_JSON)
        password = secrets.token_hex(16)
        expires = time.time() + settings.ecr_token_lifetime_s
        self._state.ecr_passwords[password] = expires
        token = {
            "authorizationToken": base64.b64encode(f"AWS:{password}".encode()).decode(),
            "expiresAt": expires,
            "proxyEndpoint": f"https://{ECR_HOST}",
        }
        return web.json_response({"authorizationData": [token]}, content_type=_JSON)

    def refusal(self, request: web.Request) -> web.Response | None:
        """What the registry answers instead, when the request's password doesn't allow it."""
        user, password = basic_credentials(request) or ("", "")
        expires = self._state.ecr_passwords.get(password)
        if user != "AWS" or expires is None:
            return answers.ecr_challenge()
        return answers.ecr_expired() if expires < time.time() else None
