"""The TLS front of one registry: checks the caller, commits the faults asked for, else forwards.

It stands before a docker-registry on a unix socket and streams what that says unchanged. Faults
inside a layer leave the small configuration blob alone: only big blobs count as layers.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable

from aiohttp import ClientResponse, ClientSession, web
from multidict import CIMultiDict

from . import answers
from .commit import commit
from .state import BLOB_FAULTS, LAYER_FAULTS, MANIFEST_FAULTS, Fault, State

LAYER_BYTES = 100_000
_CHUNK_BYTES = 16384
_BLOB = re.compile(r"/blobs/(sha256:[0-9a-f]{64})$")
_HOP_BY_HOP = ("Transfer-Encoding", "Connection")

Refusal = Callable[[web.Request], web.Response | None]


def allow(_request: web.Request) -> None:
    """The refusal of a registry without authentication: none."""


class Front:
    """Handles every request to one registry."""

    def __init__(self, name: str, state: State, upstream: ClientSession, refusal: Refusal) -> None:
        self._name = name
        self._state = state
        self._upstream = upstream
        self._refusal = refusal
        self._configs: set[str] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        entry = self._state.record(
            self._name,
            method=request.method,
            path=request.path_qs,
            authorization=request.headers.get("Authorization", "").partition(" ")[0],
        )
        try:
            answer = await self._answer(request)
            entry["status"] = answer.status
            return answer
        finally:
            entry["ended_s"] = time.monotonic()
            entry["bytes"] = request.get("sent", 0)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        answer = await commit(request, self._state, self._name, self._step(request))
        if answer is not None:
            return answer
        fault = self._state.faults[self._name]
        blob = request.method == "GET" and "/blobs/sha256:" in request.path
        if "/manifests/" in request.path and (mode := fault.takes(MANIFEST_FAULTS)):
            return answers.injected(mode)
        if blob and (mode := fault.takes(BLOB_FAULTS)):
            return answers.injected(mode)
        return await self._forward(request, fault if blob else Fault())

    def _step(self, request: web.Request) -> str | None:
        """What a client fetches with this request, if it fetches."""
        if request.method not in ("GET", "HEAD"):
            return None
        if "/manifests/" in request.path:
            return "manifest"
        found = _BLOB.search(request.path)
        if found is None:
            return None
        return "config" if found[1] in self._configs else "layer"

    async def _forward(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        # Docker repeats its Accept header: the copy has to be a multidict.
        headers = CIMultiDict(request.headers)
        headers.popall("Transfer-Encoding", None)
        headers.popall("Authorization", None)
        async with self._upstream.request(
            request.method,
            f"http://registry{request.path_qs}",
            headers=headers,
            data=await request.read() if request.body_exists else None,
            allow_redirects=False,
        ) as response:
            answer = web.StreamResponse(status=response.status, headers=response.headers.copy())
            for name in _HOP_BY_HOP:
                answer.headers.popall(name, None)
            await answer.prepare(request)
            if self._step(request) == "manifest" and response.status == 200:
                body = await response.read()
                self._learn(body)
                await answer.write_eof(body)
            elif await self._stream(request, response, answer, fault):
                await answer.write_eof()
            elif request.transport is not None:
                request.transport.abort()
            return answer

    def _learn(self, manifest: bytes) -> None:
        """Remember which blob is a configuration: nothing else tells."""
        if manifest:  # a HEAD has none
            config = json.loads(manifest).get("config") or {}
            self._configs.add(config.get("digest", ""))

    async def _stream(
        self,
        request: web.Request,
        response: ClientResponse,
        answer: web.StreamResponse,
        fault: Fault,
    ) -> bool:
        """Pass the body on; False when the connection is to be cut."""
        length = int(response.headers.get("Content-Length", "0"))
        mode = fault.takes(LAYER_FAULTS) if length > LAYER_BYTES else None
        sent = 0
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            if mode == "corrupt" and not sent:
                chunk = bytes([chunk[0] ^ 0xFF]) + chunk[1:]
            if mode in ("cut", "hang") and sent >= length // 2:
                if mode == "cut":
                    return False
                await self._until_changed(fault)
                mode = None
            if fault.rate_bytes_per_s:
                await asyncio.sleep(len(chunk) / fault.rate_bytes_per_s)
            await answer.write(chunk)
            sent += len(chunk)
            request["sent"] = sent
        return True

    async def _until_changed(self, fault: Fault) -> None:
        """Hold the layer until somebody sets this registry's fault anew."""
        async with self._state.changed:
            await self._state.changed.wait_for(lambda: self._state.faults[self._name] is not fault)
