"""What a registry's 401 asks for: the header WWW-Authenticate, read into data.

Pure; linear in the length of the text; what can't be read is skipped, never an error. Knows the
grammar of challenges, not what to do about one. Called by the registry's session.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105 - HTTP's word for a word
_PART = re.compile(
    rf"(?P<name>{_TOKEN})\s*=\s*"
    rf'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"=]+))'
    rf"|(?P<scheme>{_TOKEN})(?P<padding>=*)(?=[\s,]|$)"
    r"|[\s,]+|[^\s,\"]+|\"",
    re.DOTALL | re.ASCII,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate. Scheme and parameter names are in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def read_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges in all headers of that name, in their order.

    One header can hold several, and commas separate parameters as well as challenges: a word
    without a value begins the next challenge.
    """
    found: list[Challenge] = []
    for value in values:
        parameters: dict[str, str] | None = None
        for part in _PART.finditer(value):
            if part["scheme"] and not part["padding"]:
                parameters = {}
                found.append(Challenge(part["scheme"].lower(), parameters))
            elif part["name"] and parameters is not None:
                parameters.setdefault(part["name"].lower(), _value(part))
    return tuple(found)


def _value(part: re.Match[str]) -> str:
    if part["quoted"] is None:
        return part["plain"]
    return _ESCAPED.sub(r"\1", part["quoted"])
