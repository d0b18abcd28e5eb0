"""The core as a process: builds each object once, starts and stops them in order; no policy."""

from __future__ import annotations

from pathlib import Path


def run(root: Path, init_config: Path | None = None) -> int:
    """Run a core in the foreground until SIGTERM or SIGINT; the process's exit code."""
    from greendock.daemon.process import run_process

    return run_process(root, init_config)
