"""A core that is not asked for credentials imports none of what serves them."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import greendock.daemon.core
print([name for name in sys.modules if name.startswith(("greendock.token_exchange", "aiohttp"))])
"""


def test_nothing_of_the_service_is_imported():
    argv = [sys.executable, "-c", CODE]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "[]\n"
