"""Running requests of the HTTP client, and looking at everything that its errors say."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import pytest

from greendock.net.errors import NetworkError
from greendock.net.http import HttpClient, Request
from greendock.net.proxy import ProxySettings

SECRET = "s3cr3t-value"
HEADERS = {"Authorization": f"Bearer {SECRET}"}
QUERY = f"?X-Amz-Signature={SECRET}"
E = TypeVar("E", bound=NetworkError)


def run(action: Callable[[], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        async with asyncio.timeout(30):
            return await action()

    return asyncio.run(whole())


@contextlib.asynccontextmanager
async def client(proxies: ProxySettings | None = None) -> AsyncIterator[HttpClient]:
    opened = HttpClient(lambda: proxies or ProxySettings(), user_agent="greendock-test")
    try:
        yield opened
    finally:
        await opened.close()


async def failure(kind: type[E], request: Request, proxies: ProxySettings | None = None) -> E:
    """The error of exactly this kind that `request` ends with; it holds no secret."""
    async with client(proxies) as http:
        with pytest.raises(kind) as caught:
            await http.ask(request)
    error = caught.value
    assert type(error) is kind
    check_silence(error)
    return error


def check_silence(error: NetworkError) -> None:
    text = "".join(traceback.format_exception(error)) + error.explain() + repr(error)
    assert SECRET not in text
    assert "X-Amz-Signature" not in text
