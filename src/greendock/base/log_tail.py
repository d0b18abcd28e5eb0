"""What was written to a log after a mark, over its rotated files.

Reads only. Tells after a crash which lines had come to the log although nobody had noted it yet.
Called by those who keep marks: the positions of containers' and scripts' output.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from greendock.base.log_files import Mark

_COPIED = re.compile(rb"\S+ \[[A-Z]+\] \(Copier\) [^:]+: (stdout|stderr)\. ")


def output_in(line: bytes, context: str, value: str) -> tuple[str, str] | None:
    """Stream and text of a line of a log, when it is output with this context; None when not."""
    if line.startswith(b"{"):
        return _output_in_json(line, context, value)
    match = _COPIED.match(line)
    start = line.rfind(b"{")
    if match is None or start < match.end() or not line.endswith(b"}"):
        return None
    if f"{context}={value}".encode() not in line[start + 1 : -1].split(b", "):
        return None
    text = line[match.end() : start].removesuffix(b". ")
    return match[1].decode(), text.decode("utf-8", "replace")


def _output_in_json(line: bytes, context: str, value: str) -> tuple[str, str] | None:
    try:
        document = json.loads(line)
        is_wanted = document["contexts"][context] == value and document["thread"] == "Copier"
        stream, text = str(document["eventType"]), str(document["message"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return (stream, text) if is_wanted else None


def holds(active: Path, mark: Mark) -> bool | None:
    """Whether the log has all bytes before the mark; None when the file is gone."""
    for path in _files(active):
        try:
            status = path.stat()
        except OSError:
            continue
        if status.st_ino == mark.inode:
            return status.st_size >= mark.size
    return None


def lines_after(active: Path, mark: Mark) -> Iterator[bytes]:
    """The whole lines after the mark, without their ends. `active`: the log's current file.

    Nothing when the file of the mark is gone.
    """
    found = False
    for path in _files(active):
        try:
            with path.open("rb") as file:
                if not found:
                    if os.fstat(file.fileno()).st_ino != mark.inode:
                        continue
                    found = True
                    file.seek(mark.size)
                for line in file:
                    if line.endswith(b"\n"):
                        yield line[:-1]
        except OSError:
            continue


def _files(active: Path) -> list[Path]:
    """All files of the log, the oldest first."""
    old = re.compile(re.escape(active.stem) + r"_(\d{4}_\d\d_\d\d_\d\d)_(\d+)\.log")
    found: list[tuple[str, int, Path]] = []
    try:
        for path in active.parent.iterdir():
            match = old.fullmatch(path.name)
            if match is not None:
                found.append((match.group(1), int(match.group(2)), path))
    except OSError:
        return []
    return [*(path for _, _, path in sorted(found)), active]
