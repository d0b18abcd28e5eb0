"""`component stats` shows what components use, from two looks at them."""

from __future__ import annotations

import json
import threading

import pytest

from greendock.cli.component_stats import stats_lines, with_shares
from greendock.cli.main import main
from greendock.ipc.ports import ComponentUsage
from lab.waiting import wait_until

WEB, DB = "com.example.Web", "com.example.Db"


@pytest.fixture
def two(core):
    core.components.add(WEB, restarts=2)
    core.components.add(DB)
    core.containers.looks = [
        {WEB: ComponentUsage(1.0, 5_000_000, 1, 0), DB: ComponentUsage(0.0, None, 0, 0)},
        {
            WEB: ComponentUsage(
                1.0,
                7_500_000,
                1,
                2,
                container_restarts=3,
                memory_limit_bytes=64_000_000,
                cpu_limit=0.5,
            ),
            DB: ComponentUsage(0.0, None, 0, 1, missing="without 1 of its containers: no engine"),
        },
    ]
    return core


def test_a_row_for_each_component(two, capsys):
    assert main(["component", "stats", "--interval", "0.01"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "COMPONENT        STATE    CPU %  MEMORY  LIMIT              RESTARTS  CONTAINERS",
        "com.example.Web  RUNNING  0.0    7.5 MB  64.0 MB, 0.5 CPUs  5         2",
        "com.example.Db   RUNNING  0.0    -       -                  0         1",
        "com.example.Db: without 1 of its containers: no engine",
    ]
    assert two.containers.asked == [(WEB, DB)] * 2


def test_json_is_one_object_with_shares(two, capsys):
    assert main(["component", "stats", "-n", WEB, "--json", "--interval", "0.01"]) == 0
    found = json.loads(capsys.readouterr().out)["components"]
    assert found == [
        {
            "componentName": WEB,
            "version": "1.0.0",
            "state": "RUNNING",
            "cpuSeconds": 1.0,
            "memoryBytes": 7_500_000,
            "memoryLimitBytes": 64_000_000,
            "cpuLimit": 0.5,
            "restarts": 2,
            "containerRestarts": 3,
            "processes": 1,
            "containers": 2,
            "missing": None,
            "cpuPercent": 0.0,
        }
    ]
    assert two.containers.asked == [(WEB,)] * 2


def test_an_unknown_component_is_an_error(two, capsys):
    assert main(["component", "stats", "-n", f"{WEB},no.such"]) == 1
    assert "cannot find component no.such on this core" in capsys.readouterr().err
    assert two.containers.asked == []


def test_watch_goes_on_until_the_core_is_gone(two, capsys):
    codes: list[int] = []
    options = ["component", "stats", "--watch", "--json", "--interval", "0.01"]
    watching = threading.Thread(target=lambda: codes.append(main(options)))
    watching.start()
    wait_until(lambda: len(two.containers.asked) >= 4, "it looks again and again")
    two.on_loop(two.go_away())
    watching.join(20)
    lines = capsys.readouterr().out.splitlines()
    assert codes == [3]
    assert len(lines) >= 3
    assert json.loads(lines[0])["components"][0]["componentName"] == WEB
    assert "error" in json.loads(lines[-1])


def look(clock_s, **used):
    rows = [{"componentName": name, "cpuSeconds": cpu_s} for name, cpu_s in used.items()]
    return {"clockSeconds": clock_s, "components": rows}


def test_shares_are_of_the_time_between_the_looks():
    rows = with_shares(look(10.0, a=1.0, b=5.0, c=1.0), look(12.0, a=2.0, b=1.0, d=3.0, c=None))
    assert {row["componentName"]: row["cpuPercent"] for row in rows} == {
        "a": 50.0,
        "b": None,  # it began anew
        "c": None,
        "d": None,  # it was not there before
    }
    assert with_shares(look(10.0, a=1.0), look(10.0, a=2.0))[0]["cpuPercent"] is None


def test_a_core_without_components_says_so():
    assert stats_lines([]) == ["No components."]
