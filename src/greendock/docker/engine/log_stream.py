"""The log of one container from the engine, line by line with the engine's time stamps.

Reads and decodes; keeps no position and tries nothing again. Called by log_following.py.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import quote, urlencode

from greendock.docker.engine.client import Engine
from greendock.docker.engine.log_frames import LogDecoder, LogLine
from greendock.docker.errors import DockerError

LONGEST_FOLLOW_S = 6 * 3600.0
"""Then it ends as if the connection broke, so that one which is dead unnoticed doesn't last."""


async def read_log(
    engine: Engine,
    container_id: str,
    *,
    has_terminal: bool,
    since_ns: int = 0,
    follow: bool = True,
    deadline_s: float = LONGEST_FOLLOW_S,
) -> AsyncGenerator[list[LogLine], None]:
    """What the log has from `since_ns` on, that time included, a few lines at once.

    With `follow` it ends when the container does, or the engine. Use it with `aclosing`. Raises
    EngineUnavailable and its like, and DockerError when the log can't be read.
    """
    what = f"cannot read the log of container {container_id[:12]}"
    query = {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": "1" if follow else "0"}
    if since_ns > 0:
        query["since"] = f"{since_ns // 1_000_000_000}.{since_ns % 1_000_000_000:09d}"
    path = f"/containers/{quote(container_id, safe='')}/logs?{urlencode(query)}"
    decoder = LogDecoder(has_terminal=has_terminal)
    async with engine.stream("GET", path, deadline_s=deadline_s, what=what) as pieces:
        async for piece in pieces:
            if lines := decoder.feed(piece):
                yield lines
            if decoder.trouble is not None:
                raise DockerError(f"{what}: {decoder.trouble}")
    if lines := decoder.finish():
        yield lines
