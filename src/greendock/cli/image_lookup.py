"""What a core, else an engine, knows of an image; nothing when neither can be asked.

Never fails and never waits long: explaining a name works everywhere. The engine's client is
imported only when there is a socket to ask.
"""
# ruff: noqa: PTH116 (pathlib is slow to import)

from __future__ import annotations

import os
import stat
from typing import Any

from greendock.base.errors import GreendockError

_ENGINE_TIMEOUT_S = 2.0
_CORE_TIMEOUT_S = 10.0


def look_up(root: str, uri: str) -> dict[str, Any]:
    """`present`, `imageId` and `credentials`, as far as somebody tells."""
    return _from_core(root, uri) or _from_engine(uri)


def _from_core(root: str, uri: str) -> dict[str, Any]:
    from greendock.cli.client import Client

    try:
        with Client(root, connect_timeout_s=2, request_timeout_s=_CORE_TIMEOUT_S) as client:
            answer = client.call("greendock#ExplainImage", {"uri": uri})
    except (GreendockError, OSError):
        return {}
    return {
        "present": answer.get("present"),
        "imageId": answer.get("imageId"),
        "credentials": answer.get("credentials"),
    }


def _from_engine(uri: str) -> dict[str, Any]:
    from greendock.docker.engine.lookup import find_engine_address

    try:
        path = find_engine_address(None, os.environ).socket_path
        if path is None or not stat.S_ISSOCK(os.stat(path).st_mode):
            return {}
        return _ask_engine(uri)
    except (GreendockError, OSError, TimeoutError):
        return {}


def _ask_engine(uri: str) -> dict[str, Any]:
    import asyncio

    from greendock.docker.engine.client import Engine
    from greendock.docker.reference import parse_artifact_uri

    async def ask() -> dict[str, Any]:
        engine = Engine.from_environment(None, os.environ)
        try:
            async with asyncio.timeout(_ENGINE_TIMEOUT_S):
                found = await engine.inspect_image(parse_artifact_uri(uri))
        finally:
            await engine.close()
        return {"present": found is not None, "imageId": found.id if found else None}

    return asyncio.run(ask())
