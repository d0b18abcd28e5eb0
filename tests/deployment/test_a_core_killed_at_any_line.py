"""Kill -9 anywhere in a deployment: the next start finds the old device or the new one, whole.

A child process carries the deployment out and ends itself, without any tidying up, when it is
about to run the n-th line of the deployment's code. n goes through the whole deployment.
"""

from __future__ import annotations

import asyncio
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from killing import Killer, in_child

from greendock.deployment.document import ConfigurationUpdate, FailurePolicy, LocalRequest
from greendock.deployment.record import DetailedStatus

APP, NEW, GONE = "com.example.App", "com.example.New", "com.example.Gone"
KILLS = 12
"""How many places per scenario, spread evenly; a thousand were tried when this was written."""


def artifacts(folder: Path, content: str) -> Path:
    """Artifact folders of all components, with `content` in every file."""
    for name in (APP, NEW, GONE):
        place = folder / content / name / "1.0.0"
        place.mkdir(parents=True)
        (place / "data").write_text(content)
        with zipfile.ZipFile(place / "code.zip", "w") as archive:
            archive.writestr("code", content)
    return folder / content


def recipe(folder: Path, name: str, content: str) -> Path:
    path = folder / f"{name}-{content}.yaml"
    path.write_text(
        f"""
RecipeFormatVersion: "2020-01-25"
ComponentName: {name}
ComponentVersion: 1.0.0
Manifests:
  - Lifecycle: {{Run: echo {content}}}
    Artifacts:
      - URI: s3://bucket/data
      - {{URI: "s3://bucket/code.zip", Unarchive: ZIP}}
"""
    )
    return path


def request(folder: Path, content: str, *names: str, **more: Any) -> LocalRequest:
    return LocalRequest(
        merge=dict.fromkeys(names, "1.0.0"),
        recipe_paths=tuple(recipe(folder, name, content) for name in names),
        artifact_folders=(artifacts(folder, content),),
        configuration={APP: ConfigurationUpdate(merge={"content": content})},
        failure_policy=FailurePolicy.ROLLBACK,
        **more,
    )


@dataclass
class Scenario:
    """A device with APP and GONE in old content, and the deployment that is to be killed."""

    folder: Path
    bench_of: Callable[[Path], Any]
    breaks: bool

    def prepare(self) -> int:
        """Set the device up and count the lines of an undisturbed deployment."""
        self.folder.mkdir()
        assert in_child(lambda: asyncio.run(self._first())) == 0
        self._wanted = request(self.folder, "new", APP, NEW, remove=(GONE,))
        result = self.folder / "lines"
        assert in_child(lambda: self._deploy(self._copy("whole"), 0, result)) == 0
        return int(result.read_text())

    async def _first(self) -> None:
        bench = self.bench_of(self.folder / "device")
        await bench.deploy(request(self.folder, "old", APP, GONE))

    def _copy(self, name: str) -> Path:
        return Path(shutil.copytree(self.folder / "device", self.folder / name, symlinks=True))

    def _deploy(self, device: Path, at: int, result: Path | None = None) -> None:
        killer = Killer(at)

        async def run() -> None:
            bench = self.bench_of(device)
            bench.runner.broken = {f"{NEW} 1.0.0"} if self.breaks else set()
            killer.watch()
            await bench.deploy(self._wanted)

        asyncio.run(run())
        if result is not None:
            result.write_text(str(killer.lines))

    def kill_at(self, line: int) -> None:
        """One life that is killed, and the next one, which has to find a whole device."""
        device = self._copy(str(line))
        assert in_child(lambda: self._deploy(device, line)) in (0, 9)
        assert in_child(lambda: asyncio.run(self._look(device, line))) == 0
        shutil.rmtree(device)

    async def _look(self, device: Path, line: int) -> None:
        bench = self.bench_of(device)
        components = bench.service.state.components
        is_new = NEW in components
        content = "new" if is_new else "old"
        records = bench.service.all()
        ended = records[-1] if len(records) > 1 else None
        assert set(components) == ({APP, NEW} if is_new else {APP, GONE}), line
        assert not (is_new and self.breaks), line
        assert ended is None or (ended.detailed is DetailedStatus.SUCCESSFUL) == is_new, (
            line,
            ended,
        )
        for name in components:
            assert bench.runner.running[name].steps.run.script == f"echo {content}", line
            self._look_at_files(bench.paths, name, content, line)
        assert bench.service.state.components[APP].configuration["content"].value == content
        assert is_new or not (bench.paths.artifacts / NEW).exists(), line
        left = [p for p in (bench.paths.root / "packages").rglob(".*")]
        assert left == [], (line, left)
        again = await bench.deploy(self._wanted)
        assert again.detailed is DetailedStatus.SUCCESSFUL, (line, again.cause)
        self._look_at_files(bench.paths, APP, "new", line)

    def _look_at_files(self, paths: Any, name: str, content: str, line: int) -> None:
        assert (paths.artifact_folder(name, "1.0.0") / "data").read_text() == content, line
        unpacked = paths.unarchived_folder(name, "1.0.0") / "code" / "code"
        assert unpacked.read_text() == content, line
        assert f"echo {content}" in paths.recipe_file(name, "1.0.0").read_text(), line


@pytest.mark.parametrize("breaks", [False, True], ids=["succeeds", "rolls back"])
def test_the_next_start_finds_the_old_device_or_the_new_one(
    tmp_path: Path, bench_of: Callable[[Path], Any], breaks: bool
) -> None:
    scenario = Scenario(tmp_path / "s", bench_of, breaks)
    lines = scenario.prepare()
    assert lines > KILLS
    for number in range(KILLS):
        scenario.kill_at(1 + number * lines // KILLS)
