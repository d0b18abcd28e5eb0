"""`greendock logs …`: get, list-log-files, list-keywords. Reads files; needs no running core.

Grammar and texts of the official client; it reads TEXT logs too, and follows a log over rotation.
Reads arguments and prints; the reading of logs is in `cli/logs/`.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from greendock.cli.access import root_folder
from greendock.cli.errors import ArgumentsError
from greendock.cli.output import compact, say, say_json, say_raw
from greendock.cli.parser import add_group, add_json, add_json_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from greendock.cli.logs.context import Shown
    from greendock.cli.logs.entry import Entry
    from greendock.cli.logs.merge import Choice
    from greendock.cli.logs.query import Query
    from greendock.cli.logs.window import Window

_GET_EXAMPLES = """\
examples:
  greendock logs get --follow
  greendock logs get -lf /greengrass/v2/logs/com.example.Web.log -f level=WARN
  greendock logs get -f "timeout,refused" -f serviceName=com.example.Web -t -2h15min,-1hr

filters: commas inside one -f mean "or", several -f mean "and". level=WARN takes that level and
higher ones, error=any takes entries with a cause, NAME=VALUE asks a field or a context, anything
else is a regular expression. `greendock logs list-keywords` lists the fields.
times: 2026-06-30, 15:30:45, 2026-06-30T15:30:45[Z], offsets from now such as -1h30m; a side that
is left out means now, or no end with --follow.
"""
_KEYWORDS = {
    "Greengrass log": [
        "level=$str",
        "thread=$str",
        "loggerName=$str",
        "eventType=$str",
        "serviceName=$str",
        "error=$str",
    ],
    "syslog": ["priority=$int", "host=$str", "logger=$str", "class=$str"],
}
_SYSLOG_FILES = ("/var/log/messages", "/var/log/syslog", "/var/log/system.log")


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    group = add_group(subparsers, "logs", "search and follow log files")
    _add_get(group)
    text = "list the log files in a folder"
    files = group.add_parser(
        "list-log-files",
        help=text,
        description=text,
        epilog="example:\n  greendock logs list-log-files -ld /greengrass/v2/logs\n",
    )
    files.set_defaults(handler=list_log_files)
    _add_log_dir(files)
    add_json(files)
    text = "list the fields that filters can ask"
    keywords = group.add_parser(
        "list-keywords",
        help=text,
        description=text,
        epilog="example:\n  greendock logs list-keywords\n",
    )
    keywords.set_defaults(handler=list_keywords)
    keywords.add_argument("-s", "--syslog", action="store_true", help="the fields of syslog")
    add_json(keywords)


def _add_log_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-ld",
        "--log-dir",
        action="append",
        default=[],
        metavar="DIR",
        help="folder with log files (repeat for each; default: logs below the root folder)",
    )


def _add_get(group: argparse._SubParsersAction[Any]) -> None:
    text = "show log entries, merged by time"
    parser = group.add_parser("get", help=text, description=text, epilog=_GET_EXAMPLES)
    parser.set_defaults(handler=get)
    parser.add_argument(
        "-lf",
        "--log-file",
        action="append",
        default=[],
        metavar="FILE",
        help="log file (repeat for each)",
    )
    _add_log_dir(parser)
    for short, long, metavar, help_text in (
        ("-f", "--filter", "FILTER", "what to show (repeat for each)"),
        ("-t", "--time-window", "BEGIN,END", "when (repeat for each)"),
    ):
        parser.add_argument(
            short, long, action="append", default=[], metavar=metavar, help=help_text
        )
    for short, long, help_text in (
        ("-b", "--before", "lines to show before each match"),
        ("-a", "--after", "lines to show after each match"),
    ):
        parser.add_argument(
            short, long, type=_count, default=0, metavar="N", help=f"{help_text} (default: 0)"
        )
    parser.add_argument(
        "-fol",
        "--follow",
        nargs="?",
        const=True,
        default=False,
        type=_truth,
        metavar="true|false",
        help="go on with what is written from now on",
    )
    parser.add_argument("-nc", "--no-color", action="store_true", help="no colours")
    parser.add_argument("-v", "--verbose", action="store_true", help="all fields of each entry")
    parser.add_argument("-s", "--syslog", action="store_true", help="read the files as syslog")
    parser.add_argument(
        "-m",
        "--max-log-queue-size",
        type=_count,
        default=100,
        metavar="N",
        help="accepted for the official client's sake; this one keeps one entry per log",
    )
    add_json_lines(parser)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines")
    return int(text)


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def get(args: argparse.Namespace) -> int:
    if args.syslog and (args.log_dir or args.verbose):
        raise ArgumentsError("--syslog goes with neither --log-dir nor --verbose")

    from datetime import datetime

    from greendock.cli.logs.query import parse_filters
    from greendock.cli.logs.session import LogSession
    from greendock.cli.logs.window import all_over, parse_window

    now = datetime.now().astimezone()
    query = parse_filters(args.filter)
    windows = [parse_window(text, now, follow=args.follow) for text in args.time_window]
    folders, files = _places(args)
    show = _printer(args, query)
    session = LogSession(folders, files, _choice(args, query, windows, now), follow=args.follow)
    try:
        for shown in session.entries():
            show(shown)
        while args.follow and not all_over(windows, int(datetime.now().timestamp() * 1000)):
            sys.stdout.flush()
            for shown in session.news():
                show(shown)
        for shown in session.rest():
            show(shown)
    finally:
        session.close()
    return 0


def list_log_files(args: argparse.Namespace) -> int:
    from greendock.cli.logs.session import log_names

    folders, _ = _places(args)
    paths = [str(folder / name) for folder in folders for name in log_names(folder)]
    if args.json:
        say_json({"files": paths})
    elif paths:
        say("\n".join(paths))
        say(f"Total {len(paths)} files found.")
    else:
        say("No log file found.")
    return 0


def list_keywords(args: argparse.Namespace) -> int:
    kind = "syslog" if args.syslog else "Greengrass log"
    if args.json:
        say_json({"keywords": [keyword.partition("=")[0] for keyword in _KEYWORDS[kind]]})
        return 0
    say(f"Here is a list of suggested keywords for {kind}:")
    say("\n".join(_KEYWORDS[kind]))
    return 0


def _places(args: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    """Folders and single files to read, absolute."""
    from pathlib import Path

    folders = [Path(text).expanduser().absolute() for text in args.log_dir]
    files = [Path(text).expanduser().absolute() for text in getattr(args, "log_file", [])]
    if folders or files:
        return folders, files
    if getattr(args, "syslog", False):
        present = [Path(name) for name in _SYSLOG_FILES if Path(name).is_file()]
        if not present:
            raise ArgumentsError("there is no syslog here", hint="name a file with --log-file")
        return [], present
    return [Path(root_folder(args.root)) / "logs"], []


def _choice(
    args: argparse.Namespace, query: Query, windows: Sequence[Window], now: datetime
) -> Choice:
    from greendock.cli.logs.entry import parse_line, parse_syslog_line
    from greendock.cli.logs.merge import Choice
    from greendock.cli.logs.window import within

    def matches(entry: Entry, timestamp_ms: int) -> bool:
        return within(windows, timestamp_ms) and query.matches(entry)

    def syslog(line: str) -> Entry:
        return parse_syslog_line(line, now)

    return Choice(syslog if args.syslog else parse_line, matches, args.before, args.after)


def _printer(args: argparse.Namespace, query: Query) -> Callable[[Shown], None]:
    from greendock.cli.logs.lines import coloured, full_line, json_object, short_line

    if args.json:
        return lambda shown: say_raw(compact(json_object(shown.entry, shown.timestamp_ms)))
    line = full_line if args.verbose else short_line
    if not sys.stdout.isatty():
        return lambda shown: say_raw(line(shown.entry))
    use_colour = not args.no_color and not os.environ.get("NO_COLOR")
    highlights = query.highlights() if use_colour else []
    return lambda shown: say(coloured(line(shown.entry), highlights if shown.is_match else []))
