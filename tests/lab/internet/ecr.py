"""Amazon ECR's authentication: the API that hands out passwords, and the check of a password.

Passwords have a real expiry. The API checks signatures when the lab gave out keys (the setting
`aws_keys`, and what `iot.py` gives); without any it takes every caller.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from email.utils import formatdate

from aiohttp import web

from . import answers
from .addresses import ECR_ACCOUNT, ECR_HOST
from .commit import commit
from .hub import basic_credentials
from .state import State

_JSON = "application/x-amz-json-1.1"
_ACTION = "ecr:GetAuthorizationToken"
_WORDS = {
    "AccessDeniedException": (
        f"User: arn:aws:sts::{ECR_ACCOUNT}:assumed-role/device/x is not authorized to perform: "
        f"{_ACTION} on resource: * because no identity-based policy allows the {_ACTION} action"
    ),
    "ThrottlingException": "Rate exceeded",
}


class Ecr:
    """Gives passwords and checks them."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def api(self, request: web.Request) -> web.StreamResponse:
        """`GetAuthorizationToken` in the JSON 1.1 protocol."""
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        scheme = request.headers.get("Authorization", "").partition(" ")[0]
        entry = self._state.record(
            "ecr-api", operation=operation, authorization=scheme, host=request.host
        )
        fault = await commit(request, self._state, "ecr", "token")
        if fault is not None:
            return fault
        settings = self._state.settings
        body = await request.read()
        refusal = self._unsigned(request, body)
        if refusal is not None:
            return refusal
        entry["accounts"] = json.loads(body).get("registryIds", []) if body else []
        if operation != "GetAuthorizationToken":
            error = {"__type": "UnknownOperationException"}
            return web.json_response(error, status=400, content_type=_JSON)
        if settings.ecr_error is not None:
            return _error(settings.ecr_error, _WORDS.get(settings.ecr_error, "refused"))
        password = secrets.token_hex(16)
        expires = time.time() + settings.ecr_token_lifetime_s
        self._state.ecr_passwords[password] = expires
        token = {
            "authorizationToken": base64.b64encode(f"AWS:{password}".encode()).decode(),
            "expiresAt": expires,
            "proxyEndpoint": f"https://{ECR_HOST}",
        }
        return web.json_response({"authorizationData": [token]}, content_type=_JSON)

    def _unsigned(self, request: web.Request, body: bytes) -> web.Response | None:
        settings = self._state.settings
        if not settings.aws_keys:
            return None
        from .signatures import fault_of

        now = time.time() + settings.aws_clock_ahead_s
        fault = fault_of(request, body, settings.aws_keys, now)
        if fault is None:
            return None
        answer = _error(*fault)
        answer.headers["Date"] = formatdate(now, usegmt=True)
        return answer

    def refusal(self, request: web.Request) -> web.Response | None:
        """What the registry answers instead, when the request's password doesn't allow it."""
        user, password = basic_credentials(request) or ("", "")
        expires = self._state.ecr_passwords.get(password)
        if user != "AWS" or expires is None:
            return answers.ecr_challenge()
        return answers.ecr_expired() if expires < time.time() else None


def _error(kind: str, words: str) -> web.Response:
    error = {"__type": kind, "message": words}
    return web.json_response(error, status=400, content_type=_JSON)
