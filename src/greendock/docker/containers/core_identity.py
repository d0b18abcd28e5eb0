"""Says which core this is, for the labels of what it causes on an engine.

The same after a restart and after a lost database; another one for every root folder, since two
cores can share an engine. Reads the machine's id, or keeps one of its own where there is none.
Called once at the core's start.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from pathlib import Path

from greendock.base.durable import write_atomic
from greendock.base.errors import DeviceError

MACHINE_ID = Path("/etc/machine-id")
_FORM = re.compile(r"[0-9a-f]{32}", re.ASCII)
_DIGITS = 16


def core_identity(root: Path, own_id: Path, machine_id: Path = MACHINE_ID) -> str:
    """16 hexadecimal digits. `own_id`: the file that holds an id where the machine has none.

    Raises DeviceError when such a file can't be written.
    """
    machine = _read(machine_id) or _read(own_id) or _make(own_id)
    text = f"{machine}\0{root.resolve()}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGITS]


def _read(path: Path) -> str | None:
    """None for what is no id, such as `uninitialized` in an image that was never booted."""
    try:
        text = path.read_bytes()[:64].decode("ascii", "replace").strip()
    except OSError:
        return None
    return text if _FORM.fullmatch(text) else None


def _make(path: Path) -> str:
    made = secrets.token_hex(16)
    try:
        write_atomic(path, f"{made}\n".encode(), mode=0o644)
    except OSError as error:
        raise DeviceError.of("store an id of this device", error) from error
    return made
