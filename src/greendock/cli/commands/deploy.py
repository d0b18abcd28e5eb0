"""`greendock deploy PATH…`: deploys recipes from files and folders, and waits for the result.

The friendly form of `deployment create`: finds and checks the recipes, names what it deploys,
rolls back on failure, shows progress. Only arguments are read here.
"""

from __future__ import annotations

import argparse
from typing import Any

from greendock.cli.deployment_options import add_request_options, read_request
from greendock.cli.errors import ArgumentsError
from greendock.cli.parser import add_json, seconds

_EXAMPLES = """\
examples:
  greendock deploy ./my-component                recipes below the folder, files in its artifacts/
  greendock deploy recipe.yaml -a ./artifacts    one recipe, artifacts elsewhere
  greendock deploy greengrass-build              what `gdk component build` made
  greendock deploy . --no-wait                   print the deployment id and return

An artifact folder holds NAME/VERSION/FILE. Ctrl-C ends the waiting, not the deployment.
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    parser = subparsers.add_parser(
        "deploy",
        help="deploy recipes and wait for the result",
        description="Deploy recipes and wait for the result. All recipes that are found go into "
        "one deployment.",
        epilog=_EXAMPLES,
    )
    parser.set_defaults(handler=deploy)
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="recipe file, or folder with recipes below it"
    )
    parser.add_argument(
        "-a",
        "--artifactDir",
        action="append",
        default=[],
        metavar="DIR",
        help="folder with artifacts as NAME/VERSION/FILE (repeat for each; beside those found)",
    )
    add_request_options(parser, default_policy="ROLLBACK")
    parser.add_argument(
        "--no-wait", action="store_true", help="return when the core has accepted the deployment"
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="how long to wait; the deployment goes on after it",
    )
    add_json(parser)


def deploy(args: argparse.Namespace) -> int:
    if args.no_wait and args.timeout is not None:
        raise ArgumentsError("--timeout makes no sense with --no-wait")
    request = read_request(args)

    from greendock.cli.access import root_folder
    from greendock.cli.client import Client
    from greendock.cli.deploy_sources import gather
    from greendock.cli.follow import follow_deployment
    from greendock.cli.output import say, say_json

    merge = request.get("rootComponentVersionsToAdd", {})
    sources = gather(args.paths, args.artifactDir, merge)
    both = sorted(set(sources.roots) & set(request.get("rootComponentsToRemove", ())))
    if both:
        raise ArgumentsError(f"cannot both deploy and remove {', '.join(both)}")
    request["rootComponentVersionsToAdd"] = {**merge, **sources.roots}
    request["recipePaths"] = sources.recipe_paths
    request["artifactFolders"] = sources.artifact_folders
    request.setdefault("failureHandlingPolicy", "ROLLBACK")
    with Client(root_folder(args.root)) as client:
        created = client.call("CreateLocalDeployment", request)["deploymentId"]
        if not args.no_wait:
            return follow_deployment(client, created, timeout_s=args.timeout, as_json=args.json)
    if args.json:
        say_json({"deploymentId": created})
    else:
        say(f"Local deployment submitted! Deployment Id: {created}")
    return 0
