"""`greendock get-debug-password`: a new password for a debug console, valid for some hours.

Asks the core and prints; the password is kept nowhere.
"""

from __future__ import annotations

import argparse
from typing import Any

from greendock.cli.access import root_folder
from greendock.cli.output import say, say_json
from greendock.cli.parser import add_json


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    text = "make a password for a local debug console"
    parser = subparsers.add_parser(
        "get-debug-password",
        help=text,
        description=f"{text}; each call makes another one, the older ones stay valid",
        epilog="example:\n  greendock get-debug-password\n",
    )
    parser.set_defaults(handler=get_debug_password)
    add_json(parser)


def get_debug_password(args: argparse.Namespace) -> int:
    from datetime import datetime

    from greendock.cli.client import Client

    with Client(root_folder(args.root)) as client:
        made = client.call("CreateDebugPassword")
    if args.json:
        say_json({name: made.get(name) for name in ("username", "password", "passwordExpiration")})
        return 0
    expires_at = datetime.fromtimestamp(made.get("passwordExpiration", 0)).astimezone()
    say(f"Username: {made.get('username')}")
    say(f"Password: {made.get('password')}")
    say(f"Password expires at: {expires_at.isoformat(timespec='milliseconds')}")
    return 0
