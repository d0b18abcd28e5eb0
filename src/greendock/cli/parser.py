"""The argument parser of every command: what all of them share.

Gives each command `--root`, `--help` and `--version`, and reports unknown arguments with the usage
of the command that they were given to. Imports argparse and nothing else: it is on every path.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from greendock import __version__

_DEPLOYMENT_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def program_name() -> str:
    """`greengrass-cli` when called by that name, else `greendock`."""
    name = os.path.basename(sys.argv[0]) if sys.argv else ""  # noqa: PTH119 (fast path)
    return name if name == "greengrass-cli" else "greendock"


def version_text() -> str:
    if program_name() == "greengrass-cli":
        return f"Greengrass CLI Version: {__version__}"
    return f"greendock {__version__}"


class _ShowVersion(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        sys.stdout.write(version_text() + "\n")
        parser.exit()


class _HelpLayout(argparse.RawDescriptionHelpFormatter):
    """Finds the width of the terminal itself: argparse would import shutil for it, with every
    compression library behind it, on each call of any command."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    configured = os.environ.get("COLUMNS", "")
    if configured.isdecimal() and int(configured) > 0:
        return int(configured)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


class CommandParser(argparse.ArgumentParser):
    """An ArgumentParser with the options that every command has."""

    def __init__(self, **settings: Any) -> None:
        settings["formatter_class"] = _HelpLayout
        settings.setdefault("allow_abbrev", False)
        super().__init__(**settings)
        self.add_argument(
            "--root",
            "--ggcRootPath",
            metavar="DIR",
            help="root folder of the core (default: GGC_ROOT_PATH, else /greengrass/v2 for root "
            "and ~/.greendock for other users)",
        )
        self.add_argument(
            "-V", "--version", action=_ShowVersion, nargs=0, help="show the version and exit"
        )

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of text"
    )


def add_json_lines(parser: argparse.ArgumentParser) -> None:
    """`--json` of a command that prints one thing after the other."""
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.set_defaults(json_lines=True)


def add_verbose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--verbose", action="store_true", help="print more than greengrass-cli does"
    )


def add_group(
    subparsers: argparse._SubParsersAction[Any], name: str, text: str
) -> argparse._SubParsersAction[Any]:
    """A command that only has subcommands."""
    group = subparsers.add_parser(name, help=text, description=text)
    added: argparse._SubParsersAction[Any] = group.add_subparsers(
        dest="subcommand", metavar="SUBCOMMAND", required=True
    )
    return added


def names(text: str) -> list[str]:
    """Component names split on `,` or `&`."""
    found = [part.strip() for part in re.split("[,&]", text)]
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty component name in it")
    return found


def component_version(text: str) -> tuple[str, str]:
    """`NAME=VERSION`."""
    name, separator, version = (part.strip() for part in text.partition("="))
    if not (name and separator and version):
        raise argparse.ArgumentTypeError(f"{text!r} is not COMPONENT=VERSION")
    return name, version


def seconds(text: str) -> float:
    """A time to wait, more than 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def whole_seconds(text: str) -> int:
    """A time in whole seconds, at least 1."""
    value = int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of seconds above 0")
    return value


def deployment_id(text: str) -> str:
    if _DEPLOYMENT_ID.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a deployment id (a UUID)")
    return text


def policy(text: str) -> str:
    """ROLLBACK or DO_NOTHING, in any case."""
    if text.upper() not in ("ROLLBACK", "DO_NOTHING"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither ROLLBACK nor DO_NOTHING")
    return text.upper()
