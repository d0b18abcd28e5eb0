"""The content of a message to publish: the text of an option, or the file that it names.

Reads the file, as the user of the command line. What is sent and how is for the commands to say.
"""
# ruff: noqa: PTH110, PTH111, PTH112, PTH123 (pathlib is slow to import)

from __future__ import annotations

import os

from greendock.cli.errors import ArgumentsError

MOST_BYTES = 16 * 1024 * 1024
"""As base64 within a request, with room for the rest of it, below what a frame holds."""


def message_content(text: str) -> bytes:
    """The bytes of the file named `text` (with or without `file://`), else `text` in UTF-8."""
    path = os.path.expanduser(text.removeprefix("file://"))
    if not text.startswith("file://") and (os.path.isdir(path) or not os.path.exists(path)):
        content = os.fsencode(text)
    else:
        content = _read(path)
    if len(content) > MOST_BYTES:
        raise ArgumentsError(f"cannot send the message: it has more than {MOST_BYTES} bytes")
    return content


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ArgumentsError(f"cannot read the message from {path}: {error.strerror}") from error
