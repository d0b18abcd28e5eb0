"""From a request on a stream to the handler that answers it: table, checks, authorization.

Runs no handler itself (stream.py does) and knows no wire. A refused call is logged with the policy
that would allow it.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from greendock.ipc import authorization
from greendock.ipc.calls import Call, Handler
from greendock.ipc.errors import service_error, unauthorized
from greendock.ipc.kinds import parse
from greendock.ipc.shapes import OPERATIONS, Operation

_log = logging.getLogger("greendock.ipc")


@dataclass(frozen=True, slots=True)
class Route:
    """A request that may be carried out. `waits`: the handler needs a task of its own."""

    operation: Operation
    handler: Handler
    call: Call
    waits: bool


class Router:
    """`access_policies` gives the accessControl of a component, as its configuration has it."""

    def __init__(
        self, handlers: Mapping[str, Handler], access_policies: Callable[[str], Any]
    ) -> None:
        self._handlers = handlers
        self._access_policies = access_policies
        self._waiting = {
            name for name, handler in handlers.items() if inspect.iscoroutinefunction(handler)
        }

    def route(self, principal: str, name: str, payload: bytes) -> Route:
        """Raises OperationError when the operation, its arguments or the caller won't do."""
        operation = OPERATIONS.get(name)
        if operation is None:
            raise service_error(f"Operation {name[:200]} is not supported by this core")
        members = parse(payload, operation.request)
        if not authorization.is_client(principal):
            self._authorize(principal, operation, members)
        handler = self._handlers[name]
        return Route(operation, handler, Call(principal, members), name in self._waiting)

    def _authorize(self, principal: str, operation: Operation, members: dict[str, Any]) -> None:
        access = operation.access
        resource = "*" if access.resource is None else str(members.get(access.resource, ""))
        policies, problems = authorization.parse_policies(self._access_policies(principal))
        for problem in problems:
            _log.warning("%s: %s", principal, problem)
        asked = (access.service, operation.name, resource)
        if authorization.is_allowed(policies, *asked):
            return
        text = authorization.denial(principal, *asked)
        _log.warning("%r; this would allow it: %s", text, authorization.remedy(principal, *asked))
        raise unauthorized(text)
