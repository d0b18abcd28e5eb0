"""Docker Hub's authentication: the token server, and the check of a token at the registry.

A token names the repositories that it may pull from. A repository that doesn't exist and one
that the caller may not see get the same answer, as on Docker Hub.
"""

from __future__ import annotations

import base64
import re
import secrets
from pathlib import Path

from aiohttp import web

from . import answers
from .commit import commit
from .state import State

_REPOSITORY = re.compile(r"/v2/(?P<name>.+)/(?:manifests|blobs|tags)/")


def basic_credentials(request: web.Request) -> tuple[str, str] | None:
    """User and password of a Basic `Authorization` header, if there is one."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    user, _, password = base64.b64decode(value).decode().partition(":")
    return user, password


class Hub:
    """Gives tokens and checks them."""

    def __init__(self, state: State, repositories: Path) -> None:
        self._state = state
        self._repositories = repositories

    async def token(self, request: web.Request) -> web.StreamResponse:
        """`GET /token?service=…&scope=repository:NAME:pull`, with or without a login."""
        credentials = basic_credentials(request)
        entry = self._state.record("hub-token", path=request.path_qs, login=bool(credentials))
        fault = await commit(request, self._state, "hub", "token")
        if fault is not None:
            entry["status"] = fault.status
            return fault
        settings = self._state.settings
        if credentials is not None and settings.hub_users.get(credentials[0]) != credentials[1]:
            entry["status"] = 401
            return answers.oci_error(401, "UNAUTHORIZED", "incorrect username or password")
        wanted = (scope.split(":") for scope in request.query.getall("scope", []))
        granted = frozenset(
            name
            for kind, name, actions in wanted
            if kind == "repository" and "pull" in actions.split(",")
            if (self._repositories / name).is_dir()
            if credentials is not None or name not in settings.hub_private
        )
        token = secrets.token_urlsafe(24)
        self._state.hub_tokens[token] = granted
        entry["status"] = 200
        return web.json_response({"token": token, "access_token": token, "expires_in": 300})

    def refusal(self, request: web.Request) -> web.Response | None:
        """What the registry answers instead, when the request's token doesn't allow it."""
        found = _REPOSITORY.match(request.path)
        repository = found["name"] if found else None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        granted = self._state.hub_tokens.get(token) if scheme.lower() == "bearer" else None
        if granted is None:
            return answers.hub_challenge(repository, insufficient=False)
        if repository is not None and repository not in granted:
            return answers.hub_challenge(repository, insufficient=True)
        return None
