"""The demo shows what it promises and leaves the machine as it was, whatever happens."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lab import processes
from lab.waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = "hello from a container run by Greendock"


@pytest.fixture
def machine(lab):
    """Runs `scripts/demo` of a folder where the lab's engine is the machine's; then compares."""
    lab.reset()
    # `userdel` refuses while a process of an earlier test is still ending.
    user = int(lab.run_inside("id", "-u", "ggc_user"))
    wait_until(lambda: not processes.of_user(user), "the processes of ggc_user end")
    assert lab.docker("pull", "hello-world").returncode == 0

    def state() -> tuple[str, ...]:
        images = lab.docker("image", "ls", "--no-trunc", "--format", "{{.ID}} {{.Repository}}")
        containers = lab.docker("container", "ls", "--all", "--quiet")
        users = lab.run_inside("cat", "/etc/passwd", "/etc/group")
        return images.stdout, containers.stdout, users, *map(str, lab.folder.glob("gdemo.*"))

    def run(repository: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
        before = state()
        argv = lab.inside(str(repository / "scripts" / "demo"))
        # Where no other lab's demo is seen.
        env = {**lab.env, "TMPDIR": str(lab.folder)}
        result = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120)
        assert state() == before, result.stdout + result.stderr
        return result

    return run


@pytest.mark.parametrize("user_exists", [True, False])
def test_it_shows_the_line_and_the_state(lab, machine, user_exists):
    if not user_exists:
        lab.run_inside("userdel", "ggc_user")
    try:
        result = machine()
    finally:
        if not user_exists:
            lab.run_inside("useradd", "--system", "-g", "ggc_group", "-G", "docker", "ggc_user")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"stdout. {TEXT}" in result.stdout
    assert "State: FINISHED" in result.stdout


def test_a_failure_is_told_and_cleaned_up(machine, tmp_path):
    for part in ("scripts", "examples"):
        shutil.copytree(REPOSITORY / part, tmp_path / part)
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    recipe = tmp_path / "examples/archive/recipes/com.example.MyS3DockerComponent-1.0.0.yaml"
    recipe.write_text(recipe.read_text().replace("docker load", "docker lload"))
    result = machine(tmp_path)
    assert result.returncode == 1
    assert "The demo failed at: Deploying the recipe" in result.stderr
