"""Which folder is the core's root when nobody names one; the one place of that rule.

Plain text in, plain text out, and no imports beyond `os`: the command line asks it on its fast
path, where pathlib and dataclasses would cost a third of the whole command.
"""
# ruff: noqa: PTH100, PTH111

from __future__ import annotations

import os


def default_root_text() -> str:
    """GGC_ROOT_PATH, else /greengrass/v2 for root and ~/.greendock for everybody else."""
    configured = os.environ.get("GGC_ROOT_PATH")
    if configured:
        return os.path.abspath(os.path.expanduser(configured))
    return "/greengrass/v2" if os.geteuid() == 0 else os.path.expanduser("~/.greendock")
