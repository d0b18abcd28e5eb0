"""The options that `deployment create` and `deploy` share, and their values as a request.

Declares them once, so that both commands have the same grammar. Imported on parsing, so nothing
heavy above the functions that run.
"""

from __future__ import annotations

import argparse
from typing import Any

from greendock.cli.parser import component_version, names, policy, whole_seconds


def add_request_options(parser: argparse.ArgumentParser, *, default_policy: str) -> None:
    """Everything of CreateLocalDeployment except recipes and artifacts."""
    parser.add_argument(
        "-m",
        "--merge",
        action="append",
        type=component_version,
        default=[],
        metavar="COMPONENT=VERSION",
        help="component to add or update (repeat for each)",
    )
    parser.add_argument(
        "--remove",
        action="extend",
        type=names,
        default=[],
        metavar="NAMES",
        help="components to remove, split on , or &",
    )
    parser.add_argument("-g", "--groupId", metavar="GROUP", help="thing group that is changed")
    parser.add_argument(
        "-c",
        "--update-config",
        metavar="JSON",
        help='configuration changes, JSON text or a file: {"COMPONENT": {"MERGE": {…}, '
        '"RESET": ["/key"]}}',
    )
    parser.add_argument(
        "--runWith",
        action="append",
        default=[],
        metavar="COMPONENT:posixUser=USER[:GROUP]",
        help="who runs a component's scripts (repeat for each)",
    )
    parser.add_argument(
        "--systemLimits",
        metavar="JSON",
        help='resource limits, JSON text or a file: {"COMPONENT": {"cpus": 0.5, "memory": '
        "102400}}, memory in KB",
    )
    parser.add_argument(
        "-fp",
        "--failure-handling-policy",
        type=policy,
        metavar="POLICY",
        help=f"what happens on failure, ROLLBACK or DO_NOTHING (default: {default_policy})",
    )
    parser.add_argument(
        "--notify-components",
        nargs="?",
        const=60,
        type=whole_seconds,
        metavar="SECONDS",
        help="tell components before they are updated, and let them defer it for so long at most "
        "(60 s without a number)",
    )
    parser.add_argument(
        "--validate-configuration",
        nargs="?",
        const=20,
        type=whole_seconds,
        metavar="SECONDS",
        help="have running components check a new configuration, and wait so long for their "
        "reports (20 s without a number)",
    )
    parser.add_argument(
        "--supersede",
        action="store_true",
        help="cancel other deployments that wait or are still being prepared",
    )
    parser.add_argument(
        "--offline",
        action="store_true",
        help="use the images that are on the device without asking a registry for newer ones",
    )


def read_request(args: argparse.Namespace) -> dict[str, Any]:
    """The request that the options make, without recipes and artifacts. Raises ArgumentsError."""
    from greendock.cli.deployment_request import RequestOptions, build_request
    from greendock.cli.json_argument import read_json_argument

    return build_request(
        RequestOptions(
            merge=args.merge,
            remove=args.remove,
            group=args.groupId,
            configuration=read_json_argument("--update-config", args.update_config),
            run_with=args.runWith,
            limits=read_json_argument("--systemLimits", args.systemLimits),
            policy=args.failure_handling_policy,
            notify_s=args.notify_components,
            validate_s=args.validate_configuration,
            supersede=args.supersede,
            offline=args.offline,
        )
    )
