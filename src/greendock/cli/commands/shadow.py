"""`greendock shadow …`: get, update, delete and list the shadows that this core keeps.

Asks the core and prints; the rules of shadow documents are the core's.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from greendock.cli.access import root_folder
from greendock.cli.errors import ArgumentsError, CliError
from greendock.cli.output import compact, say, say_json
from greendock.cli.parser import add_group, add_json

if TYPE_CHECKING:
    from greendock.cli.client import Client

_UPDATE_EXAMPLES = """\
examples:
  greendock shadow update -t Lamp1 --desired '{"on": true}'
  greendock shadow update -t Lamp1 -n light --reported state.json --version-is 3
  greendock shadow update -t Lamp1 --desired null
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    group = add_group(subparsers, "shadow", "show and change the shadows of things")
    _add(
        group, "get", "show a shadow", get, "example:\n  greendock shadow get -t Lamp1 -n light\n"
    )
    update_parser = _add(
        group, "update", "merge into a shadow, null removes a member", update, _UPDATE_EXAMPLES
    )
    for section in ("desired", "reported"):
        update_parser.add_argument(
            f"--{section}",
            metavar="JSON|FILE",
            help=f"object to merge into the {section} state, or null to remove that",
        )
    update_parser.add_argument(
        "--version-is",
        type=int,
        metavar="N",
        help="only when the shadow has this version",
    )
    _add(
        group,
        "delete",
        "delete a shadow",
        delete,
        "example:\n  greendock shadow delete -t Lamp1 -n light\n",
    )
    _add(
        group,
        "list",
        "show the names of a thing's shadows",
        list_names,
        "example:\n  greendock shadow list -t Lamp1\n",
    )


def _add(
    group: argparse._SubParsersAction[Any], name: str, text: str, handler: object, epilog: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(
        name, help=text, description=text, epilog=epilog
    )
    parser.add_argument("-t", "--thing", required=True, metavar="THING", help="the thing's name")
    if name != "list":
        parser.add_argument(
            "-n", "--name", metavar="NAME", help="the shadow's name (default: the classic shadow)"
        )
    parser.set_defaults(handler=handler)
    add_json(parser)
    return parser


def get(args: argparse.Namespace) -> int:
    with _client(args) as client:
        document = _document(client.call("GetThingShadow", _which(args)))
    if args.json:
        say_json(document)
        return 0
    state = document.get("state", {})
    say(f"Version: {document.get('version')}")
    for section in ("desired", "reported", "delta"):
        if section in state:
            say(f"{section.capitalize()}: {compact(state[section])}")
    return 0


def update(args: argparse.Namespace) -> int:
    import base64
    import json

    state = {
        section: _section(section, text)
        for section in ("desired", "reported")
        if (text := getattr(args, section)) is not None
    }
    if not state:
        raise ArgumentsError("cannot update the shadow: give --desired, --reported or both")
    patch: dict[str, Any] = {"state": state}
    if args.version_is is not None:
        patch["version"] = args.version_is
    payload = base64.b64encode(json.dumps(patch).encode()).decode()
    with _client(args) as client:
        answer = client.call("UpdateThingShadow", {**_which(args), "payload": payload})
    document = _document(answer)
    if args.json:
        say_json(document)
    else:
        say(f"Version: {document.get('version')}")
    return 0


def delete(args: argparse.Namespace) -> int:
    with _client(args) as client:
        client.call("DeleteThingShadow", _which(args))
    if args.json:
        say_json({"thingName": args.thing, "shadowName": args.name, "deleted": True})
    return 0


def list_names(args: argparse.Namespace) -> int:
    names: list[str] = []
    request: dict[str, Any] = {"thingName": args.thing, "pageSize": 100}
    with _client(args) as client:
        while True:
            page = client.call("ListNamedShadowsForThing", request)
            names += page.get("results", [])
            if not page.get("nextToken"):
                break
            request["nextToken"] = page["nextToken"]
    if args.json:
        say_json({"thingName": args.thing, "shadowNames": names})
        return 0
    for name in names:
        say(name)
    return 0


def _which(args: argparse.Namespace) -> dict[str, Any]:
    name = {"shadowName": args.name} if args.name else {}
    return {"thingName": args.thing, **name}


def _section(section: str, text: str) -> object:
    from greendock.cli.json_argument import read_json_argument

    value = None if text.strip() == "null" else read_json_argument(f"--{section}", text)
    if value is not None and not isinstance(value, dict):
        raise ArgumentsError(f"cannot use --{section}: it has to be a JSON object or null")
    return value


def _document(answer: dict[str, Any]) -> dict[str, Any]:
    import base64
    import json

    try:
        document = json.loads(base64.b64decode(answer.get("payload", "")))
    except ValueError as error:
        raise CliError("cannot understand the core: the shadow is not JSON") from error
    return document if isinstance(document, dict) else {}


def _client(args: argparse.Namespace) -> Client:
    from greendock.cli.client import Client

    return Client(root_folder(args.root))
