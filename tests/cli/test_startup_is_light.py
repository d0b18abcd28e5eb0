"""Commands that people type all day import nothing heavy: that is what keeps them fast."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"asyncio", "aiohttp", "msgspec", "yaml", "rich", "dataclasses", "pathlib", "ssl"}
SHOW_MODULES = """
import sys
from greendock.cli.main import main
code = main(sys.argv[1:])
sys.stderr.write(" ".join(sys.modules))
sys.exit(code)
"""


def imported(argv: list[str]) -> set[str]:
    """Names of all modules that a command has imported at its end."""
    ended = subprocess.run(
        [sys.executable, "-c", SHOW_MODULES, *argv],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stderr.split())


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["--version"],
        ["deployment", "create", "--help"],
        ["component", "list"],
        ["component", "list", "--json"],
        ["deployment", "list"],
        ["deployment", "status", "-i", "11111111-2222-4333-8444-555555555555"],
        ["get-debug-password"],
        ["pubsub", "pub", "-t", "a", "-m", "text"],
        ["pubsub", "sub", "-t", "a", "--timeout", "0.01"],
        ["iotcore", "pub", "-t", "a", "-m", "text"],
        ["iotcore", "sub", "-t", "a", "--timeout", "0.01", "--json"],
    ],
)
def test_nothing_heavy_is_imported(core, deployment_record, argv):
    core.components.add("com.example.Web")
    core.deployments.records["11111111-2222-4333-8444-555555555555"] = deployment_record()
    names = imported(argv)
    assert "greendock.cli.main" in names
    assert names & HEAVY == set()


def test_only_the_commands_own_module_is_imported(core):
    prefix = "greendock.cli.commands."
    commands = {name for name in imported(["component", "list"]) if name.startswith(prefix)}
    assert commands == {f"{prefix}component"}


def test_explaining_an_image_loads_no_client_of_anything(tmp_path, monkeypatch):
    monkeypatch.setenv("GGC_ROOT_PATH", str(tmp_path / "none"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    names = imported(["image", "explain", "docker:mysql:8.0"])
    assert names & {"asyncio", "aiohttp", "msgspec", "yaml", "rich"} == set()
