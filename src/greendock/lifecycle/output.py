"""The output of scripts, read from their pipes as it comes and handed on line by line.

Scripts that print without end must not keep the core from anything else: the pipes of all scripts
take turns, one small piece per turn of the event loop, and a script that is faster than that waits
for its pipe. Knows nothing of components; process.py makes one `Output` per pipe.
"""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import termios
from collections import deque
from collections.abc import Callable
from typing import IO
from weakref import WeakKeyDictionary

from greendock.base.lines import LineSplitter

OnLine = Callable[[str, str], None]
"""Called with the stream (`stdout`, `stderr`) and a line."""

# Lines may be as short as one byte and its end: this many bytes cost some ten milliseconds then.
_PIECE_BYTES = 4 * 1024


class _Turns:
    """Gives one of the outputs that have something to read a turn per turn of the event loop."""

    def __init__(self) -> None:
        self._waiting: deque[Output] = deque()

    def queue(self, output: Output) -> None:
        self._waiting.append(output)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        output = self._waiting[0]
        try:
            output.take_turn()
        finally:
            self._waiting.popleft()
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._next)


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns] = WeakKeyDictionary()


class Output:
    """One pipe of a process, read until everybody who holds its other end has gone."""

    def __init__(self, pipe: IO[bytes], stream: str, on_line: OnLine) -> None:
        self._pipe = pipe
        self._descriptor = pipe.fileno()
        self._stream = stream
        self._on_line = on_line
        self._splitter = LineSplitter()
        self._loop = asyncio.get_running_loop()
        self._turns = _turns.setdefault(self._loop, _Turns())
        self._open = True
        os.set_blocking(self._descriptor, False)
        self._listen()

    def _listen(self) -> None:
        self._loop.add_reader(self._descriptor, self._readable)

    def _readable(self) -> None:
        self._loop.remove_reader(self._descriptor)
        self._turns.queue(self)

    def take_turn(self) -> None:
        """Read one piece, then wait for more."""
        if self._open:
            self._read()
        if self._open:
            self._listen()

    def _read(self) -> int:
        """Bytes taken; 0 at the end of the pipe or when it is empty."""
        try:
            piece = os.read(self._descriptor, _PIECE_BYTES)
        except BlockingIOError:
            return 0
        except OSError:
            piece = b""
        if not piece:
            self.close()
            return 0
        for line in self._splitter.feed(piece):
            self._on_line(self._stream, line)
        return len(piece)

    def take_what_is_there(self) -> None:
        """Read what is in the pipe at this moment, and not what a survivor adds meanwhile."""
        if not self._open:
            return
        size = array.array("i", [0])
        fcntl.ioctl(self._descriptor, termios.FIONREAD, size)
        left = size[0]
        while self._open and left > 0:
            taken = self._read()
            if taken == 0:
                break
            left -= taken

    def close(self) -> None:
        """Listen no more; the last line counts even without an end."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._descriptor)
        self._pipe.close()
        for line in self._splitter.finish():
            self._on_line(self._stream, line)
