"""`greendock secret get`: which secret components get, and its value when that is asked for.

Asks the core and prints; keeps nothing.
"""

from __future__ import annotations

import argparse
from typing import Any

from greendock.cli.access import root_folder
from greendock.cli.output import say, say_json, say_raw
from greendock.cli.parser import add_group, add_json

_EXAMPLES = """\
examples:
  greendock secret get db
  greendock secret get db --show-value

Without --show-value the value is not shown. A binary value is shown as base64.
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    group = add_group(subparsers, "secret", "show what secrets components get")
    text = "show a secret's ARN, version and stages, on request its value"
    parser = group.add_parser("get", help=text, description=text, epilog=_EXAMPLES)
    parser.add_argument("name", metavar="NAME", help="name or ARN")
    versions = parser.add_mutually_exclusive_group()
    versions.add_argument("--version-id", metavar="ID", help="this version")
    versions.add_argument("--stage", help="the version with this stage (default: AWSCURRENT)")
    parser.add_argument("--refresh", action="store_true", help="ask AWS first")
    parser.add_argument("--show-value", action="store_true", help="print the value, text as it is")
    parser.set_defaults(handler=get)
    add_json(parser)


def get(args: argparse.Namespace) -> int:
    from greendock.cli.client import Client

    request = {"secretId": args.name, "refresh": args.refresh}
    if args.version_id is not None:
        request["versionId"] = args.version_id
    if args.stage is not None:
        request["versionStage"] = args.stage
    with Client(root_folder(args.root)) as client:
        answer = client.call("GetSecretValue", request)
    value = answer.pop("secretValue", {})
    if args.json:
        say_json({**answer, **value} if args.show_value else answer)
    elif args.show_value:
        # Not escaped: it may be handed on to a program.
        say_raw(value.get("secretString") or value.get("secretBinary", ""))
    else:
        say(f"ARN: {answer.get('secretId')}")
        say(f"Version: {answer.get('versionId')}")
        say(f"Stages: {', '.join(answer.get('versionStage', []))}")
    return 0
