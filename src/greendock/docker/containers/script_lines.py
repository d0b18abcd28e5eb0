"""Counts the lines that main scripts print into their components' logs, so that the engine's log
of an adopted container can go on where its script's output stopped.

One checkpoint file per life of a component; see log_positions.py for how it survives. Keeps prints
of the first and last lines, not their text. Called with each line of a script that may start
containers, and at the adoption of its containers.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import msgspec

from greendock.base.clock import Clock
from greendock.base.log_files import Mark
from greendock.base.log_tail import output_in
from greendock.base.logs import ComponentLog, ComponentLogs
from greendock.docker.containers.log_checkpoint import (
    OF_SCRIPT,
    LogCheckpoint,
    checkpoint_path,
    keep_only,
)
from greendock.docker.containers.log_cut import (
    HEAD_LINES,
    TAIL_LINES,
    PrintedLine,
    ScriptRecord,
    printed_line,
)
from greendock.docker.containers.log_place import STREAMS

_SLOT_BYTES = 8192
_SCRIPT_CONTEXT = "scriptName"


class _Note(msgspec.Struct, array_like=True):
    script: str
    counts: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(STREAMS, 0))
    heads: dict[str, list[int]] = msgspec.field(
        default_factory=lambda: {name: [] for name in STREAMS}
    )
    tail: list[PrintedLine] = msgspec.field(default_factory=list)


class _Printed:
    """What a script printed, line by line."""

    def __init__(self, note: _Note) -> None:
        self._note = note
        self._tail = deque(note.tail, TAIL_LINES)

    def add(self, stream: str, line: str, time_ns: int) -> None:
        printed = printed_line(stream, line, time_ns)
        self._note.counts[stream] += 1
        if len(self._note.heads[stream]) < HEAD_LINES:
            self._note.heads[stream].append(printed.whole)
        self._tail.append(printed)

    @property
    def note(self) -> bytes:
        self._note.tail = list(self._tail)
        return msgspec.msgpack.encode(self._note)

    @property
    def record(self) -> ScriptRecord:
        heads = {name: list(head) for name, head in self._note.heads.items()}
        return ScriptRecord(dict(self._note.counts), heads, tuple(self._tail))


class ScriptCount:
    """Of one main script. `script` is the value of its context in the log."""

    def __init__(
        self, checkpoint: LogCheckpoint, log: ComponentLog, script: str, clock: Clock
    ) -> None:
        self._checkpoint = checkpoint
        self._clock = clock
        self._printed = _Printed(_Note(script))
        self._is_new = False
        checkpoint.save(log.mark(), self._printed.note)
        self._forget = log.on_flush(self._save)

    def took(self, stream: str, line: str) -> None:
        """The script printed this; called before it is written to the log."""
        self._is_new = True
        self._printed.add(stream, line, int(self._clock.now() * 1e9))

    @property
    def record(self) -> ScriptRecord:
        return self._printed.record

    def _save(self, mark: Mark) -> None:
        if self._is_new:
            self._is_new = False
            self._checkpoint.save(mark, self._printed.note)

    def close(self) -> None:
        self._forget()
        self._checkpoint.close()


class ScriptLines:
    """The counts of all lives, in one folder."""

    def __init__(self, folder: Path, logs: ComponentLogs, clock: Clock) -> None:
        self._folder = folder
        self._logs = logs
        self._clock = clock
        self._running: dict[str, ScriptCount] = {}

    def count(self, life_id: str, component: str, script: str) -> ScriptCount:
        """Begin to count the main script of a life. `script`: its name as it is in the log."""
        if (old := self._running.pop(life_id, None)) is not None:
            old.close()
        checkpoint = self._checkpoint(life_id)
        checkpoint.remove()
        count = ScriptCount(checkpoint, self._logs.get(component), script, self._clock)
        self._running[life_id] = count
        return count

    def find(self, life_id: str, component: str) -> ScriptRecord | None:
        """What is known of the script of a life, of this core or an earlier one."""
        if (running := self._running.get(life_id)) is not None:
            return running.record
        log = self._logs.get(component).path
        loaded = self._checkpoint(life_id).load(log)
        if loaded is None:
            return None
        content, lines = loaded
        try:
            note = msgspec.msgpack.decode(content, type=_Note)
        except msgspec.DecodeError:
            return None
        printed = _Printed(note)
        time_ns = 0
        with contextlib.suppress(OSError):
            time_ns = log.stat().st_mtime_ns
        for line in lines:
            output = output_in(line, _SCRIPT_CONTEXT, note.script)
            if output is not None and output[0] in STREAMS:
                printed.add(*output, time_ns)
        return printed.record

    def forget(self, life_id: str) -> None:
        """The life is over, its containers are gone."""
        if (count := self._running.pop(life_id, None)) is not None:
            count.close()
        self._checkpoint(life_id).remove()

    def keep(self, life_ids: Iterable[str]) -> None:
        """Forget all other lives."""
        keep_only(self._folder, life_ids, OF_SCRIPT)

    def _checkpoint(self, life_id: str) -> LogCheckpoint:
        path = checkpoint_path(self._folder, life_id, OF_SCRIPT)
        return LogCheckpoint(path, _SLOT_BYTES, self._clock.monotonic)
