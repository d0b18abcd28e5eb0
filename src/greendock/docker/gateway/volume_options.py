"""What stands behind a volume of the driver `local`, by its options; pure.

The driver mounts whatever it is told: with `o=bind` any path of the host, with another type a
device or a share. Called by the container policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

_TAKES_A_PATH = frozenset({"bind", "rbind", "remount", "move"})
_SHARES = frozenset({"nfs", "nfs4", "cifs", "smb3"})


class VolumeSource(Enum):
    """ENGINE: a folder of the engine's own, or memory."""

    ENGINE = "engine"
    HOST_PATH = "host path"
    NETWORK = "network"
    DEVICE = "device"


def volume_source(options: object) -> tuple[VolumeSource, str]:
    """And the path, type of share or device."""
    if not isinstance(options, Mapping):
        return VolumeSource.ENGINE, ""
    named = {str(name).lower(): str(value) for name, value in options.items()}
    device, kind = named.get("device", ""), named.get("type", "").lower()
    flags = {flag.strip().lower() for flag in named.get("o", "").split(",")}
    if flags & _TAKES_A_PATH or kind in ("none", "bind"):
        return VolumeSource.HOST_PATH, device or "/"
    if not device and not kind:
        return VolumeSource.ENGINE, ""
    if kind == "tmpfs":
        return VolumeSource.ENGINE, ""
    if kind in _SHARES:
        return VolumeSource.NETWORK, kind
    return VolumeSource.DEVICE, device
