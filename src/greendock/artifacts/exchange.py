"""Puts new folders in the place of live ones by renaming, and goes back.

Everything is read off the disk, so that each call can be repeated, also by another life of the
core. Beside a live folder VERSION there may be: `.VERSION.*.new`, staged; `.VERSION.old`, what the
new one replaced; `.VERSION.absent`, the mark that it replaced nothing; `.VERSION.*.gone`, to be
deleted. `.old` and `.absent` are there exactly while an exchange is neither finished nor undone.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from greendock.base.durable import sync_folder

_log = logging.getLogger("greendock.artifacts")
_LEFT = re.compile(r"\.(?:(?P<live>.+)\.(?:old|absent)|.+\.[0-9a-f]{8}\.(?:new|gone))")


def beside(live: Path) -> Path:
    """A name of its own for a folder that is to take the place of `live`."""
    return live.with_name(f".{live.name}.{secrets.token_hex(4)}.new")


def exchange(live: Path, new: Path) -> None:
    """Make `new` the live folder and keep the old one. Raises OSError; `undo` goes back then."""
    old, absent = _old(live), _absent(live)
    if os.path.lexists(old) or absent.exists():
        # An earlier exchange could not be undone: what it put here was never committed.
        discard(live)
    elif os.path.lexists(live):
        live.rename(old)
    else:
        absent.touch()
    new.rename(live)
    sync_folder(live.parent)


def undo(live: Path) -> None:
    """Back to what was there before `exchange`; nothing when nothing was exchanged."""
    old, absent = _old(live), _absent(live)
    if os.path.lexists(old):
        discard(live)
        old.rename(live)
    elif absent.exists():
        discard(live)
        absent.unlink()
    else:
        return
    sync_folder(live.parent)


def finish(live: Path) -> None:
    """The new folder stays."""
    discard(_old(live))
    _absent(live).unlink(missing_ok=True)


def discard(folder: Path) -> None:
    """Remove a folder (or a link). It is gone from its name at once, or OSError is raised."""
    name = folder.name.removeprefix(".").removesuffix(".new").removesuffix(".old")
    trash = folder.with_name(f".{name[:200]}.{secrets.token_hex(4)}.gone")
    with suppress(FileNotFoundError):
        folder.rename(trash)
        _delete(trash)


def recover(store: Path, *, committed: bool) -> None:
    """Put right what a crash left in `store`, which holds NAME/VERSION; what fails is logged."""
    for path in store.glob("*/.*"):
        match = _LEFT.fullmatch(path.name)
        if match is None:
            continue
        try:
            if match["live"] is None:
                _delete(path)
            elif committed:
                finish(path.with_name(match["live"]))
            else:
                undo(path.with_name(match["live"]))
        except OSError:
            _log.exception("%s could not be put right", path)
        remove_if_empty(path.parent)
    # Undoing may have been cut off after its last mark was gone.
    for component in store.glob("*"):
        remove_if_empty(component)


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that holds nothing any more."""
    with suppress(OSError):
        folder.rmdir()


def _delete(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def _old(live: Path) -> Path:
    return live.with_name(f".{live.name}.old")


def _absent(live: Path) -> Path:
    return live.with_name(f".{live.name}.absent")
