"""The reference page has the options that the program has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "cli_reference.py"


def test_the_page_is_up_to_date():
    ended = subprocess.run([sys.executable, SCRIPT, "--check"], timeout=60, check=False)
    assert ended.returncode == 0, "run scripts/cli_reference.py"
