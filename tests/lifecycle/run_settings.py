"""The RunSettings port, as tests set it."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass
class Settings:
    """The RunSettings port. Root runs components as itself here unless a test says otherwise."""

    default_posix_user: str | None = "root" if os.geteuid() == 0 else None
    withheld_variables: frozenset[str] = frozenset()
    posix_shell: str = "sh"
    backoff_s: tuple[float, float] = (0.01, 0.05)
    engine_wait_s: float = 20
    soak_s: float = 0
