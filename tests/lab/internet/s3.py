"""Amazon S3 as the outside sees it: TLS, real host names, regions, faults; behind it a real API.

Forwards to the server that tests/lab/aws.py starts, with the Host that was signed. Buckets have
regions: one that is asked elsewhere answers as Amazon does; so does one that is shown a session
token of `aws_keys` whose time is over. Faults are those of the name `s3`:
`cut` (in the middle of the content), `hang`, `unavailable` (503 SlowDown, with `retry_after`).
"""

from __future__ import annotations

import asyncio
import re
import time

from aiohttp import ClientSession, web
from multidict import CIMultiDict
from yarl import URL

from .addresses import S3_SERVER_PORT
from .state import State

_HOST = re.compile(
    r"(?:(?P<bucket>[a-z0-9.-]+)\.)?s3\.(?P<region>[a-z0-9-]+)\.amazonaws\.com", re.ASCII
)
_HOP_BY_HOP = ("Transfer-Encoding", "Connection")
_PIECE_BYTES = 16384
_MOVED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>PermanentRedirect</Code><Message>The '
    "bucket you are attempting to access must be addressed using the specified endpoint."
    "</Message></Error>"
)
_EXPIRED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>ExpiredToken</Code><Message>The '
    "provided token has expired.</Message><Token-0>{token}</Token-0></Error>"
)
_SLOW = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code><Message>Please reduce '
    "your request rate.</Message></Error>"
)


class S3Front:
    """Handles every request to S3, whatever its host name."""

    def __init__(self, state: State, upstream: ClientSession) -> None:
        self._state = state
        self._upstream = upstream

    async def handle(self, request: web.Request) -> web.StreamResponse:
        entry = self._state.record(
            "s3",
            method=request.method,
            path=request.path_qs,
            host=request.host,
            range=request.headers.get("Range", ""),
            authorization=request.headers.get("Authorization", "").partition(" ")[0],
        )
        answer = await self._answer(request)
        entry["status"] = answer.status
        entry["bytes"] = request.get("sent", 0)
        return answer

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        found = _HOST.fullmatch(request.host)
        bucket = found["bucket"] if found else None
        bucket = bucket or request.path.strip("/").partition("/")[0]
        region = self._state.settings.s3_regions.get(bucket, "us-east-1")
        if found is not None and found["region"] != region:
            headers = {"x-amz-bucket-region": region, "Content-Type": "application/xml"}
            return web.Response(status=301, text=_MOVED, headers=headers)
        token = request.headers.get("X-Amz-Security-Token", "")
        if token and self._is_expired(token):
            return web.Response(
                status=400, text=_EXPIRED.format(token=token), content_type="application/xml"
            )
        fault = self._state.faults["s3"]
        if request.method == "GET" and fault.takes(frozenset({"unavailable"})):
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            return web.Response(status=503, text=_SLOW, headers=headers)
        return await self._forward(request)

    def _is_expired(self, token: str) -> bool:
        keys = self._state.settings.aws_keys.values()
        now = time.time()
        return any(key["token"] == token and key.get("expires", now) < now for key in keys)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        headers = CIMultiDict(request.headers)
        for name in _HOP_BY_HOP:
            headers.popall(name, None)
        async with self._upstream.request(
            request.method,
            # As it was sent: what is signed must not be written anew.
            URL(f"http://127.0.0.1:{S3_SERVER_PORT}{request.raw_path}", encoded=True),
            headers=headers,
            data=await request.read() if request.body_exists else None,
            allow_redirects=False,
        ) as response:
            answer = web.StreamResponse(status=response.status, headers=response.headers.copy())
            for name in _HOP_BY_HOP:
                answer.headers.popall(name, None)
            await answer.prepare(request)
            fault = self._state.faults["s3"]
            is_content = request.method == "GET" and response.status in (200, 206)
            mode = fault.takes(frozenset({"cut", "hang"})) if is_content else None
            sent, length = 0, int(response.headers.get("Content-Length", "0"))
            async for piece in response.content.iter_chunked(_PIECE_BYTES):
                if mode and sent >= length // 2:
                    if mode == "hang":
                        await asyncio.Event().wait()
                    if request.transport is not None:
                        request.transport.abort()
                    return answer
                await answer.write(piece)
                sent += len(piece)
                request["sent"] = sent
            await answer.write_eof()
            return answer
