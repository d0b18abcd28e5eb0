"""`greendock pubsub …`: publish and receive the messages of components on this device.

Asks the core and prints; topics are the core's to judge.
"""

from __future__ import annotations

import argparse
from typing import Any

from greendock.cli.access import root_folder
from greendock.cli.errors import ArgumentsError
from greendock.cli.message_options import add_message, add_pub, add_sub
from greendock.cli.output import say_json
from greendock.cli.parser import add_group

_PUB_EXAMPLES = """\
examples:
  greendock pubsub pub -t lamp/hall -m on
  greendock pubsub pub -t lamp/hall -m picture.png
  greendock pubsub pub -t lamp/hall --json-message '{"on": true}'

-m sends a binary message. A text is taken for a file when there is a file of that name; /dev/stdin
is one as well.
"""
_SUB_EXAMPLES = """\
examples:
  greendock pubsub sub -t lamp/hall
  greendock pubsub sub -t 'lamp/#' --json
  greendock pubsub sub -t lamp/hall --count 1 --timeout 10

Prints one payload per line, JSON messages as compact JSON, until Ctrl-C. With --json each line has
topic, and json, text or base64. On a terminal control characters are shown as escapes.

exit codes: 0 --count messages came, or without --count the --timeout is over; 4 fewer came within
--timeout; 130 Ctrl-C
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    group = add_group(subparsers, "pubsub", "publish and receive messages on this device")
    publish_parser = add_pub(group, "publish a message to components", _PUB_EXAMPLES)
    publish_parser.set_defaults(handler=publish)
    content = publish_parser.add_mutually_exclusive_group(required=True)
    add_message(content, required=False)
    content.add_argument(
        "--json-message",
        metavar="JSON|FILE",
        help="object to send as a JSON message",
    )
    subscribe_parser = add_sub(group, "print what is published to a topic", _SUB_EXAMPLES)
    subscribe_parser.set_defaults(handler=subscribe)


def publish(args: argparse.Namespace) -> int:
    message = _binary(args.message) if args.json_message is None else _json(args.json_message)

    from greendock.cli.client import Client

    with Client(root_folder(args.root)) as client:
        client.call("PublishToTopic", {"topic": args.topic, "publishMessage": message})
    if args.json:
        say_json({"topic": args.topic, "published": True})
    return 0


def subscribe(args: argparse.Namespace) -> int:
    from greendock.cli.listen import listen
    from greendock.cli.message_text import local_message

    # Without a mode a filter leaves out messages of the same user, such as those of `pub`.
    request = {"topic": args.topic, "receiveMode": "RECEIVE_ALL_MESSAGES"}
    return listen(args, "SubscribeToTopic", request, local_message)


def _binary(text: str) -> dict[str, Any]:
    import base64

    from greendock.cli.message_source import message_content

    return {"binaryMessage": {"message": base64.b64encode(message_content(text)).decode()}}


def _json(text: str) -> dict[str, Any]:
    from greendock.cli.json_argument import read_json_argument

    document = read_json_argument("--json-message", text)
    if not isinstance(document, dict):
        raise ArgumentsError("cannot use --json-message: it has to be a JSON object")
    return {"jsonMessage": {"message": document}}
