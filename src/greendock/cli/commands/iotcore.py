"""`greendock iotcore …`: publish and receive MQTT messages over the core's connection.

Asks the core and prints; the connection, to AWS IoT Core or another broker, is the core's.
"""

from __future__ import annotations

import argparse
from typing import Any

from greendock.cli.access import root_folder
from greendock.cli.message_options import add_message, add_pub, add_qos, add_sub
from greendock.cli.output import say_json
from greendock.cli.parser import add_group

_PUB_EXAMPLES = """\
examples:
  greendock iotcore pub -t sensors/hall-1 -m 21.5
  greendock iotcore pub -t sensors/hall-1 -m reading.json -q 1

A text is taken for a file when there is a file of that name; /dev/stdin is one as well. Returns
when the core has accepted the message, which it then sends to AWS IoT Core or its own broker.
"""
_SUB_EXAMPLES = """\
examples:
  greendock iotcore sub -t sensors/hall-1
  greendock iotcore sub -t 'sensors/#' -q 1 --json
  greendock iotcore sub -t sensors/hall-1 --count 1 --timeout 10

Prints one payload per line until Ctrl-C. With --json each line has topic, text or base64, and what
else the message says. On a terminal control characters are shown as escapes.

exit codes: 0 --count messages came, or without --count the --timeout is over; 4 fewer came within
--timeout; 130 Ctrl-C
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    group = add_group(subparsers, "iotcore", "publish and receive MQTT messages as this device")
    publish_parser = add_pub(group, "publish an MQTT message", _PUB_EXAMPLES)
    publish_parser.set_defaults(handler=publish)
    add_message(publish_parser, required=True)
    subscribe_parser = add_sub(group, "print what is published to an MQTT topic", _SUB_EXAMPLES)
    subscribe_parser.set_defaults(handler=subscribe)
    for parser in (publish_parser, subscribe_parser):
        add_qos(parser)


def publish(args: argparse.Namespace) -> int:
    import base64

    from greendock.cli.message_source import message_content

    payload = base64.b64encode(message_content(args.message)).decode()

    from greendock.cli.client import Client

    with Client(root_folder(args.root)) as client:
        client.call("PublishToIoTCore", {**_where(args), "payload": payload})
    if args.json:
        say_json({"topic": args.topic, "qos": int(args.qos), "accepted": True})
    return 0


def subscribe(args: argparse.Namespace) -> int:
    from greendock.cli.listen import listen
    from greendock.cli.message_text import mqtt_message

    return listen(args, "SubscribeToIoTCore", _where(args), mqtt_message)


def _where(args: argparse.Namespace) -> dict[str, str]:
    return {"topicName": args.topic, "qos": args.qos}
