"""Reads `.env` files as compose does: `NAME=value` lines, quotes, comments, variables.

Pure. Lines that it can't read are passed over: compose says what is wrong with them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from greendock.docker.compose.interpolation import InterpolationError, interpolate

_LINE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.-]*)[ \t]*[=:][ \t]*
    (?: '(?P<single>[^']*)' | "(?P<double>(?:[^"\\]|\\.)*)" | (?P<bare>[^\n]*) )""",
    re.VERBOSE | re.MULTILINE | re.ASCII,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def read_env_file(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` fills in variables, before what stands further up in the file."""
    found: dict[str, str] = {}
    for match in _LINE.finditer(text):
        name = match["name"]
        if match["single"] is not None:
            found[name] = match["single"]
            continue
        value = match["double"]
        if value is not None:
            value = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), value, flags=re.DOTALL)
        else:
            value = re.split(r"(?:^|\s)#", match["bare"], maxsplit=1)[0].strip()
        try:
            found[name] = interpolate(value, {**found, **environment})
        except InterpolationError:
            found[name] = value
    return found
