"""`greendock component …`: list, details, stats, restart, stop, pause, resume.

Texts as the official client prints them; --verbose and --json add what only this core knows.
Asks the core and prints; decides nothing.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from greendock.cli.access import root_folder
from greendock.cli.errors import EXIT_FAILED, CliError
from greendock.cli.output import complain, error_object, say, say_json
from greendock.cli.parser import add_group, add_json, add_verbose, names, seconds

if TYPE_CHECKING:
    from greendock.cli.client import Client

_STATS_EXAMPLES = """\
examples:
  greendock component stats
  greendock component stats -n com.example.Web --watch
  greendock component stats --json

CPU is the share of one processor between two looks, memory is without file cache; both are of
processes and containers together. Limits hold for a component's processes together, and for its
containers together.
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    group = add_group(
        subparsers, "component", "list, show, measure, restart, stop and pause components"
    )
    _add(group, "list", "show every component", list_components, "component list --json")
    example = "component details -n com.example.Web"
    details = _add(group, "details", "show one component", show_details, example)
    details.add_argument("-n", "--name", required=True, help="component name")
    _add_stats(group)
    accepted = "returns when the core has accepted it"
    for verb, handler, returns in (
        ("restart", restart, accepted),
        ("stop", stop, accepted),
        ("pause", pause, "returns when their processes and containers stand still"),
        ("resume", resume, "returns when they go on"),
    ):
        parser = _add(
            group,
            verb,
            f"{verb} components; {returns}",
            handler,
            f"component {verb} -n com.example.Web,com.example.Db",
        )
        parser.add_argument(
            "-n",
            "--names",
            required=True,
            action="extend",
            type=names,
            metavar="NAMES",
            help="component names, split on , or &",
        )


def _add_stats(group: argparse._SubParsersAction[Any]) -> None:
    text = "show what components use: CPU, memory, restarts"
    parser = group.add_parser("stats", help=text, description=text, epilog=_STATS_EXAMPLES)
    parser.set_defaults(handler=show_stats)
    parser.add_argument(
        "-n",
        "--names",
        action="extend",
        type=names,
        default=[],
        metavar="NAMES",
        help="component names, split on , or & (default: all)",
    )
    parser.add_argument(
        "--watch", action="store_true", help="go on until Ctrl-C; with --json an object per line"
    )
    parser.add_argument(
        "--interval",
        type=seconds,
        default=1.0,
        metavar="SECONDS",
        help="time between two looks (default 1)",
    )
    add_json(parser)


def _add(
    group: argparse._SubParsersAction[Any], name: str, text: str, handler: object, example: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(
        name, help=text, description=text, epilog=f"example:\n  greendock {example}\n"
    )
    parser.set_defaults(handler=handler)
    add_json(parser)
    if name in ("list", "details"):
        add_verbose(parser)
    return parser


def list_components(args: argparse.Namespace) -> int:
    from greendock.cli.component_text import component_lines, component_object

    with _client(args) as client:
        components = client.call("greendock#DescribeComponents").get("components", [])
    if args.json:
        say_json({"components": [component_object(component) for component in components]})
        return 0
    say("Components currently running in Greengrass:")
    for component in components:
        say("\n".join(component_lines(component, verbose=args.verbose)))
    return 0


def show_details(args: argparse.Namespace) -> int:
    from greendock.cli.component_text import component_lines, component_object

    request = {"componentName": args.name}
    with _client(args) as client:
        component = client.call("greendock#DescribeComponent", request).get("component", {})
    if args.json:
        say_json(component_object(component))
    else:
        say("\n".join(component_lines(component, verbose=args.verbose)))
    return 0


def show_stats(args: argparse.Namespace) -> int:
    from greendock.cli.component_stats import follow_stats

    args.json_lines = args.watch  # an error is a line like the others then
    with _client(args) as client:
        follow_stats(client, args.names, args.interval, go_on=args.watch, as_json=args.json)
    return 0


def restart(args: argparse.Namespace) -> int:
    return _change(args, "RestartComponent", "restartStatus")


def stop(args: argparse.Namespace) -> int:
    return _change(args, "StopComponent", "stopStatus")


def pause(args: argparse.Namespace) -> int:
    return _change(args, "PauseComponent")


def resume(args: argparse.Namespace) -> int:
    return _change(args, "ResumeComponent")


def _change(args: argparse.Namespace, operation: str, status_member: str | None = None) -> int:
    """Ask for each component; one that fails doesn't keep the others from being asked for."""
    results: list[dict[str, Any]] = []
    failures: list[CliError] = []
    with _client(args) as client:
        for name in dict.fromkeys(args.names):
            try:
                answer = client.call(operation, {"componentName": name})
                if status_member and answer.get(status_member) == "FAILED":
                    raise CliError(answer.get("message") or "the core refused it, with no reason")
                results.append({"componentName": name, "status": "SUCCEEDED"})
            except CliError as error:
                if error.exit_code != EXIT_FAILED:
                    raise
                failures.append(_named(error, operation, name))
                results.append(
                    {"componentName": name, "status": "FAILED", "message": error.message}
                )
    _report_changes(args, results, failures)
    return EXIT_FAILED if failures else 0


def _named(error: CliError, operation: str, name: str) -> CliError:
    verb = operation.removesuffix("Component").lower()
    what = f"cannot {verb} {name}"
    message = error.message if error.message.startswith(what) else f"{what}: {error.message}"
    return CliError(message, codes=error.codes, hint=error.hint)


def _report_changes(
    args: argparse.Namespace, results: list[dict[str, Any]], failures: list[CliError]
) -> None:
    if args.json:
        shape: dict[str, Any] = {"components": results}
        if failures:
            shape["error"] = error_object(failures[0])
        say_json(shape)
        return
    for failure in failures:
        complain(failure)


def _client(args: argparse.Namespace) -> Client:
    from greendock.cli.client import Client

    return Client(root_folder(args.root))
