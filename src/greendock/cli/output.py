"""What the command line writes: text lines, JSON objects and errors.

Texts are written as they are, never used as a format; only control characters are escaped, since
texts from recipes, registries and logs could steer the terminal. Errors go to stderr as `error:`
and `hint:` lines; with --json they are the member `error` of the object on stdout.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from greendock.base.errors import GreendockError

_JSON_CONTROL = re.compile("[\x7f-\x9f]")
_COLOUR_OR_CONTROL = re.compile("(\x1b\\[[0-9;]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """`text` with control characters as escapes; line ends, tabs and colours stay."""
    if text.isprintable():
        return text
    return _COLOUR_OR_CONTROL.sub(lambda match: match[1] or f"\\x{ord(match[0]):02x}", text)


def say(text: str) -> None:
    """One line (or several) on stdout."""
    say_raw(visible(text))


def say_raw(text: str) -> None:
    """`say` without any change to the text."""
    sys.stdout.write(f"{text}\n")


def warn(text: str) -> None:
    """One line on stderr that doesn't change the exit code."""
    sys.stderr.write(f"{visible(text)}\n")


def compact(value: object) -> str:
    """JSON on one line, as the official client prints configurations."""
    import json

    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def say_json(value: object) -> None:
    """One JSON object on stdout, readable."""
    import json

    say_raw(json.dumps(value, indent=2, ensure_ascii=False))


def say_json_line(value: object) -> None:
    """One JSON object on a line of its own. JSON leaves some control characters as they are."""
    say_raw(_JSON_CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", compact(value)))


def error_object(error: GreendockError) -> dict[str, Any]:
    """The `error` member: message, and codes and hint when there are any."""
    shape: dict[str, Any] = {"message": error.message}
    if error.codes:
        shape["codes"] = list(error.codes)
    if error.hint:
        shape["hint"] = error.hint
    return shape


def complain(error: GreendockError) -> None:
    """An error for people."""
    warn(f"error: {error.message}")
    if error.hint:
        warn(f"hint: {error.hint}")


def report(error: GreendockError, *, as_json: bool, on_one_line: bool = False) -> None:
    """An error that ends the command, for people or as the JSON object of the command."""
    if as_json:
        (say_json_line if on_one_line else say_json)({"error": error_object(error)})
    else:
        complain(error)
