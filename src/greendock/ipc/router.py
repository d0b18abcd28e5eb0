"""From a request on a stream to the handler that answers it: table, checks, authorization.

Runs no handler itself (stream.py does) and knows no wire.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from greendock.ipc.authorizer import Authorizer
from greendock.ipc.calls import Call, Handler, QuickHandler, not_asked
from greendock.ipc.errors import service_error
from greendock.ipc.kinds import parse
from greendock.ipc.shapes.operation import Operation
from greendock.ipc.shapes.table import OPERATIONS


@dataclass(frozen=True, slots=True)
class Route:
    """A request that may be carried out. `waits`: the handler needs a task of its own."""

    operation: Operation
    handler: Handler
    call: Call
    waits: bool


class Router:
    """Operations without a handler are those that this core does not have."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        authorizer: Authorizer,
        quick: Mapping[str, QuickHandler] | None = None,
    ) -> None:
        self._handlers = handlers
        self._authorizer = authorizer
        self._quick = quick or {}
        self._waiting = {
            name for name, handler in handlers.items() if inspect.iscoroutinefunction(handler)
        }

    def answer_quickly(self, principal: str, name: str, payload: bytes) -> bytes | None:
        """Carry out a request of the most common form and give its answer; None: `route` it."""
        quick = self._quick.get(name)
        if quick is None:
            return None
        request, access = quick.read(payload), OPERATIONS[name].access
        if request is None or access is None:
            return None
        if not self._authorizer.allows(principal, access, name, request.resource):
            return None
        return quick.carry_out(principal, request)

    def route(self, principal: str, name: str, payload: bytes) -> Route:
        """Raises OperationError when the operation, its arguments or the caller won't do."""
        operation, handler = OPERATIONS.get(name), self._handlers.get(name)
        if operation is None or handler is None:
            raise service_error(f"Operation {name[:200]} is not supported by this core")
        members = parse(payload, operation.request)
        call = Call(principal, members, self._allow(principal, operation, members))
        return Route(operation, handler, call, name in self._waiting)

    def _allow(
        self, principal: str, operation: Operation, members: dict[str, Any]
    ) -> Callable[[str], None]:
        """Authorizes the call, or gives its handler the means to."""
        access = operation.access
        if access is None:
            return not_asked
        if access.by_handler:
            return lambda asked: self._authorizer.check(principal, access, operation.name, asked)
        resource = "*" if access.resource is None else str(members.get(access.resource, ""))
        self._authorizer.check(principal, access, operation.name, resource)
        return not_asked
