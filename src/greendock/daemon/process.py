"""The process around a core: one per root, signals, readiness, exit code.

Exit codes: 0 stopped on request, 1 could not start, 3 another core runs on this root.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TextIO

from greendock import __version__
from greendock.base.errors import GreendockError
from greendock.base.logs import CoreLogHandler
from greendock.base.paths import Paths
from greendock.daemon.core import Core

_log = logging.getLogger("greendock")
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run_process(root: Path, init_config: Path | None) -> int:
    """Run until told to stop."""
    paths = Paths(root)
    try:
        paths.root.mkdir(mode=0o755, parents=True, exist_ok=True)
        lock = _lock(paths.root)
    except OSError as error:
        _say(f"cannot use {root} as root folder: {error.strerror}")
        return 1
    if lock is None:
        _say(f"another core runs on {root}; stop it first, or give this one another --root")
        return 3
    with lock:
        return asyncio.run(_run(paths, init_config))


async def _run(paths: Paths, init_config: Path | None) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stopping.set)
    try:
        core = Core(paths, init_config)
    except (GreendockError, OSError) as error:
        _say(error.explain() if isinstance(error, GreendockError) else str(error))
        return 1
    _log_to_file(core)
    try:
        await core.start()
        _say(f"Greendock {__version__} runs, root {paths.root}")
        notify("READY=1")
        await stopping.wait()
        _say("stopping")
        notify("STOPPING=1")
    except GreendockError as error:
        _log.exception("the core could not start")
        _say(error.explain())
        return 1
    finally:
        await core.stop()
    return 0


def _log_to_file(core: Core) -> None:
    logger = logging.getLogger("greendock")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(CoreLogHandler(core.logs))
    logging.captureWarnings(True)


def _lock(root: Path) -> TextIO | None:
    """The root's lock, held until closed; None when another process has it."""
    file = (root / ".core.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def notify(state: str) -> None:
    """Tell systemd, where it asked to be told (NOTIFY_SOCKET; `@` marks an abstract name)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.sendto(state.encode(), address.replace("@", "\0", 1))
        except OSError as error:
            _log.warning("cannot tell the service manager %s: %s", state, error)


def _say(text: str) -> None:
    sys.stderr.write(f"greendock: {text}\n")
    sys.stderr.flush()
