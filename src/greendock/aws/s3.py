"""Reads objects of Amazon S3 and of stores that speak its protocol: size, content, from an offset.

Finds a bucket's region by itself, signs with the device's credentials, and asks without a
signature where there are none. Tries nothing twice but what new credentials or the right region
can mend.
Fills artifacts.ports.ObjectStore.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from greendock.aws.cached_source import CachedSource
from greendock.aws.credentials import AwsCredentials
from greendock.aws.endpoints import s3_url
from greendock.aws.errors import (
    NETWORK_CODES,
    AccessDenied,
    BadRequest,
    CredentialsExpired,
    CredentialsRefused,
    NoCredentials,
    NotFound,
    ObjectChanged,
    PastEnd,
    ServiceFailed,
)
from greendock.aws.s3_answers import S3Refusal, refused, region_of
from greendock.aws.s3_range import first_of, size_of
from greendock.aws.s3_uri import S3Uri, read_s3_uri
from greendock.aws.signing import sign
from greendock.net.errors import NetworkError
from greendock.net.http import HttpClient, Request, Response

_TURNS = 4
_STALL_S = 30.0
_MOST_ERROR_BYTES = 65536


@dataclass(frozen=True, slots=True)
class S3Object:
    """`etag` changes when the content does."""

    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is wanted of one object."""

    method: str
    uri: S3Uri
    headers: Mapping[str, str]
    task: str


class _Again(Exception):  # noqa: N818 - no error: something was learned
    """Ask once more: with new credentials, or in another region."""


class S3:
    """The objects that this device may read. `region`: of buckets that nothing is known of yet;
    `endpoint`: of another store than Amazon's."""

    def __init__(
        self,
        http: HttpClient,
        source: CachedSource,
        region: Callable[[], str],
        endpoint: Callable[[], str | None],
        environ: Mapping[str, str],
    ) -> None:
        self._http = http
        self._source = source
        self._region = region
        self._endpoint = endpoint
        self._environ = environ
        self._regions: dict[str, str] = {}

    async def describe(self, uri: str) -> S3Object:
        """Size and identity of the object. Raises AwsError."""
        wish = _Wish("HEAD", read_s3_uri(uri), {}, f"cannot find artifact {uri}")
        try:
            async with self._asked(wish) as response:
                return _described(wish, response)
        except (AccessDenied, BadRequest, NotFound):
            # An answer to HEAD has no body that would tell why; credentials that have expired
            # look like a bad request.
            wish = _Wish("GET", wish.uri, {"Range": "bytes=0-0"}, wish.task)
        try:
            async with self._asked(wish) as response:
                return _described(wish, response)
        except PastEnd as error:
            if error.size_bytes == 0:
                return S3Object(0, "")
            raise

    @asynccontextmanager
    async def read(self, uri: str, offset: int, etag: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The content from `offset` on, of the object with this `etag`. Raises AwsError, also
        while it is being read; ObjectChanged when it is another object by now."""
        headers = {"If-Match": etag} if etag else {}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        wish = _Wish("GET", read_s3_uri(uri), headers, f"cannot download artifact {uri}")
        async with AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(self._asked(wish))
            except PastEnd as error:
                if error.size_bytes != offset:
                    raise _elsewhere(wish, offset) from error
                yield _nothing()
                return
            if offset and first_of(response.status, response.headers) != offset:
                raise _elsewhere(wish, offset)
            yield _chunks(response, wish)

    @asynccontextmanager
    async def _asked(self, wish: _Wish) -> AsyncIterator[Response]:
        """A good answer to `wish`, after the turns that it may need."""
        for turn in range(_TURNS):
            is_last = turn == _TURNS - 1
            credentials = await self._credentials()
            request = await self._request(wish, credentials)
            try:
                async with self._typed(wish, request) as response:
                    if response.status in (200, 206):
                        yield response
                        return
                    await self._learn(wish, response, credentials, is_last=is_last)
            except _Again:
                continue

    @asynccontextmanager
    async def _typed(self, wish: _Wish, request: Request) -> AsyncIterator[Response]:
        try:
            async with self._http.open(request) as response:
                yield response
        except NetworkError as error:
            raise _unreachable(wish, error) from error

    async def _learn(
        self,
        wish: _Wish,
        response: Response,
        credentials: AwsCredentials | None,
        *,
        is_last: bool,
    ) -> None:
        """Raise _Again when something was learned from the refusal, else its error."""
        body = await response.read(_MOST_ERROR_BYTES) if wish.method != "HEAD" else b""
        is_signed = credentials is not None
        answer = S3Refusal(response.status, response.headers, body, is_signed, time.time())
        region = region_of(answer)
        bucket = wish.uri.bucket
        if region is not None and region != self._region_of(bucket) and not is_last:
            self._regions[bucket] = region
            raise _Again
        error = refused(wish.task, answer)
        is_stale = isinstance(error, CredentialsExpired | CredentialsRefused)
        if is_stale and credentials is not None and not is_last:
            self._source.renew(credentials)
            if await self._credentials() != credentials:
                raise _Again
        raise error

    async def _request(self, wish: _Wish, credentials: AwsCredentials | None) -> Request:
        bucket, region = wish.uri.bucket, self._region_of(wish.uri.bucket)
        base, is_path_style = s3_url(bucket, region, self._endpoint(), self._environ)
        path = f"/{bucket}/{wish.uri.path}" if is_path_style else f"/{wish.uri.path}"
        # A content coding would change the bytes.
        headers = {"Accept-Encoding": "identity", **wish.headers}
        request = Request(wish.method, base + path, headers, stall_s=_STALL_S, timeout_s=None)
        return await sign(request, credentials, "s3", region) if credentials else request

    async def _credentials(self) -> AwsCredentials | None:
        """None where this device has none: public objects need none."""
        try:
            return await self._source.credentials()
        except NoCredentials:
            return None

    def _region_of(self, bucket: str) -> str:
        return self._regions.get(bucket) or self._region()


def _described(wish: _Wish, response: Response) -> S3Object:
    size = size_of(response.status, response.headers)
    if size is None:
        raise ServiceFailed(f"{wish.task}: its size is not told", codes=NETWORK_CODES)
    return S3Object(size, response.headers.get("etag", ""))


def _elsewhere(wish: _Wish, offset: int) -> ObjectChanged:
    return ObjectChanged(
        f"{wish.task}: the store does not go on at byte {offset}",
        codes=("ARTIFACT_DOWNLOAD_ERROR", "S3_ERROR"),
    )


async def _nothing() -> AsyncIterator[bytes]:
    """The rest of an object of which everything is there."""
    return
    yield b""


async def _chunks(response: Response, wish: _Wish) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.chunks():
            yield chunk
    except NetworkError as error:
        raise _unreachable(wish, error) from error


def _unreachable(wish: _Wish, error: NetworkError) -> ServiceFailed:
    return ServiceFailed(
        f"{wish.task}: {error.message}",
        codes=(*NETWORK_CODES[:1], *error.codes),
        hint=error.hint,
        retry=error.retry,
    )
