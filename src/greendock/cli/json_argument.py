"""An option whose value is JSON text or the path of a JSON file.

Reads the file, gives the parsed value; what must be in it is for deployment_request.py to say.
"""

from __future__ import annotations

import json
from pathlib import Path

from greendock.cli.errors import ArgumentsError


def read_json_argument(option: str, text: str | None) -> object:
    """None stays None. Text that begins with `{` or `[` is JSON, anything else is a path."""
    if text is None:
        return None
    if text.lstrip()[:1] in ("{", "["):
        return _parse(option, text)
    path = Path(text.removeprefix("file://")).expanduser()
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ArgumentsError(
            f"cannot read {option} {text}: {reason}", hint="give JSON text or the path of a file"
        ) from error
    return _parse(f"{option} {text}", content)


def _parse(what: str, text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArgumentsError(f"cannot understand {what}: it is not valid JSON: {error}") from error
    return value
