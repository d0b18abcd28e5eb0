"""`greendock run`: starts a core in the foreground.

Only hands the root folder over to `greendock.daemon`, which builds the core; imported when asked
for, since it brings everything with it.
"""

from __future__ import annotations

import argparse
from typing import Any

_EXAMPLES = """\
examples:
  greendock run                                   as root: /greengrass/v2, else ~/.greendock
  greendock run --root /srv/core --init-config config.yaml

SIGTERM or Ctrl-C stops the core, components first.
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    parser = subparsers.add_parser(
        "run",
        help="start a core in the foreground",
        description="Start a core in the foreground.",
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "--init-config",
        metavar="FILE",
        help="configuration (config.yaml of Greengrass) that is merged in before the start",
    )
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    from pathlib import Path

    from greendock import daemon
    from greendock.cli.access import root_folder

    init_config = Path(args.init_config).expanduser().absolute() if args.init_config else None
    return daemon.run(Path(root_folder(args.root)), init_config)
