"""The private registry's authentication: none, a password file, or a token server of its own."""

from __future__ import annotations

import secrets

from aiohttp import web

from . import answers
from .commit import commit
from .hub import basic_credentials
from .state import State


class Private:
    """Gives tokens and checks logins."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def token(self, request: web.Request) -> web.StreamResponse:
        """`GET /token`, with a login."""
        entry = self._state.record("private-token", path=request.path_qs)
        answer = await commit(request, self._state, "private", "token")
        if answer is None and not self._is_known(request):
            answer = answers.oci_error(401, "UNAUTHORIZED", "incorrect username or password")
        if answer is None:
            token = secrets.token_urlsafe(24)
            self._state.private_tokens.add(token)
            answer = web.json_response({"access_token": token, "expires_in": 300})
        entry["status"] = answer.status
        return answer

    def refusal(self, request: web.Request) -> web.Response | None:
        """What the registry answers instead, when the request's login doesn't allow it."""
        settings = self._state.settings
        if not settings.private_users:
            return None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if settings.private_bearer:
            known = scheme.lower() == "bearer" and token in self._state.private_tokens
        else:
            known = self._is_known(request)
        return None if known else answers.private_challenge(bearer=settings.private_bearer)

    def _is_known(self, request: web.Request) -> bool:
        login = basic_credentials(request)
        users = self._state.settings.private_users
        return login is not None and users.get(login[0]) == login[1]
