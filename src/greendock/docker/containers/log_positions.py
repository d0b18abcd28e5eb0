"""How far the log of each container has come into its component's log, across the core's lives.

One checkpoint file per container: log_checkpoint.py says what it survives. Reads no log of a
container and decides nothing: log_place.py does. Called by log_following.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from greendock.base.log_files import Mark
from greendock.base.log_tail import output_in
from greendock.docker.containers.log_checkpoint import (
    OF_CONTAINER,
    LogCheckpoint,
    checkpoint_path,
    keep_only,
)
from greendock.docker.containers.log_place import LogPlace

_SLOT_BYTES = 512
ID_CONTEXT = "containerId"
ID_LENGTH = 12


class LogPosition:
    """Of one container. `place` is where its log goes on, and is moved while it is read."""

    def __init__(self, checkpoint: LogCheckpoint) -> None:
        self._checkpoint = checkpoint
        self.place: LogPlace | None = None
        self.is_moved = False
        """Whether `place` is another than what was saved."""

    def restore(self, log: Path, container_id: str) -> None:
        """Take up what was saved. `log`: the component's current log file."""
        loaded = self._checkpoint.load(log)
        if loaded is None:
            return
        note, lines = loaded
        try:
            place = msgspec.msgpack.decode(note, type=LogPlace)
        except msgspec.DecodeError:
            return
        for line in lines:
            output = output_in(line, ID_CONTEXT, container_id[:ID_LENGTH])
            if output is not None and output[0] in place.streams:
                place.streams[output[0]].more += 1
        self.place = place

    def save(self, mark: Mark) -> None:
        """Everything up to `place` is in the log, which ends at `mark`."""
        if self.place is not None and self.is_moved:
            self.is_moved = False
            self._checkpoint.save(mark, msgspec.msgpack.encode(self.place))

    def close(self) -> None:
        self._checkpoint.close()

    def remove(self) -> None:
        self._checkpoint.remove()


class LogPositions:
    """All positions, in one folder."""

    def __init__(self, folder: Path, monotonic: Callable[[], float]) -> None:
        self._folder = folder
        self._monotonic = monotonic

    def of(self, container_id: str) -> LogPosition:
        path = checkpoint_path(self._folder, container_id, OF_CONTAINER)
        return LogPosition(LogCheckpoint(path, _SLOT_BYTES, self._monotonic))

    def keep(self, container_ids: Iterable[str]) -> None:
        """Remove those of all other containers."""
        keep_only(self._folder, container_ids, OF_CONTAINER)
