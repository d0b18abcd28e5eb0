"""Refuses what would not fit on a file system, before anything is written to it."""

from __future__ import annotations

import shutil
from pathlib import Path

from greendock.base.errors import DeviceError

MARGIN_BYTES = 20 * 1024 * 1024


def require_space(place: Path, needed_bytes: int, action: str = "store artifacts") -> None:
    """Raise DeviceError unless `needed_bytes` and a margin are free where `place` is to be."""
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed_bytes + MARGIN_BYTES:
        raise DeviceError(
            f"cannot {action}: they need {needed_bytes} bytes plus a margin of "
            f"{MARGIN_BYTES}, {place} has {free} bytes free",
            codes=("ARTIFACT_DOWNLOAD_ERROR", "DISK_SPACE_CRITICAL"),
            hint="free some space on that file system",
        )
