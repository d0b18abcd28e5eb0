"""Entry point of `greendock` and `greengrass-cli`: finds the command, runs it, turns errors into
exit codes.

Imports only the module of the command that was asked for, and nothing heavy by itself, since every
call pays for it. Knows no command's options.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from importlib import import_module
from typing import Any

from greendock.base.errors import GreendockError
from greendock.cli.arguments import arrange
from greendock.cli.errors import (
    EXIT_BROKEN_PIPE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
)
from greendock.cli.output import report
from greendock.cli.parser import CommandParser, program_name

COMMANDS = {
    "run": "start a core in the foreground",
    "deploy": "deploy recipes and wait for the result",
    "lint": "check recipes without a core",
    "component": "list, show, measure, restart, stop and pause components",
    "deployment": "create, show, list and cancel deployments",
    "bundle": "install on devices without a registry",
    "image": "explain, list and prune images",
    "shadow": "show and change the shadows of things",
    "secret": "show what secrets components get",
    "pubsub": "publish and receive messages on this device",
    "iotcore": "publish and receive MQTT messages as this device",
    "get-debug-password": "make a password for a local debug console",
    "logs": "search and follow log files",
}
GROUPS = frozenset(
    {
        "bundle",
        "component",
        "deployment",
        "image",
        "iotcore",
        "logs",
        "pubsub",
        "secret",
        "shadow",
    }
)

_EXAMPLES = """\
examples:
  greendock run                       start a core
  greendock deploy ./my-component     deploy the recipes in a folder, wait for the result
  greendock component list            what runs
  greendock logs get --follow         what it writes

exit codes: 0 done, 1 the thing asked for failed, 2 wrong usage, 3 no core can be reached,
4 not over after --timeout
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command. Returns the exit code; never raises for what users or cores do wrong."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(arrange(sys.argv[1:] if argv is None else argv, GROUPS))
    except SystemExit as end:  # argparse's way to end, after --help or wrong usage
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _discard_stdout()
        return EXIT_BROKEN_PIPE


def build_parser(*, only: str | None = None) -> CommandParser:
    """The whole grammar; with `only`, the other commands are mere names with their help line."""
    parser = CommandParser(
        prog=program_name(),
        description="Runs AWS IoT Greengrass V2 components, Docker containers first.",
        epilog=_EXAMPLES,
    )
    subparsers: argparse._SubParsersAction[Any] = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, prog=parser.prog
    )
    for name, text in COMMANDS.items():
        if only is None or only == name:
            module = name.replace("-", "_")
            import_module(f"greendock.cli.commands.{module}").add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=text)
    return parser


def _run(argv: list[str]) -> int:
    if not argv:
        build_parser(only="").print_help(sys.stderr)
        return EXIT_USAGE
    args = build_parser(only=argv[0]).parse_args(argv)
    try:
        code = int(args.handler(args))
        sys.stdout.flush()
    except GreendockError as error:
        _report(error, args)
        sys.stdout.flush()
        return int(getattr(error, "exit_code", EXIT_FAILED))
    except BrokenPipeError:
        raise
    except OSError as error:
        _report(GreendockError(f"cannot go on: {error}"), args)
        return EXIT_FAILED
    return code


def _report(error: GreendockError, args: argparse.Namespace) -> None:
    as_json, on_one_line = getattr(args, "json", False), getattr(args, "json_lines", False)
    report(error, as_json=as_json, on_one_line=on_one_line)


def _discard_stdout() -> None:
    """The reader of our output went away: nothing more may be written at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
