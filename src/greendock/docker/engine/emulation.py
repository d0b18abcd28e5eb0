"""Which foreign processors this machine's kernel emulates (binfmt_misc with QEMU).

Reads /proc only. Called when an image's architecture differs from the engine's.
"""

from __future__ import annotations

from pathlib import Path

_ARCHITECTURES = {
    "qemu-x86_64": "amd64",
    "qemu-i386": "386",
    "qemu-aarch64": "arm64",
    "qemu-arm": "arm",
    "qemu-ppc64le": "ppc64le",
    "qemu-riscv64": "riscv64",
    "qemu-s390x": "s390x",
    "qemu-mips64": "mips64",
    "qemu-mips64el": "mips64le",
}


def emulated_architectures(
    folder: Path = Path("/proc/sys/fs/binfmt_misc"),
) -> frozenset[str]:
    """Architectures as images name them; empty where the kernel has no such support."""
    found: set[str] = set()
    for name, architecture in _ARCHITECTURES.items():
        try:
            if (folder / name).read_text().startswith("enabled"):
                found.add(architecture)
        except OSError:
            continue
    return frozenset(found)
