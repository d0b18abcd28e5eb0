"""Prints what is published to a topic: `pubsub sub` and `iotcore sub`.

Subscribes, waits and writes; how a message looks is decided in message_text.py. Ends after
`--count` messages or `--timeout` seconds, else at Ctrl-C, or when the core stops.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

from greendock.cli.access import root_folder
from greendock.cli.client import Client, Subscription
from greendock.cli.errors import NoCoreError, NotOverError
from greendock.cli.message_text import Reader, Received
from greendock.cli.output import say, say_json_line, warn

_LONGEST_WAIT_S = 3600.0
"""The system refuses waits that are much longer; it is waited again then."""


def listen(args: argparse.Namespace, operation: str, request: dict[str, Any], read: Reader) -> int:
    """0 when all of `--count` came, or without it when `--timeout` is over."""
    show = _printer(as_json=args.json)
    with Client(root_folder(args.root)) as client:
        subscription = client.subscribe(operation, request)
        started = f"Successfully subscribed to topic: {args.topic}"
        if args.json:
            warn(started)
        else:
            say(started)
        sys.stdout.flush()
        came = _receive(subscription, args, lambda event: show(read(event)))
    if args.count is not None and came < args.count:
        raise NotOverError(
            f"{came} of {args.count} messages came to {args.topic} within {args.timeout:g} s"
        )
    return 0


def _receive(
    subscription: Subscription, args: argparse.Namespace, handle: Callable[[dict[str, Any]], None]
) -> int:
    """How many messages came."""
    deadline_s = None if args.timeout is None else time.monotonic() + args.timeout
    came = 0
    while came != args.count:
        remaining_s = None if deadline_s is None else deadline_s - time.monotonic()
        if remaining_s is not None and remaining_s <= 0:
            break
        event = subscription.next(min(remaining_s or _LONGEST_WAIT_S, _LONGEST_WAIT_S))
        if event is not None:
            handle(event)
            sys.stdout.flush()
            came += 1
        elif subscription.ended:
            raise NoCoreError(
                f"the core ended the subscription to {args.topic}",
                hint="it does so when it stops; its log is greengrass.log",
            )
    return came


def _printer(*, as_json: bool) -> Callable[[Received], None]:
    """For programs a payload stays as it is, byte by byte; it must not steer a terminal."""
    if as_json:
        return lambda message: say_json_line(message.members)
    if sys.stdout.isatty():
        return lambda message: say(message.payload.decode(errors="backslashreplace"))
    return lambda message: _write(message.payload)


def _write(payload: bytes) -> None:
    sys.stdout.buffer.write(payload + b"\n")
