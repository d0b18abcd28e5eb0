"""`greendock image …`: explain an image's URI, list the engine's images, prune them.

Reads arguments and prints; explaining is image_explanation.py's, everything else the core's.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from greendock.cli.access import root_folder
from greendock.cli.errors import EXIT_FAILED
from greendock.cli.output import say, say_json, warn
from greendock.cli.parser import add_group, add_json

if TYPE_CHECKING:
    from greendock.cli.client import Client

_EXPLAIN_EXAMPLES = """\
examples:
  greendock image explain docker:mysql:8.0
  greendock image explain --json docker:public.ecr.aws/nginx/nginx@sha256:…

Says how the URI of a docker artifact is read. Where a core or an engine can be asked, also whether
the image is there and which login would be used for it; never the login itself.

exit codes: 0 valid (with --json also when it is not), 1 not valid, 2 wrong usage
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    group = add_group(subparsers, "image", "explain, list and prune images")
    text = "say how an image's URI is read"
    parser = group.add_parser("explain", help=text, description=text, epilog=_EXPLAIN_EXAMPLES)
    parser.add_argument("uri", metavar="URI", help="artifact URI, such as docker:mysql:8.0")
    parser.set_defaults(handler=explain)
    add_json(parser)
    text = "show the engine's images, who needs them and why they are kept"
    parser = group.add_parser(
        "list", help=text, description=text, epilog="example:\n  greendock image list\n"
    )
    parser.set_defaults(handler=list_images)
    add_json(parser)
    text = "remove images that Greendock brought and nothing needs"
    parser = group.add_parser(
        "prune",
        help=text,
        description=text,
        epilog="examples:\n  greendock image prune --dry-run\n  greendock image prune\n",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    parser.set_defaults(handler=prune)
    add_json(parser)


def explain(args: argparse.Namespace) -> int:
    from greendock.cli.image_explanation import explain_uri, explanation_lines
    from greendock.cli.image_lookup import look_up

    shape = explain_uri(args.uri)
    if shape["valid"]:
        shape |= look_up(root_folder(args.root), args.uri)
    if args.json:
        say_json(shape)
        return 0
    lines = explanation_lines(args.uri, shape)
    if shape["valid"]:
        say("\n".join(lines))
        return 0
    warn("\n".join(lines))
    return EXIT_FAILED


def list_images(args: argparse.Namespace) -> int:
    from greendock.cli.image_text import image_lines

    with _client(args) as client:
        images = client.call("greendock#ListImages").get("images", [])
    if args.json:
        say_json({"images": images})
    else:
        say("\n".join(image_lines(images)))
    return 0


def prune(args: argparse.Namespace) -> int:
    from greendock.cli.image_text import prune_lines

    with _client(args, request_timeout_s=600) as client:
        answer = client.call("greendock#PruneImages", {"dryRun": args.dry_run})
    if args.json:
        say_json(answer)
        return 0
    for warning in answer.get("warnings", []):
        warn(f"warning: {warning}")
    say("\n".join(prune_lines(answer)))
    return 0


def _client(args: argparse.Namespace, **options: Any) -> Client:
    from greendock.cli.client import Client

    return Client(root_folder(args.root), **options)
