"""What the name of a log file says: whether it is one, and where it stands in its rotation.

Pure. Greengrass renames `NAME.log` to `NAME_yyyy_MM_dd_HH_i.log`; all files of one NAME are one
log, the one without a stamp is the newest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_ROTATED = re.compile(r"(?P<base>.+)_(?P<stamp>\d{4}_\d\d_\d\d_\d\d)_(?P<index>\d+)\.log")


class Place(NamedTuple):
    """Sorts as the files were written. `is_active` is the one that is written to now."""

    is_active: bool
    stamp: str
    number: int


def is_log(name: str) -> bool:
    """As the official client: any name with "log" in it."""
    return "log" in name


def log_of(name: str) -> tuple[str, Place]:
    """The name of the log's active file, and the place of `name` in that log."""
    match = _ROTATED.fullmatch(name)
    if match is None:
        return name, Place(True, "", 0)
    return f"{match['base']}.log", Place(False, match["stamp"], int(match["index"]))


def in_order(names: Iterable[str], log: str) -> list[str]:
    """The files of `log` among `names`, the oldest first."""
    own = [name for name in names if log_of(name)[0] == log]
    return sorted(own, key=lambda name: log_of(name)[1])
