"""Whoever counts a script's lines is told of each before it is in the log."""

from __future__ import annotations

import asyncio

from greendock.lifecycle.model import State
from greendock.lifecycle.scripts import Scripts

NAME = "com.example.A"


class Count:
    """A LineCount that looks into the log at each line."""

    def __init__(self, rig):
        self._rig = rig
        self.lines = []
        self.early = []

    def took(self, stream, line):
        self.lines.append((stream, line))
        self.early.append(line in self._rig.log(NAME))


def test_each_line_before_it_is_logged(rig, spec):
    async def main():
        async with rig() as core:
            host = core.supervisor._host
            scripts = Scripts(NAME, host, lambda: State.RUNNING)
            wanted = spec(NAME, run="echo first; echo second >&2; printf third")
            life = await scripts.begin(wanted, 1, "run")
            prepared = scripts.prepare(life, "run", wanted.steps.run)
            assert prepared is not None
            count = Count(core)
            await scripts.start(prepared, count).wait()
            await scripts.end(None)
            assert sorted(count.lines) == [
                ("stderr", "second"),
                ("stdout", "first"),
                ("stdout", "third"),
            ]
            assert not any(count.early)
            assert "[WARN] (Copier) com.example.A: stderr. second. " in core.log(NAME)
            name = scripts.log_name(prepared)
            assert name == f"services.{NAME}.lifecycle.Run"
            assert core.log(NAME).count(f"{{scriptName={name}, ") == 4

    asyncio.run(main())


def test_json_lines_of_scripts_that_may_run_containers_have_their_level(rig, spec):
    async def main():
        async with rig() as core:
            scripts = Scripts(NAME, core.supervisor._host, lambda: State.RUNNING)
            wanted = spec(NAME, run="""echo '{"level":"error"}'; echo '{"level":"debug"}'""")
            life = await scripts.begin(wanted, 1, "run")
            prepared = scripts.prepare(life, "run", wanted.steps.run)
            assert prepared is not None
            for count in (Count(core), None):
                await scripts.start(prepared, count).wait()
            await scripts.end(None)
            lines = [line for line in core.log(NAME).splitlines() if "(Copier)" in line]
            assert [line.split()[1] for line in lines] == [
                "[ERROR]",
                "[DEBUG]",
                "[INFO]",
                "[INFO]",
            ]

    asyncio.run(main())
