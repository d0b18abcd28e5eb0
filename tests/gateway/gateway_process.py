"""A gateway in a process of its own that forwards everything: `python gateway_process.py
ENGINE_SOCKET RUN_FOLDER [COUNT]` prints the sockets' paths and serves until its input ends."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from greendock.docker.engine.address import EngineAddress
from greendock.docker.gateway.exchange import Forward, RequestHead
from greendock.docker.gateway.gateway import Gateway
from greendock.docker.gateway.upstream import Upstream


class ForwardAll:
    def needs_body(self, head: RequestHead) -> int | None:
        return None

    async def judge(self, head: RequestHead, body: bytes | None) -> Forward:
        return Forward(head)


async def main() -> None:
    upstream = Upstream(EngineAddress("argument", socket_path=sys.argv[1]))
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    gateways = [Gateway(ForwardAll(), upstream) for _ in range(count)]
    for number, gateway in enumerate(gateways):
        path = Path(sys.argv[2]) / f"c{number}" / "docker-1" / "docker.sock"
        await gateway.open(path, os.geteuid(), os.getegid())
        print(gateway.address, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for gateway in gateways:
        await gateway.close()


if __name__ == "__main__":
    asyncio.run(main())
