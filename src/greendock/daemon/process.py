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
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from greendock import __version__
from greendock.base.errors import GreendockError
from greendock.base.logs import ComponentLogs, CoreLogHandler
from greendock.base.paths import Paths
from greendock.config.device_file import DeviceConfiguration
from greendock.daemon.core import Core
from greendock.daemon.core_settings import CoreSettings, log_settings
from greendock.daemon.device import load_device
from greendock.deployment.device_state import DeviceState

_log = logging.getLogger("greendock")
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run_process(root: Path, init_config: Path | None) -> int:
    """Run until told to stop."""
    paths = Paths(root)
    try:
        paths.root.mkdir(mode=0o755, parents=True, exist_ok=True)
        lock = _lock(paths.root)
    except OSError as error:
        what = error.strerror
        if isinstance(error, FileExistsError | NotADirectoryError):
            what = f"{error.filename} is not a folder"
        _say(f"cannot use {root} as root folder: {what}")
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
        paths.create()
        device = load_device(paths, init_config)
        settings = CoreSettings(device, DeviceState()).current
    except (GreendockError, OSError) as error:
        _say(_text(error))
        return 1
    logs = ComponentLogs(paths.logs, log_settings(settings.logging))
    _log_to_file(logs)
    try:
        return await _with_logs(paths, device, logs, stopping)
    except Exception as error:
        _log.error("the core could not start", exc_info=error)
        _say(_text(error))
        return 1
    finally:
        logs.close()


async def _with_logs(
    paths: Paths, device: DeviceConfiguration, logs: ComponentLogs, stopping: asyncio.Event
) -> int:
    core = Core(paths, device, logs)
    try:
        return await _live(core, paths, stopping)
    finally:
        await core.stop()


async def _live(core: Core, paths: Paths, stopping: asyncio.Event) -> int:
    """Start the core and wait for the end; a signal also ends a start that hangs."""
    stop = asyncio.create_task(stopping.wait(), name="signals")
    start = asyncio.create_task(core.start(), name="start")
    await asyncio.wait((start, stop), return_when=asyncio.FIRST_COMPLETED)
    if not start.done():
        start.cancel()
        await asyncio.wait((start,))
    if start.cancelled():
        return 0
    try:
        start.result()
    except BaseException:
        stop.cancel()
        raise
    _say(f"Greendock {__version__} runs, root {paths.root}")
    notify("READY=1")
    await stop
    _say("stopping")
    notify("STOPPING=1")
    return 0


def _text(error: Exception) -> str:
    """Why the core could not start, in one line for people."""
    if isinstance(error, GreendockError):
        return error.explain()
    if isinstance(error, OSError):
        return f"cannot start: {error.strerror or error}: {error.filename or ''}".rstrip(": ")
    return f"cannot start: {type(error).__name__}: {error}; the core's log has the details"


def _log_to_file(logs: ComponentLogs) -> None:
    """Everything of ours, and what libraries warn of, into the core's log."""
    root = logging.getLogger()
    root.addHandler(CoreLogHandler(logs))
    root.setLevel(logging.WARNING)
    logging.getLogger("greendock").setLevel(logging.DEBUG)
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
    """To the terminal or the service manager, if anybody is there to read it."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"greendock: {text}\n")
        sys.stderr.flush()
