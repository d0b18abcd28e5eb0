"""Which token file of `cli_ipc_info/` to use: those for this user first, then any other.

Pure. The core writes one file per principal, `user-<uid>` or `group-<gid>`; the order here is that
of the official client, with supplementary groups before the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def token_file_names(
    present: Iterable[str], *, user: int, group: int, groups: Sequence[int]
) -> list[str]:
    """Names in `present`, best first. Hidden files are being written and don't count."""
    wanted = [f"user-{user}", f"group-{group}", *(f"group-{number}" for number in groups)]
    offered = sorted(name for name in present if not name.startswith("."))
    own = [name for name in dict.fromkeys(wanted) if name in offered]
    return own + [name for name in offered if name not in own]


def who_may_read(names: Iterable[str]) -> list[tuple[str, int]]:
    """The principals that token files are for: `("user" | "group", number)`."""
    principals: list[tuple[str, int]] = []
    for name in names:
        kind, _, number = name.partition("-")
        if kind in ("user", "group") and number.isdecimal():
            principals.append((kind, int(number)))
    return principals
