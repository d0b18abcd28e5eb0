"""Each line of a container is once in its component's log, whenever the core is killed."""

from __future__ import annotations

import random
import time

import pytest
from numbered_lines import ERR, NUMBERS, OUT


def expect_each_once(reader):
    reader.wait_for("done")
    assert reader.lines("stdout") == OUT
    assert reader.lines("stderr") == ERR


@pytest.mark.parametrize("log_format", ["TEXT", "JSON"])
def test_over_kills_at_random_moments(run, reader, log_format):
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    shape = {"id": run(NUMBERS), "format": log_format}
    for _ in range(8):
        reader.start("follow", shape)
        time.sleep(chance.uniform(0.02, 0.6))
        reader.kill()
    reader.start("follow", shape)
    expect_each_once(reader)


@pytest.mark.parametrize("times", [1, 2, 7])
def test_over_a_kill_between_the_log_and_the_note(run, reader, times):
    shape = {"id": run(NUMBERS)}
    for _ in range(3):
        reader.start("follow", shape, GREENDOCK_CRASH_AT=f"log.written:{times}")
        reader.wait_for_death()
    reader.start("follow", shape)
    expect_each_once(reader)


def test_over_restarts_of_the_engine_and_of_the_container(lab, run, reader):
    script = """
        run=$(cat /run.txt 2>/dev/null || echo 0); run=$((run+1)); echo $run > /run.txt
        echo "begin $run"
        i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo "$run: $i"; echo "$run: $i" >&2; done
        [ $run -lt 6 ] || { echo done; sleep 1000; }
        sleep 1.5; printf "end $run"
    """
    shape = {"id": run(script, "--restart=always")}
    reader.start("follow", shape)
    reader.wait_for("begin 2")
    lab.restart_engine()
    reader.wait_for("done")
    expected = []
    ends = [line for line in reader.lines("stdout") if line.startswith("end")]
    for number in range(1, 7):
        expected += [f"begin {number}", *(f"{number}: {i}" for i in range(1, 401))]
        if f"end {number}" in ends:  # the engine's stop may have come before
            expected.append(f"end {number}")
    assert reader.lines("stdout") == [*expected, "done"]
    assert reader.lines("stderr") == [f"{n}: {i}" for n in range(1, 7) for i in range(1, 401)]
    assert len(ends) >= 3


def test_what_a_terminal_shows_and_long_lines_and_junk(run, reader):
    script = """
        head -c 40000 /dev/zero | tr '\\0' a; echo
        head -c 200000 /dev/zero | tr '\\0' b; echo
        printf '\\377\\000\\376\\n'; printf 'a. {x=y}\\n\\n'; echo done; sleep 1000
    """
    for option in ("--tty", "--tty=false"):
        reader.folder = reader.folder / option
        reader.start("follow", {"id": run(script, option), "has_terminal": option == "--tty"})
        reader.wait_for("done")
        reader.kill()
        found = reader.lines("stdout")
        assert found[0] == "a" * 40000
        assert [len(line) for line in found[1:5]] == [65536, 65536, 65536, 200000 - 3 * 65536]
        assert set("".join(found[1:5])) == {"b"}
        assert found[5:] == ["\ufffd\x00\ufffd", "a. {x=y}", "", "done"]
