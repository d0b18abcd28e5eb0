"""Asks the policies of a caller's configuration whether it may, and logs what would allow it.

The deciding is in authorization.py. Policies are looked up at every call, so the changes of a
deployment count at once; parsed policies and decisions are remembered as long as the lookup gives
the same value. What is remembered is bounded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from greendock.ipc import authorization
from greendock.ipc.errors import unauthorized
from greendock.ipc.shapes.operation import Access

_log = logging.getLogger("greendock.ipc")

MAX_PRINCIPALS = 1000
MAX_DECISIONS = 256
MAX_RESOURCE = 1024
"""Characters of a resource up to which its decision is remembered."""


class _Known:
    """The parsed policies of one principal and what they have decided so far."""

    __slots__ = ("decisions", "policies", "source")

    def __init__(self, source: Any, policies: list[authorization.Policy]) -> None:
        self.source = source
        self.policies = policies
        self.decisions: dict[tuple[str, str, str], bool] = {}


class Authorizer:
    """`access_policies` gives the accessControl of a component, as its configuration has it. It
    must not change a value that it gave; a change is another value."""

    def __init__(self, access_policies: Callable[[str], Any]) -> None:
        self._access_policies = access_policies
        self._known: dict[str, _Known] = {}

    def check(self, principal: str, access: Access, operation: str, resource: str) -> None:
        """Raises OperationError (UnauthorizedError) unless `principal` may."""
        if self.allows(principal, access, operation, resource):
            return
        asked = (access.service, operation, resource)
        text = authorization.denial(principal, *asked)
        remedy = authorization.remedy(principal, *asked)
        extra = {"principal": principal}
        _log.warning("%r; this would allow it: %s", text, remedy, extra=extra)
        raise unauthorized(text)

    def allows(self, principal: str, access: Access, operation: str, resource: str) -> bool:
        """Whether `principal` may. Logs faults of policies, once for each configuration."""
        if authorization.is_client(principal):
            return True
        known = self._known.get(principal)
        source = self._access_policies(principal)
        if known is None or known.source is not source:
            known = self._look_again(principal, source, known)
        asked = (access.service, operation, resource)
        decision = known.decisions.get(asked)
        if decision is None:
            decision = authorization.is_allowed(known.policies, *asked, is_topic=access.is_topic)
            if len(resource) <= MAX_RESOURCE:
                _make_room(known.decisions, MAX_DECISIONS)
                known.decisions[asked] = decision
        return decision

    def _look_again(self, principal: str, source: Any, known: _Known | None) -> _Known:
        """Another object, which may still say the same."""
        if known is not None and known.source == source:
            known.source = source
            return known
        policies, problems = authorization.parse_policies(source)
        for problem in problems:
            _log.warning("%s: %s", principal, problem)
        _make_room(self._known, MAX_PRINCIPALS)
        known = self._known[principal] = _Known(source, policies)
        return known


def _make_room(remembered: dict[Any, Any], limit: int) -> None:
    if len(remembered) >= limit:
        remembered.clear()
