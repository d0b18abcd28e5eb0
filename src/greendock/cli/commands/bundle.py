"""`greendock bundle …`: create, inspect, import.

Only arguments are read here; the work is imported when it is asked for.
"""

from __future__ import annotations

import argparse
from typing import Any

from greendock.cli.errors import ArgumentsError
from greendock.cli.parser import add_group, add_json, seconds

_CREATE_EXAMPLES = """\
examples:
  greendock bundle create -o device.bundle             everything that is deployed here
  greendock bundle create -n com.example.Web -o web.bundle

The bundle is a tar archive. It holds recipes, artifact files and images, not the configuration
that deployments gave to the components.
"""
_INSPECT_EXAMPLES = """\
examples:
  greendock bundle inspect device.bundle
  greendock bundle inspect device.bundle --json
"""
_IMPORT_EXAMPLES = """\
examples:
  greendock bundle import device.bundle
  greendock bundle import device.bundle -c '{"com.example.Web": {"MERGE": {"port": 8080}}}'
  greendock bundle import device.bundle --no-deploy    load the images only

Nothing is changed on this device before every checksum in the bundle has been found right.
Ctrl-C ends the waiting, not the deployment.
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    group = add_group(subparsers, "bundle", "install on devices without a registry")
    _add_create(group)
    text = "show what a bundle holds and check it"
    parser = group.add_parser("inspect", help=text, description=text, epilog=_INSPECT_EXAMPLES)
    parser.set_defaults(handler=inspect)
    parser.add_argument("file", metavar="FILE", help="bundle")
    add_json(parser)
    _add_import(group)


def _add_create(group: argparse._SubParsersAction[Any]) -> None:
    text = "pack what is deployed here into one file"
    parser = group.add_parser("create", help=text, description=text, epilog=_CREATE_EXAMPLES)
    parser.set_defaults(handler=create)
    parser.add_argument(
        "-n",
        "--name",
        action="append",
        default=[],
        metavar="COMPONENT",
        help="component to pack with what it depends on (repeat for each; default: all roots)",
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="file to write")
    parser.add_argument("--force", action="store_true", help="replace FILE when it exists")
    add_json(parser)


def _add_import(group: argparse._SubParsersAction[Any]) -> None:
    from greendock.cli.deployment_options import add_request_options

    text = "check a bundle, load its images and deploy its components"
    parser = group.add_parser("import", help=text, description=text, epilog=_IMPORT_EXAMPLES)
    parser.set_defaults(handler=import_bundle)
    parser.add_argument("file", metavar="FILE", help="bundle")
    add_request_options(parser, default_policy="ROLLBACK")
    parser.add_argument(
        "--no-deploy", action="store_true", help="check the bundle and load its images only"
    )
    parser.add_argument(
        "--no-wait",
        action="store_true",
        help="return when the core has accepted the deployment; says which folder it reads",
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="how long to wait; the deployment goes on after it",
    )
    parser.add_argument(
        "--force", action="store_true", help="also when the bundle is for another platform"
    )
    add_json(parser)


def create(args: argparse.Namespace) -> int:
    from greendock.cli.access import root_folder
    from greendock.cli.bundle_create import create_bundle

    root = root_folder(args.root)
    return create_bundle(root, args.name, args.output, overwrite=args.force, as_json=args.json)


def inspect(args: argparse.Namespace) -> int:
    from greendock.cli.bundle_inspect import inspect_bundle

    return inspect_bundle(args.file, as_json=args.json)


def import_bundle(args: argparse.Namespace) -> int:
    from greendock.cli.deployment_options import read_request

    if args.no_wait and args.timeout is not None:
        raise ArgumentsError("--timeout makes no sense with --no-wait")
    request = read_request(args)
    if args.no_deploy and (request or args.no_wait or args.timeout is not None):
        raise ArgumentsError("options of a deployment make no sense with --no-deploy")

    from greendock.cli.access import root_folder
    from greendock.cli.bundle_import import Import, run_import

    return run_import(
        Import(
            root=root_folder(args.root),
            file=args.file,
            request=request,
            deploys=not args.no_deploy,
            waits=not args.no_wait,
            timeout_s=args.timeout,
            force=args.force,
            as_json=args.json,
        )
    )
