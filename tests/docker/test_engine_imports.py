"""What costs time and memory to import is imported with the first request, not before."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("greendock.docker.pulling.images", {"aiohttp"}),
        ("greendock.docker.reference", {"aiohttp", "asyncio", "msgspec", "yaml"}),
    ],
)
def test_importing_does_not_load(module, absent):
    code = f"import sys, {module}; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert not absent & set(result.stdout.split())
