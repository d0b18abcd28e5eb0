"""The core's logs: one file per component, `greengrass.log` for the core itself.

Hands each component its `ComponentLog`, and the standard library's loggers a handler. Formats are
in log_lines.py, files and rotation in log_files.py.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from greendock.base.clock import Clock, SystemClock
from greendock.base.log_files import Mark, RotatingFile
from greendock.base.log_lines import LogFormat, LogRecord, format_line, is_logged
from greendock.base.output_levels import output_level, stream_level

CORE_LOG = "greengrass"
"""The core's own file, by Greengrass's name."""

_SAFE_NAME = re.compile(r"[A-Za-z0-9_.+-]{1,128}", re.ASCII)
_STREAMS = frozenset({"stdout", "stderr"})


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Greengrass's defaults. `level` is one of TRACE, DEBUG, INFO, WARN, ERROR."""

    level: str = "INFO"
    format: LogFormat = LogFormat.TEXT
    file_size_bytes: int = 1024 * 1024
    total_bytes: int = 10 * 1024 * 1024


class ComponentLog:
    """The log of one component."""

    def __init__(self, name: str, logs: ComponentLogs) -> None:
        self.name = name
        self._logs = logs
        self._file = RotatingFile(
            logs.folder / f"{name}.log", logs.clock, self._lost_line, logs.is_active
        )
        self._file.on_flush = self._flushed
        self._followers: list[Callable[[Mark], None]] = []
        self.adjust()

    @property
    def path(self) -> Path:
        """The file that is written to now."""
        return self._logs.folder / f"{self.name}.log"

    def write(self, level: str, event: str | None, message: str, **contexts: object) -> None:
        """Log one line; `event` is Greengrass's eventType, e.g. `stdout`."""
        if is_logged(level, self._logs.settings.level):
            thread = "Copier" if event in _STREAMS else "main"
            now = self._logs.clock.now()
            self.add(LogRecord(now, level, thread, self.name, event, message, contexts))

    def output_level(self, stream: str, text: str) -> str | None:
        """The level of what a container printed; None when it is not to be logged. A guess makes
        no line vanish that its stream would keep."""
        level, threshold = output_level(stream, text), self._logs.settings.level
        kept = is_logged(level, threshold) or is_logged(stream_level(stream), threshold)
        return level if kept else None

    def write_output(
        self, at_s: float, level: str, stream: str, text: str, contexts: Mapping[str, object]
    ) -> None:
        """Log a line that a container printed at `at_s`; `level` is from `output_level`."""
        self.add(LogRecord(at_s, level, "Copier", self.name, stream, text, contexts))

    def mark(self) -> Mark:
        """The end of the file, with everything up to now in it."""
        self._file.flush()
        return self._file.end()

    def on_flush(self, told: Callable[[Mark], None]) -> Callable[[], None]:
        """Call `told` whenever all lines up to now are in the file, with the file's end. Gives
        what ends that."""
        self._followers.append(told)
        return lambda: self._followers.remove(told)

    def _flushed(self, mark: Mark) -> None:
        for told in tuple(self._followers):
            told(mark)

    def add(self, record: LogRecord) -> None:
        """Log a record that may come from another logger."""
        line = format_line(record, self._logs.settings.format)
        self._file.append(line.encode("utf-8", "replace"))

    def adjust(self) -> None:
        """Take over the sizes of the settings."""
        self._file.file_size_bytes = max(1, self._logs.settings.file_size_bytes)
        self._file.total_bytes = self._logs.settings.total_bytes

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _lost_line(self, count: int) -> bytes:
        record = LogRecord(
            self._logs.clock.now(),
            "ERROR",
            "main",
            self.name,
            "log-lines-lost",
            "lines could not be written to the disk and are lost",
            {"count": count},
        )
        return format_line(record, self._logs.settings.format).encode()


class ComponentLogs:
    """All logs in one folder (mode 0700)."""

    def __init__(
        self, folder: Path, settings: LogSettings | None = None, clock: Clock | None = None
    ) -> None:
        self.folder = folder
        self.settings = settings or LogSettings()
        self.clock = clock or SystemClock()
        self._logs: dict[str, ComponentLog] = {}

    def get(self, component: str) -> ComponentLog:
        """The log of `component`; ValueError for a name that can't be a file's."""
        log = self._logs.get(component)
        if log is None:
            if _SAFE_NAME.fullmatch(component) is None or component.strip(".") == "":
                raise ValueError(f"{component!r} cannot be the name of a log")
            log = self._logs[component] = ComponentLog(component, self)
        return log

    def update_settings(self, settings: LogSettings) -> None:
        """Use `settings` from the next line on."""
        self.settings = settings
        for log in self._logs.values():
            log.adjust()

    def is_active(self, path: Path) -> bool:
        """Whether `path` is the current file of some log."""
        return path.stem in self._logs

    def flush(self) -> None:
        for log in tuple(self._logs.values()):
            log.flush()

    def close(self) -> None:
        """Write everything out and close the files."""
        for log in tuple(self._logs.values()):
            log.close()


class CoreLogHandler(logging.Handler):
    """Writes the standard library's log records to `greengrass.log`.

    A record may carry Greengrass's event type and contexts: `extra={"event": …, "contexts": {…}}`.
    """

    def __init__(self, logs: ComponentLogs) -> None:
        super().__init__()
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = _level(record.levelno)
            if not is_logged(level, self._logs.settings.level):
                return
            cause = None
            if record.exc_info and record.exc_info[1] is not None:
                cause = "".join(traceback.format_exception(record.exc_info[1]))
            self._logs.get(CORE_LOG).add(
                LogRecord(
                    record.created,
                    level,
                    (record.threadName or "main").replace("MainThread", "main"),
                    record.name,
                    getattr(record, "event", None),
                    record.getMessage(),
                    getattr(record, "contexts", {}),
                    cause,
                )
            )
        except Exception:
            self.handleError(record)


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "ERROR"
    if number >= logging.WARNING:
        return "WARN"
    if number >= logging.INFO:
        return "INFO"
    return "DEBUG" if number >= logging.DEBUG else "TRACE"
