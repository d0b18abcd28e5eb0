"""What was noted about a component's log, together with the place up to which that log has it.

Saved after each write to the log. What was written after the last save is found in the log
itself, so neither `kill -9` nor a restart repeats or loses a line. After a power cut the newest
note counts whose lines are in the log: lines can be repeated then, not lost. Knows nothing of what
is noted. Called by those who note how far the output of containers and scripts has come.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from greendock.base.checkpoints import CheckpointFile
from greendock.base.log_files import Mark
from greendock.base.log_tail import holds, lines_after

_MARK = struct.Struct("<QQ")


class LogCheckpoint:
    """One file of notes. `slot_bytes`: the longest note, and 64 bytes."""

    def __init__(self, path: Path, slot_bytes: int, monotonic: Callable[[], float]) -> None:
        self._file = CheckpointFile(path, slot_bytes, monotonic)

    def save(self, mark: Mark, note: bytes) -> None:
        """`note` is about everything that is in the log up to `mark`. Never raises."""
        self._file.save(_MARK.pack(*mark) + note)

    def load(self, log: Path) -> tuple[bytes, Iterator[bytes]] | None:
        """The note that fits `log`, the component's current log file, and the lines after it."""
        fitting: bytes | None = None
        for content in self._file.load():
            fitting = content
            if holds(log, Mark(*_MARK.unpack_from(content))) is not False:
                break
        if fitting is None:
            return None
        return fitting[_MARK.size :], lines_after(log, Mark(*_MARK.unpack_from(fitting)))

    def close(self) -> None:
        self._file.close()

    def remove(self) -> None:
        self._file.remove()


def checkpoint_path(folder: Path, name: str, suffix: str) -> Path:
    """Of a container or a life; `name` is an id, which comes from outside."""
    safe = "".join(sign for sign in name if sign.isascii() and sign.isalnum())[:64]
    return folder / f"{safe or 'none'}{suffix}"


OF_SCRIPT = ".script"
OF_CONTAINER = ".container"


def remove_old(folder: Path, life_ids: Iterable[str]) -> None:
    """At the core's start: what is noted of other lives than these goes. Whose the containers are
    isn't known by then; what is noted of them goes when no life is left. Raises OSError."""
    lives = frozenset(life_ids)
    keep_only(folder, lives, OF_SCRIPT)
    if not lives:
        keep_only(folder, (), OF_CONTAINER)


def keep_only(folder: Path, names: Iterable[str], suffix: str) -> None:
    """Remove the files of all other names."""
    wanted = {checkpoint_path(folder, name, suffix) for name in names}
    for path in folder.glob(f"*{suffix}"):
        if path not in wanted:
            path.unlink(missing_ok=True)
