"""`greendock deployment …`: create, status, list, cancel.

Grammar and texts of the official client; `--wait`, `--json` and what `--verbose` adds are ours.
Sends requests and prints answers; building them and wording them is done elsewhere.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from greendock.cli.access import root_folder
from greendock.cli.deployment_options import add_request_options, read_request
from greendock.cli.errors import ArgumentsError
from greendock.cli.output import say, say_json
from greendock.cli.parser import (
    add_group,
    add_json,
    add_verbose,
    deployment_id,
    program_name,
    seconds,
)

if TYPE_CHECKING:
    from greendock.cli.client import Client

_CREATE_EXAMPLES = """\
examples:
  greendock deployment create -r recipes -a artifacts -m com.example.Web=1.0.0
  greendock deployment create --remove com.example.Web
  greendock deployment create -c '{"com.example.Web": {"MERGE": {"port": 8080}}}'
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    group = add_group(subparsers, "deployment", "create, show, list and cancel deployments")
    _add_create(group)
    for name, text, handler in (
        ("status", "show one deployment", show_status),
        ("list", "show all local deployments", list_deployments),
        ("cancel", "cancel a deployment", cancel),
    ):
        argument = "" if name == "list" else " -i 11111111-2222-3333-4444-555555555555"
        epilog = f"example:\n  greendock deployment {name}{argument}\n"
        parser = group.add_parser(name, help=text, description=text, epilog=epilog)
        parser.set_defaults(handler=handler)
        add_json(parser)
        if name != "list":
            parser.add_argument(
                "-i",
                "--deploymentId",
                required=True,
                type=deployment_id,
                metavar="ID",
                help="deployment id, a UUID",
            )
        if name != "cancel":
            add_verbose(parser)


def _add_create(group: argparse._SubParsersAction[Any]) -> None:
    text = "create a local deployment"
    parser = group.add_parser("create", help=text, description=text, epilog=_CREATE_EXAMPLES)
    parser.set_defaults(handler=create)
    parser.add_argument(
        "-r", "--recipeDir", metavar="DIR", help="folder with recipe files, read by the core"
    )
    parser.add_argument(
        "-a",
        "--artifactDir",
        metavar="DIR",
        help="folder with artifacts as COMPONENT/VERSION/FILE, read by the core",
    )
    add_request_options(parser, default_policy="DO_NOTHING")
    parser.add_argument("--wait", action="store_true", help="show progress until the result")
    parser.add_argument(
        "--timeout", type=seconds, metavar="SECONDS", help="with --wait: how long to wait"
    )
    add_json(parser)


def create(args: argparse.Namespace) -> int:
    if args.timeout is not None and not args.wait:
        raise ArgumentsError("--timeout needs --wait")
    request = read_request(args)
    for member, path in (
        ("recipeDirectoryPath", args.recipeDir),
        ("artifactsDirectoryPath", args.artifactDir),
    ):
        if path:
            request[member] = _absolute(path)
    with _client(args) as client:
        created = client.call("CreateLocalDeployment", request)["deploymentId"]
        if args.wait:
            from greendock.cli.follow import follow_deployment

            return follow_deployment(client, created, timeout_s=args.timeout, as_json=args.json)
    if args.json:
        say_json({"deploymentId": created})
    else:
        say(f"Local deployment submitted! Deployment Id: {created}")
    return 0


def show_status(args: argparse.Namespace) -> int:
    from greendock.cli import deployment_text

    with _client(args) as client:
        deployment = _deployment(client, args.deploymentId, more=args.json or args.verbose)
        waiting = _waiting(client, args.deploymentId, deployment)
    if args.json:
        say_json(deployment_text.json_shape(deployment))
        return 0
    lines = deployment_text.status_lines(deployment)
    lines += deployment_text.waiting_lines(waiting, time.time())
    if args.verbose:
        lines += deployment_text.more_lines(deployment)
    say("\n".join(lines))
    return 0


def list_deployments(args: argparse.Namespace) -> int:
    from greendock.cli import deployment_text

    with _client(args) as client:
        answer = client.call("ListLocalDeployments").get("localDeployments", [])
        deployments: list[Mapping[str, Any]] = [
            deployment_text.from_greengrass(each) for each in answer
        ]
        if args.verbose:
            deployments = [
                _deployment(client, each["deploymentId"], more=True) for each in deployments
            ]
    if args.json:
        say_json({"deployments": [deployment_text.json_shape(each) for each in deployments]})
        return 0
    blocks = [
        deployment_text.list_block(each)
        + (deployment_text.more_lines(each) if args.verbose else [])
        for each in deployments
    ]
    if blocks:
        say("\n\n".join("\n".join(block) for block in blocks))
    return 0


def cancel(args: argparse.Namespace) -> int:
    request = {"deploymentId": args.deploymentId}
    with _client(args) as client:
        message = client.call("CancelLocalDeployment", request).get("message", "")
    if args.json:
        say_json({"deploymentId": args.deploymentId, "message": message})
    else:
        say(message)
    return 0


def _deployment(client: Client, wanted: str, *, more: bool) -> Mapping[str, Any]:
    from greendock.cli.deployment_text import from_greengrass

    request = {"deploymentId": wanted}
    if more:
        described: Mapping[str, Any] = client.call("greendock#DescribeDeployment", request)[
            "deployment"
        ]
        return described
    return from_greengrass(client.call("GetLocalDeploymentStatus", request)["deployment"])


def _waiting(client: Client, wanted: str, deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    """The description with what the deployment waits for; official clients don't ask for it."""
    if deployment.get("status") != "IN_PROGRESS" or program_name() == "greengrass-cli":
        return deployment if "waiting" in deployment else {}
    return deployment if "waiting" in deployment else _deployment(client, wanted, more=True)


def _client(args: argparse.Namespace) -> Client:
    from greendock.cli.client import Client

    return Client(root_folder(args.root))


def _absolute(path: str) -> str:
    from pathlib import Path

    return str(Path(path).expanduser().absolute())
