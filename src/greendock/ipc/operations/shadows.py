"""Operations on the shadows of things.

The handlers turn members into calls and errors into the model's; rules, policies and topics are
behind the `Shadows` port.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from greendock.ipc.calls import Call, Handler, Members
from greendock.ipc.errors import OperationError, invalid_arguments, not_found, service_error
from greendock.ipc.rpc import NAMESPACE
from greendock.shadows.errors import (
    NoSuchShadow,
    ShadowError,
    ShadowRefused,
    VersionConflict,
)
from greendock.shadows.service import Names

_PAGE_SIZE = 25

Allow = Callable[[str], None]


class Shadows(Protocol):
    """What the handlers need of the shadows. `allow` raises unless the caller may; every method
    raises ShadowError."""

    async def get(self, thing: str, shadow: str | None, allow: Allow) -> bytes: ...

    async def update(
        self, thing: str, shadow: str | None, payload: bytes, allow: Allow
    ) -> bytes: ...

    async def delete(self, thing: str, shadow: str | None, allow: Allow) -> None: ...

    async def names(
        self, caller: str, thing: str, page_size: int, token: str | None, allow: Allow
    ) -> Names: ...


class ShadowOperations:
    """Handlers over the `Shadows` port; a core may lack it."""

    def __init__(self, shadows: Shadows | None) -> None:
        self._port = shadows

    def handlers(self) -> dict[str, Handler]:
        return {
            f"{NAMESPACE}GetThingShadow": self.get,
            f"{NAMESPACE}UpdateThingShadow": self.update,
            f"{NAMESPACE}DeleteThingShadow": self.delete,
            f"{NAMESPACE}ListNamedShadowsForThing": self.list,
        }

    async def get(self, call: Call) -> Members:
        with _modelled(call):
            return _payload(await self._shadows.get(*_name(call), call.allow))

    async def update(self, call: Call) -> Members:
        payload = base64.b64decode(call.members["payload"])
        with _modelled(call):
            return _payload(await self._shadows.update(*_name(call), payload, call.allow))

    async def delete(self, call: Call) -> Members:
        with _modelled(call):
            await self._shadows.delete(*_name(call), call.allow)
        return _payload(b"")

    async def list(self, call: Call) -> Members:
        members = call.members
        with _modelled(call):
            page = await self._shadows.names(
                call.principal,
                members["thingName"],
                members.get("pageSize", _PAGE_SIZE),
                members.get("nextToken"),
                call.allow,
            )
        answer: dict[str, Any] = {"results": list(page.names), "timestamp": page.at_s}
        if page.next_token is not None:
            answer["nextToken"] = page.next_token
        return answer

    @property
    def _shadows(self) -> Shadows:
        if self._port is None:
            raise service_error("shadows are not available on this core")
        return self._port


def _name(call: Call) -> tuple[str, str | None]:
    return call.members["thingName"], call.members.get("shadowName")


def _payload(text: bytes) -> Members:
    return {"payload": base64.b64encode(text).decode()}


@contextmanager
def _modelled(call: Call) -> Iterator[None]:
    try:
        yield
    except ShadowRefused as error:
        raise invalid_arguments(error.explain()) from error
    except VersionConflict as error:
        raise OperationError("ConflictError", error.explain()) from error
    except NoSuchShadow as error:
        name = call.members.get("shadowName") or call.members["thingName"]
        raise not_found("shadow", name, error.explain()) from error
    except ShadowError as error:
        raise service_error(error.explain()) from error
