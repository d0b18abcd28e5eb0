"""The logs that one `logs get` reads: finds them, adds those that appear, and polls for news.

Looks at folders and waits; what is shown of a log and how is handed in. One file per log is open.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from greendock.cli.errors import CliError
from greendock.cli.logs.context import Shown
from greendock.cli.logs.file_names import is_log, log_of
from greendock.cli.logs.merge import Choice, Source, merged
from greendock.cli.logs.reader import LogReader

POLL_S = 0.2
HOLD_MS = 200
"""While following, a line that is newer waits: lines of the same moment in other logs may come a
little later."""
_LOOKS = 5
"""What bears a time that is yet to come waits no longer than that."""


class LogSession:
    """Every log in `folders`, whole, and the single `files`."""

    def __init__(
        self, folders: Sequence[Path], files: Sequence[Path], choice: Choice, *, follow: bool
    ) -> None:
        """CliError for a folder or a file that can't be read."""
        self._folders = folders
        self._choice = choice
        self._follow = follow
        self._sources: dict[Path, Source] = {}
        self._held: list[tuple[Shown, int]] = []
        """What waits, and for how many looks already; by time."""
        for file in files:
            self._add(file, whole=False)
        self._find_new()
        if not self._sources and not follow:
            raise CliError(f"no log file found in {', '.join(map(str, folders))}")

    def entries(self) -> Iterator[Shown]:
        """All that is there, the oldest first; what is brand new comes with the news."""
        came = merged(list(self._sources.values()))
        return self._old_enough(came) if self._follow else came

    def news(self) -> Iterator[Shown]:
        """All that came since; waits a moment first."""
        time.sleep(POLL_S)
        self._find_new()
        return self.entries()

    def rest(self) -> Iterator[Shown]:
        """What waits for the next look, when there is none."""
        held, self._held = self._held, []
        return (shown for shown, _ in held)

    def _old_enough(self, came: Iterator[Shown]) -> Iterator[Shown]:
        newest_ms = int(time.time() * 1000) - HOLD_MS
        held, self._held = self._held, []
        both = heapq.merge(held, ((shown, 0) for shown in came), key=_time_of)
        for shown, looks in both:
            if shown.timestamp_ms > newest_ms and looks < _LOOKS:
                self._held.append((shown, looks + 1))
            else:
                yield shown
        self._held.sort(key=_time_of)

    def close(self) -> None:
        for source in self._sources.values():
            source.reader.close()

    def _find_new(self) -> None:
        for folder in self._folders:
            for name in log_names(folder):
                log = folder / log_of(name)[0]
                if log not in self._sources:
                    self._add(log, whole=True)

    def _add(self, path: Path, *, whole: bool) -> None:
        reader = LogReader(path, whole=whole, follow=self._follow)
        self._sources[path] = Source(reader, self._choice)


def _time_of(waiting: tuple[Shown, int]) -> int:
    return waiting[0].timestamp_ms


def log_names(folder: Path) -> list[str]:
    """Names of the log files in `folder`, sorted. CliError when it can't be read."""
    try:
        return sorted(
            path.name for path in folder.iterdir() if is_log(path.name) and path.is_file()
        )
    except FileNotFoundError as error:
        raise CliError(
            f"cannot read logs in {folder}: there is no such folder",
            hint="name the root folder of the core with --root, or the logs with -ld or -lf",
        ) from error
    except OSError as error:
        raise CliError(
            f"cannot read logs in {folder}: {error.strerror}",
            hint="logs belong to the user of the core; run this as that user or as root",
        ) from error
