"""The options that `pubsub` and `iotcore` share.

Adds them to parsers and checks single values; the commands give them their meaning.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

from greendock.cli.parser import add_json, add_json_lines, seconds


def add_pub(
    group: argparse._SubParsersAction[Any], text: str, epilog: str
) -> argparse.ArgumentParser:
    """The parser of `pub`, without what says what is published."""
    parser = _add(group, "pub", text, epilog)
    _add_topic(parser, "topic to publish to")
    add_json(parser)
    return parser


def add_message(parser: argparse._ActionsContainer, *, required: bool) -> None:
    parser.add_argument(
        "-m",
        "--message",
        required=required,
        metavar="TEXT|FILE",
        help="text to send, or a file whose bytes are sent",
    )


def add_sub(
    group: argparse._SubParsersAction[Any], text: str, epilog: str
) -> argparse.ArgumentParser:
    """The parser of `sub`."""
    parser = _add(group, "sub", text, epilog)
    _add_topic(parser, "topic to listen to, or a filter with + and #")
    parser.add_argument("--count", type=_count, metavar="N", help="end after N messages")
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="end after so long")
    add_json_lines(parser)
    return parser


def add_qos(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-q",
        "--qos",
        choices=("0", "1"),
        default="0",
        metavar="0|1",
        help="quality of service (default: 0)",
    )


def _add(
    group: argparse._SubParsersAction[Any], name: str, text: str, epilog: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(
        name, help=text, description=text, epilog=epilog
    )
    return parser


def _add_topic(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("-t", "--topic", required=True, metavar="TOPIC", help=text)


def _count(text: str) -> int:
    value = int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of messages above 0")
    return value
