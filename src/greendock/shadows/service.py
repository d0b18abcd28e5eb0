"""The operations on shadows, and the news of each on the shadow's topics.

The rules are in document.py, the checks of what is sent in patch.py. Called by the IPC operations;
whether the caller may is asked through `allow`, which raises. A change that has begun is carried
out and told, also when its caller goes away; the thread of the store keeps changes in order.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from greendock.base.clock import Clock
from greendock.base.errors import DeviceError, GreendockError
from greendock.shadows import messages
from greendock.shadows.document import ShadowDocument, Situation, updated
from greendock.shadows.errors import NoSuchShadow, ShadowError, ShadowRefused, TooManyRequests
from greendock.shadows.json_text import json_bytes
from greendock.shadows.names import ShadowName, shadow_name, thing_name
from greendock.shadows.paging import last_name, page_token
from greendock.shadows.patch import Patch, client_token, read_members, read_patch
from greendock.shadows.ports import Publisher, ShadowLimits
from greendock.shadows.rates import Rates
from greendock.shadows.store import ShadowStore
from greendock.shadows.store_thread import StoreThread

PUBLISHER = "aws.greengrass.ShadowManager"
_MOST_NAMES = 100

_log = logging.getLogger("greendock.shadows")

Allow = Callable[[str], None]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Names:
    """One page of a list. `next_token` None: there is nothing more."""

    names: tuple[str, ...]
    at_s: int
    next_token: str | None


@dataclass(slots=True)
class _Request:
    """What of a request its rejection repeats, once it is known."""

    token: str | None = None


class ShadowService:
    """`limits` are asked at each call. Without a `publisher` nothing is told on topics."""

    def __init__(
        self,
        store: StoreThread,
        clock: Clock,
        limits: Callable[[], ShadowLimits],
        publisher: Publisher | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._publisher = publisher
        self._rates = Rates()
        self._refusals = Rates()
        self._page_key = secrets.token_bytes(32)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def get(self, thing: str, shadow: str | None, allow: Allow) -> bytes:
        """The document as JSON. Raises ShadowError."""
        name = shadow_name(thing, shadow)
        with self._rejections(name, "get"):
            self._admit(name, "get", allow)
            document = await self._store.run(lambda store: _existing(store, name))
            answer = json_bytes(messages.current(document, self._now_s))
        self._tell(name, "get/accepted", answer)
        return answer

    async def update(self, thing: str, shadow: str | None, payload: bytes, allow: Allow) -> bytes:
        """Merge the document in `payload`; the answer as JSON. Raises ShadowError."""
        name = shadow_name(thing, shadow)
        return await self._finished(self._update(name, payload, allow))

    async def delete(self, thing: str, shadow: str | None, allow: Allow) -> None:
        """Raises ShadowError."""
        await self._finished(self._delete(shadow_name(thing, shadow), allow))

    async def names(
        self, caller: str, thing: str, page_size: int, token: str | None, allow: Allow
    ) -> Names:
        """A page of the thing's named shadows. Raises ShadowError."""
        thing_name(thing)
        if not 1 <= page_size <= _MOST_NAMES:
            raise ShadowRefused(f"cannot use pageSize: it has to be from 1 to {_MOST_NAMES}")
        after = last_name(self._page_key, caller, thing, token) if token else ""
        allow(thing)
        self._take(thing, self._rates)
        found = await self._store.run(lambda store: store.names(thing, after, page_size))
        is_full = len(found) == page_size
        following = page_token(self._page_key, caller, thing, found[-1]) if is_full else None
        return Names(tuple(found), self._now_s, following)

    async def close(self) -> None:
        """After the changes that have begun."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._store.close()

    async def _update(self, name: ShadowName, payload: bytes, allow: Allow) -> bytes:
        with self._rejections(name, "update") as request:
            if not payload:
                self._take(name.thing, self._refusals)
                raise ShadowRefused("cannot update the shadow: the payload is empty")
            self._admit(name, "update", allow)
            members = read_members(payload)
            request.token = client_token(members)
            patch = read_patch(members)
            now_s, most_bytes = self._now_s, self._limits().state_bytes
            before, after = await self._store.run(
                lambda store: _change(store, name, patch, (now_s, most_bytes))
            )
        return self._tell_update(name, patch, before, after)

    async def _delete(self, name: ShadowName, allow: Allow) -> None:
        with self._rejections(name, "delete"):
            self._admit(name, "delete", allow)
            now_s = self._now_s
            version = await self._store.run(lambda store: _remove(store, name, now_s))
        self._tell(name, "delete/accepted", json_bytes(messages.deleted(version, now_s)))

    async def _finished(self, change: Coroutine[Any, Any, _T]) -> _T:
        """Its result; whoever waits may go, the change goes on."""
        task = asyncio.create_task(change, name="shadow")
        self._tasks.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # nobody may be left to hear of it

    @property
    def _now_s(self) -> int:
        return int(self._clock.now())

    def _admit(self, name: ShadowName, operation: str, allow: Allow) -> None:
        try:
            allow(name.resource)
        except GreendockError:
            # Who may nothing takes nothing from those who may, and doesn't flood who listens.
            with suppress(TooManyRequests):
                self._take(name.thing, self._refusals)
                self._reject(name, operation, 401, "Unauthorized", None)
            raise
        self._take(name.thing, self._rates)

    def _take(self, thing: str, rates: Rates) -> None:
        limits = self._limits()
        rates.take(
            thing, self._clock.monotonic(), limits.requests_per_thing, limits.requests_in_total
        )

    @contextmanager
    def _rejections(self, name: ShadowName, operation: str) -> Iterator[_Request]:
        """Tell why the request is refused."""
        request = _Request()
        try:
            yield request
        except TooManyRequests:
            raise
        except ShadowError as error:
            self._reject(name, operation, error.code, error.message, request.token)
            raise
        except DeviceError:
            self._reject(name, operation, 500, "Internal service failure", request.token)
            raise

    def _reject(
        self, name: ShadowName, operation: str, code: int, text: str, token: str | None
    ) -> None:
        told = messages.rejected(code, text, token, self._now_s)
        self._tell(name, f"{operation}/rejected", json_bytes(told))

    def _tell_update(
        self,
        name: ShadowName,
        patch: Patch,
        before: ShadowDocument | None,
        after: ShadowDocument,
    ) -> bytes:
        """The news of an update; the answer to it."""
        now_s = self._now_s
        delta = messages.delta(patch, after, now_s)
        if delta is not None:
            self._tell(name, "update/delta", json_bytes(delta))
        self._tell(
            name, "update/documents", json_bytes(messages.documents(patch, before, after, now_s))
        )
        answer = json_bytes(messages.accepted(patch, after, now_s))
        self._tell(name, "update/accepted", answer)
        return answer

    def _tell(self, name: ShadowName, what: str, text: bytes) -> None:
        if self._publisher is None:
            return
        message: dict[str, Any] = {"binaryMessage": {"message": base64.b64encode(text).decode()}}
        try:
            self._publisher.publish(PUBLISHER, f"{name.resource}/{what}", message)
        except Exception:
            # The shadow itself is as it should be, and its caller is answered so.
            _log.exception("%s: %s was not told", name.title, what)


def _existing(store: ShadowStore, name: ShadowName) -> ShadowDocument:
    document = store.get(name)
    if document is None:
        raise NoSuchShadow(f"cannot find {name.title}: there is none")
    return document


def _change(
    store: ShadowStore, name: ShadowName, patch: Patch, limits: tuple[int, int]
) -> tuple[ShadowDocument | None, ShadowDocument]:
    """The document before and after. `limits`: the time, and the bytes that a state may have."""
    now_s, most_bytes = limits
    before = store.get(name)
    last = store.last_version(name, now_s) if before is None else 0
    after = updated(patch, Situation(before, last, now_s, most_bytes))
    store.put(name, after, now_s)
    return before, after


def _remove(store: ShadowStore, name: ShadowName, now_s: int) -> int:
    """The version that was deleted."""
    version = _existing(store, name).version
    store.delete(name, now_s)
    return version
