"""The output of containers in the life of one core: what is followed when, and to which end."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import pairwise

import pytest
from reading_core import COMPONENT, LIFE, SCRIPT, container, open_logs, open_output

from greendock.docker.containers.log_choice import ScriptOutput
from greendock.docker.containers.model import GenerationState

NONE, ATTACHED, _, ALL = ScriptOutput
FOREVER = "sleep 1000"


class Scene:
    """A core's output inside the test's own process."""

    def __init__(self, lab, reader):
        self.lab = lab
        self.reader = reader
        self.logs = open_logs(reader.folder)
        self.output = open_output(reader.folder, str(lab.socket), self.logs)

    def see(self, *containers, script=NONE):
        self.output.update(LIFE, COMPONENT, GenerationState(containers=containers), script)

    async def until(self, *lines):
        async with asyncio.timeout(30):
            while not set(lines) <= set(self.reader.lines()):
                await asyncio.sleep(0.02)

    async def until_said(self, text):
        async with asyncio.timeout(30):
            while text not in self.reader.raw():
                await asyncio.sleep(0.02)

    @property
    def positions(self):
        return sorted(path.name for path in (self.reader.folder / "positions").glob("*"))


@pytest.fixture
def go(lab, run, reader):
    """Runs `action(scene)` in a loop that ends with the output stopped."""

    def start(action):
        async def main():
            scene = Scene(lab, reader)
            try:
                async with asyncio.timeout(90):
                    await action(scene)
            finally:
                await scene.output.stop()
                await scene.output._source.engine.close()
                scene.logs.close()

        asyncio.run(main())

    return start


def test_time_level_and_contexts_are_the_containers(run, go, reader):
    web = container(
        id=run("""echo '{"level":"error","msg":"x"}'; echo plain; echo other >&2; """ + FOREVER),
        compose_service="front",
    )
    stamps = []

    async def action(scene):
        scene.see(web)
        await scene.until("plain", "other")
        shown = scene.lab.docker("logs", "-t", web.id).stdout
        stamps.extend(line[:23] for line in shown.splitlines())

    go(action)
    first, *_ = [line for line in reader.raw().splitlines() if "error" in line]
    assert first.startswith(f"{stamps[0]}Z [ERROR] (Copier) {COMPONENT}: stdout. ")
    assert first.endswith(f". {{container=web, service=front, containerId={web.id[:12]}}}")
    assert "[INFO] (Copier) com.example.Web: stdout. plain. " in reader.raw()
    assert "[WARN] (Copier) com.example.Web: stderr. other. " in reader.raw()


def test_close_takes_what_is_there_and_forget_leaves_no_file(run, go, reader):
    web = container(id=run("sleep 0.5; for i in $(seq 1 3000); do echo $i; done; " + FOREVER))

    async def action(scene):
        scene.see(web)
        scene.lab.docker("stop", "-t", "1", web.id)
        await scene.output.close(LIFE)
        assert reader.lines() == [str(i) for i in range(1, 3001)]
        assert scene.positions == [f"{web.id}.container"]
        scene.output.forget(LIFE)
        assert scene.positions == []

    go(action)


def test_what_ended_before_it_was_seen_is_read_once(run, go, reader):
    web = container(id=run("echo only; exit 3"), phase="exited", started_at_s=5.0)

    async def action(scene):
        for _ in range(3):
            scene.see(web)
            await scene.until("only")
        await scene.output.close(LIFE)
        scene.see(web)
        scene.output.forget(LIFE)
        scene.see(web)
        assert scene.positions == []

    go(action)
    assert reader.lines() == ["only"]


def test_a_container_that_removes_itself_is_read_while_it_runs(run, go, reader):
    script = "sleep 1; for i in $(seq 1 500); do echo $i; done"
    web = container(id=run(script, "--rm"))

    async def action(scene):
        scene.see(web)
        await asyncio.to_thread(scene.lab.docker, "wait", web.id)
        await scene.until("500")
        scene.see()
        while scene.output._lives[LIFE].logs:
            await asyncio.sleep(0.05)
            scene.see()
        assert scene.positions == []

    go(action)
    assert reader.lines() == [str(i) for i in range(1, 501)]
    assert "container-log-lost" not in reader.raw()


def test_a_container_that_was_removed_at_once_is_said(run, go, reader):
    web = container(id="0" * 64)

    async def action(scene):
        scene.see(web)
        await scene.until_said("container-log-lost. output of container web may be missing")
        scene.see(web)
        await scene.output.close(LIFE)
        assert reader.raw().count("container-log-lost") == 1

    go(action)


def test_a_driver_that_cannot_be_read_is_said_once(run, go, reader):
    web = container(id=run(FOREVER, "--log-driver=none"))

    async def action(scene):
        scene.see(web)
        await scene.until_said("logging driver does not support reading")
        scene.see(container(id=web.id, phase="paused"))  # which makes it look again
        await scene.output.close(LIFE)  # and once more
        assert reader.raw().count("container-log-not-readable") == 1

    go(action)


def test_a_script_that_brings_the_lines_is_the_only_source(run, go, reader):
    web = container(id=run("echo hello; " + FOREVER), is_attached=True)
    other = container(id=run("echo other; " + FOREVER, "--name=other"), name="other")

    async def action(scene):
        count = scene.output.count_script(LIFE, COMPONENT, SCRIPT)
        count.took("stdout", "hello")
        scene.logs.get(COMPONENT).write("INFO", "stdout", "hello", scriptName=SCRIPT)
        scene.see(web, other, script=ATTACHED)
        await scene.until("other")
        # The script is killed, and the container runs on.
        scene.see(web, other)
        while not any(web.id in name for name in scene.positions):
            await asyncio.sleep(0.02)
        await scene.output.close(LIFE)

    go(action)
    assert sorted(reader.lines()) == ["hello", "other"]


def test_what_a_script_brought_to_its_end_is_not_read_again(run, go, reader):
    web = container(id=run("echo hello"), is_attached=True)
    ended = container(id=web.id, is_attached=True, phase="exited")

    async def action(scene):
        scene.see(web, script=ATTACHED)
        scene.see(ended)
        await scene.output.close(LIFE)

    go(action)
    assert reader.lines() == []


def test_an_engine_that_is_away_is_waited_for(lab, run, go, reader):
    web = container(id=run("echo one; " + FOREVER, "--restart=always"))

    async def action(scene):
        await asyncio.to_thread(lab.stop_engine)
        scene.see(web)
        await asyncio.to_thread(lab.start_engine)
        await scene.until("one")
        while reader.lines() != ["one", "one"]:  # of its second run
            await asyncio.sleep(0.02)

    go(action)


def test_containers_that_print_without_end_leave_the_core_its_turns(run, go, reader):
    text = "x" * 60
    noisy = [container(id=run(f"yes {text}", f"--name=n{i}"), name=f"n{i}") for i in range(3)]
    growth = []

    def are_all_there():
        return all(f"container=n{i}," in reader.raw() for i in range(3))

    async def action(scene):
        log = scene.logs.get(COMPONENT)
        log.write("INFO", None, "begin")
        sizes = [log.mark()]
        # The log is written once per turn of the loop: what a turn brought is little.
        log.on_flush(sizes.append)
        scene.see(*noisy)
        async with asyncio.timeout(30):
            while len(sizes) < 500 or not are_all_there():
                await asyncio.sleep(0)
        growth.extend(b.size - a.size for a, b in pairwise(sizes) if a.inode == b.inode)

    go(action)
    line = next(line for line in reader.raw().splitlines() if text in line)
    assert len(growth) > 400
    assert max(growth) <= 64 * (len(line) + 1)


def test_a_line_is_logged_although_its_level_was_guessed_low(run, go, reader):
    web = container(id=run("""echo '{"level":"debug"}'; echo done; """ + FOREVER))

    async def action(scene):
        scene.see(web)
        await scene.until("done")

    go(action)
    assert reader.lines() == ['{"level":"debug"}', "done"]


def test_files_of_other_lives_go_at_the_start(tmp_path):
    async def action():
        logs = open_logs(tmp_path)
        output = open_output(tmp_path, "/nonexistent", logs)
        for life in ("a1", "b2"):
            output.count_script(life, COMPONENT, SCRIPT)
        (tmp_path / "positions" / "c3.container").touch()
        output.keep(["b2"], [])
        assert [path.name for path in (tmp_path / "positions").iterdir()] == ["b2.script"]
        await output.stop()
        with contextlib.closing(logs):
            pass

    asyncio.run(action())
