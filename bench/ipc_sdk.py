"""Publish/subscribe with the official client (V2), publisher and subscriber in processes of their
own. As a program: one of the two (`python -m bench.ipc_sdk ROLE SOCKET COUNT`, token on stdin).
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import deque
from typing import IO

from bench.figures import heading, line
from bench.ipc_load import IN_FLIGHT, TOPIC, Target

COUNT = 5_000
DEADLINE_S = 120.0


def measure(target: Target) -> None:
    heading("(g) the same with the official client, V2, a process each")
    for role, title in (
        ("publish", "publish_to_topic, one after the other"),
        ("publish-async", f"publish_to_topic_async, {IN_FLIGHT} in flight"),
    ):
        subscriber = _start(target, "subscribe", target.tokens[1])
        assert _line(subscriber) == "ready"
        publisher = _start(target, role, target.tokens[0])
        sent = json.loads(_line(publisher))
        received = json.loads(_line(subscriber))
        line(title, f"{COUNT / sent['seconds']:,.0f}/s, call p50 {sent['p50'] * 1e6:,.0f} µs")
        line(
            "  received",
            f"{received['count'] / received['seconds']:,.0f}/s, {received['count']} of {COUNT}",
        )
        for process in (publisher, subscriber):
            process.wait(DEADLINE_S)


def _start(target: Target, role: str, token: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.ipc_sdk", role, str(target.path), str(COUNT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(token + "\n")
    process.stdin.flush()
    return process


def _line(process: subprocess.Popen[str]) -> str:
    out: IO[str] | None = process.stdout
    assert out is not None
    return out.readline().strip()


def _subscribe(client, count: int) -> None:  # noqa: ANN001
    done, times = threading.Event(), []

    def received(_event: object) -> None:
        times.append(time.perf_counter())
        if len(times) == count:
            done.set()

    client.subscribe_to_topic(topic=TOPIC, on_stream_event=received)
    print("ready", flush=True)
    done.wait(DEADLINE_S)
    print(json.dumps({"count": len(times), "seconds": times[-1] - times[0]}), flush=True)


def _publish(client, count: int, in_flight: int) -> None:  # noqa: ANN001
    from awsiot.greengrasscoreipc import model

    message = model.PublishMessage(binary_message=model.BinaryMessage(message=bytes(range(256))))
    waiting: deque[tuple[float, object]] = deque()
    times = []
    began = time.perf_counter()
    for number in range(count + in_flight - 1):
        if number < count:
            sent = time.perf_counter()
            answer = client.publish_to_topic_async(topic=TOPIC, publish_message=message)
            waiting.append((sent, answer))
        if len(waiting) >= in_flight or number >= count:
            sent, answer = waiting.popleft()
            answer.result(DEADLINE_S)
            times.append(time.perf_counter() - sent)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "p50": sorted(times)[len(times) // 2]}), flush=True)


def main() -> None:
    import awsiot.greengrasscoreipc
    from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

    role, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    token = sys.stdin.readline().strip()
    connection = awsiot.greengrasscoreipc.connect(ipc_socket=path, authtoken=token)
    client = GreengrassCoreIPCClientV2(connection)
    if role == "subscribe":
        _subscribe(client, count)
    else:
        _publish(client, count, IN_FLIGHT if role == "publish-async" else 1)
    client.close().result(DEADLINE_S)


if __name__ == "__main__":
    main()
