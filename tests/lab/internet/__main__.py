"""Starts the servers of the lab's internet and keeps them running until the process is ended.

Usage: `python -m lab.internet FOLDER`. FOLDER holds the certificates and the registries'
sockets; the control socket appears in it when everything listens.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout, UnixConnector, web
from aiohttp.typedefs import Handler

from .addresses import ECR_API_PORT, HUB_AUTH_PORT, IOT_PORT, PROXY_PORT, REGISTRIES, S3_PORT
from .ecr import Ecr
from .front import Front, Refusal, allow
from .hub import Hub
from .iot import Iot, with_device_certificates
from .private import Private
from .proxy import Proxy
from .s3 import S3Front
from .state import State

_LOOPBACK = "127.0.0.1"


def _tls(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


async def _runner(handler: Handler, stack: AsyncExitStack) -> web.AppRunner:
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", handler)
    # A client that goes away ends its request: a layer that hangs must not outlive its reader.
    runner = web.AppRunner(application, access_log=None, handler_cancellation=True)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    return runner


def _control(state: State) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        """GET reports; POST sets what its map names; DELETE resets everything."""
        try:
            async with state.changed:
                if request.method == "DELETE":
                    state.reset()
                elif request.method == "POST":
                    for name, value in (await request.json()).items():
                        state.change(name, value)
                state.changed.notify_all()
        except (ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(state.report())

    return handle


def _with_token(handle: Handler, token: Handler | None) -> Handler:
    """A registry that gives its tokens itself."""

    async def choose(request: web.Request) -> web.StreamResponse:
        return await (token if token and request.path == "/token" else handle)(request)

    return choose


async def _serve(folder: Path) -> None:
    state = State()
    hub = Hub(state, folder / "registry-hub" / "docker" / "registry" / "v2" / "repositories")
    ecr = Ecr(state)
    private = Private(state)
    refusals: dict[str, Refusal] = {
        "hub": hub.refusal,
        "ecr": ecr.refusal,
        "private": private.refusal,
    }
    tls = _tls(folder)
    async with AsyncExitStack() as stack:

        async def listen(port: int, handler: Handler) -> None:
            runner = await _runner(handler, stack)
            await web.TCPSite(runner, _LOOPBACK, port, ssl_context=tls).start()

        for registry in REGISTRIES:
            upstream = ClientSession(
                connector=UnixConnector(str(folder / f"registry-{registry.name}.sock"), limit=0),
                auto_decompress=False,
                timeout=ClientTimeout(total=None),
            )
            await stack.enter_async_context(upstream)
            refusal = refusals.get(registry.name, allow)
            front = Front(registry.name, state, upstream, refusal)
            token = private.token if registry.name == "private" else None
            await listen(registry.port, _with_token(front.handle, token))
        s3 = ClientSession(auto_decompress=False, timeout=ClientTimeout(total=None))
        await stack.enter_async_context(s3)
        await listen(S3_PORT, S3Front(state, s3).handle)
        await listen(HUB_AUTH_PORT, hub.token)
        await listen(ECR_API_PORT, ecr.api)
        iot = await _runner(Iot(state).handle, stack)
        mutual = with_device_certificates(_tls(folder), folder)
        await web.TCPSite(iot, _LOOPBACK, IOT_PORT, ssl_context=mutual).start()
        proxy = await asyncio.start_server(Proxy(state).handle, _LOOPBACK, PROXY_PORT)
        await stack.enter_async_context(proxy)
        control = await _runner(_control(state), stack)
        await web.UnixSite(control, folder / "control.sock").start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
