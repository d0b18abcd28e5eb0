"""What scripts print, in the component's log: format, levels, rotation, and `logs get`."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from device import FOREVER, Component, Device, log_files, read_lines

from lab.waiting import wait_until

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
FILE_KB = 16
COUNT = 20_000


def logging(**values: Any) -> dict[str, Any]:
    return {"services": {"aws.greengrass.Nucleus": {"configuration": {"logging": values}}}}


def stdout_of(device: Device, name: str) -> list[str]:
    """The text of the stdout lines, in TEXT format."""
    marked = (line.partition(f"{name}: stdout. ")[2] for line in device.lines(name))
    return [line.rpartition(". {")[0] for line in marked if line]


def test_lines_of_both_streams_have_greengrass_form_and_level(device):
    name = "com.example.Text"
    install = {"script": "echo to out; echo 'to err' >&2", "timeout": 60}
    device.deploy(Component(name, {"install": install, "run": f"echo running; {FOREVER}"}))
    device.wait_line(name, "running")
    prefix = rf"{TIME} \[(\w+)\] \(Copier\) {re.escape(name)}: "
    pattern = (
        prefix + r"(\w+)\. (.*)\. \{scriptName=(\S+), serviceName=(\S+), currentState=(\w+)\}"
    )
    found = [
        match.groups() for line in device.lines(name) if (match := re.fullmatch(pattern, line))
    ]
    script = f"services.{name}.lifecycle"
    *install_lines, run = found
    assert sorted(install_lines) == [
        ("INFO", "stdout", "to out", f"{script}.Install.script", name, "NEW"),
        ("WARN", "stderr", "to err", f"{script}.Install.script", name, "NEW"),
    ]
    assert run[:5] == ("INFO", "stdout", "running", f"{script}.Run", name)
    assert run[5] in ("STARTING", "RUNNING")


def test_the_end_of_a_script_is_in_both_logs(device):
    name = "com.example.Ends"
    device.deploy(Component(name, {"install": "exit 0", "run": "echo bye"}))
    device.wait_state(name, "FINISHED")
    for log in (name, "greengrass"):
        lines = [line for line in device.lines(log) if f"serviceName={name}" in line]
        for step in ("Install", "Run"):
            assert any(f"{step} script exited. {{exitCode=0" in line for line in lines), log


def test_the_text_of_a_script_is_in_no_log(device):
    """Values of the configuration stand in it; so do passwords."""
    name = "com.example.Secret"
    script = "true {configuration:/password}"
    device.deploy(
        Component(
            name, {"run": script, "shutdown": script}, configuration={"password": "pa55w0rd"}
        )
    )
    device.wait_state(name, "FINISHED")
    for path in (device.core.root / "logs").iterdir():
        assert "pa55w0rd" not in path.read_text(), path.name
    assert "pa55w0rd" not in device.core.output.read_text()


def test_odd_output_is_kept(device):
    name = "com.example.Odd"
    device.deploy(
        Component(
            name,
            {
                "install": "printf '  indented\\n\\nafter blank\\nno end'; "
                "printf 'bad \\377 byte\\none\\rtwo\\r\\nthree\\n'; "
                "head -c 150000 /dev/zero | tr '\\0' x; printf 'no end either'"
            },
        )
    )
    text = stdout_of(device, name)
    assert text[0] == "  indented"
    assert text[2:7] == ["after blank", "no endbad \ufffd byte", "one", "two", "three"]
    assert "".join(text[7:]) == "x" * 150_000 + "no end either"


def test_logs_are_private(device):
    name = "com.example.Private"
    device.deploy(Component(name, {"install": "echo x"}))
    folder = device.core.root / "logs"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_output_of_a_stopped_script_is_complete(device):
    name = "com.example.Last"
    run = "trap 'echo last words; exit 0' TERM; echo up; while :; do sleep 0.02; done"
    device.deploy(Component(name, {"run": run}))
    device.wait_line(name, "stdout. up.")
    device.remove(name)
    assert stdout_of(device, name)[-1] == "last words"


def test_what_a_startup_left_running_still_reaches_the_log(device):
    name = "com.example.Background"
    gate = "while ! test -e go; do sleep 0.02; done; echo from the background"
    device.deploy(Component(name, {"startup": f"({gate}) & echo started"}))
    device.wait_state(name, "RUNNING")
    (device.work(name) / "go").touch()
    device.wait_line(name, "from the background")


def test_rotation_under_load_loses_no_line(make_device):
    device: Device = make_device(logging(fileSizeKB=FILE_KB, totalLogsSizeKB=1 << 20))
    name = "com.example.Load"
    run = f"seq 1 {COUNT} & seq {COUNT + 1} {2 * COUNT} >&2 & wait"
    device.deploy(Component(name, {"run": run}))
    device.wait_state(name, "FINISHED", timeout_s=60)
    numbers = {"stdout": [], "stderr": []}
    for line in device.lines(name):
        match = re.search(r": (stdout|stderr)\. (\d+)\. \{", line)
        if match is not None:
            numbers[match[1]].append(int(match[2]))
    assert numbers["stdout"] == list(range(1, COUNT + 1))
    assert numbers["stderr"] == list(range(COUNT + 1, 2 * COUNT + 1))
    files = list(log_files(device.core.root, name))
    assert len(files) > 100
    assert max(path.stat().st_size for path in files) <= FILE_KB * 1024
    assert not any("log-lines-lost" in line for path in files for line in read_lines(path))


def test_old_files_go_when_the_total_is_reached_and_the_newest_lines_stay(make_device):
    device: Device = make_device(logging(fileSizeKB=FILE_KB, totalLogsSizeKB=64))
    name = "com.example.Total"
    device.deploy(Component(name, {"run": f"seq 1 {COUNT}"}))
    device.wait_state(name, "FINISHED", timeout_s=60)
    files = list(log_files(device.core.root, name))
    assert sum(path.stat().st_size for path in files) <= 64 * 1024
    kept = [int(text) for text in stdout_of(device, name) if text.isdecimal()]
    assert kept == list(range(kept[0], COUNT + 1))
    assert len(kept) > 100


def test_scripts_that_print_without_end_keep_nobody_else_waiting(make_device):
    device: Device = make_device(logging(totalLogsSizeKB=4096))
    floods = [f"com.example.Flood{number}" for number in range(2)]
    device.deploy(*(Component(name, {"run": "yes"}) for name in floods))
    other = "com.example.Quiet"
    device.deploy(Component(other, {"run": f"echo quiet; {FOREVER}"}))
    device.wait_line(other, "stdout. quiet.")
    assert device.core.cli("component", "stop", "-n", floods[0]).returncode == 0
    wait_until(lambda: device.details(floods[0])["state"] == "FINISHED", "it stops")
    assert device.details(other)["state"] == "RUNNING"


def json_lines(device: Device, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in device.lines(name)]


def test_json_has_the_documented_members(make_device):
    device: Device = make_device(logging(format="JSON"))
    name = "com.example.Json"
    device.deploy(Component(name, {"run": f"echo 'say \"hi\" ä'; echo warn >&2; {FOREVER}"}))
    wait_until(lambda: len(json_lines(device, name)) == 3, "three lines")
    start, *output = json_lines(device, name)
    assert start["eventType"] == "shell-runner-start"
    by_stream = {line["eventType"]: line for line in output}
    line = by_stream["stdout"]
    assert set(line) == {
        "thread",
        "level",
        "eventType",
        "message",
        "contexts",
        "loggerName",
        "timestamp",
        "cause",
    }
    assert (line["level"], line["message"], line["loggerName"]) == ("INFO", 'say "hi" ä', name)
    assert (line["thread"], line["cause"]) == ("Copier", None)
    assert isinstance(line["timestamp"], int)
    assert line["contexts"]["scriptName"] == f"services.{name}.lifecycle.Run"
    assert line["contexts"]["serviceName"] == name
    assert by_stream["stderr"]["level"] == "WARN"
    events = [json.loads(text)["eventType"] for text in device.lines("greengrass")]
    assert "service-set-state" in events


def test_a_level_keeps_lower_ones_out(make_device):
    device: Device = make_device(logging(level="WARN"))
    name = "com.example.Level"
    device.deploy(Component(name, {"run": "echo info; echo warn >&2; touch done"}))
    device.wait_line(name, "stderr. warn.")
    wait_until((device.work(name) / "done").exists, "both were printed")
    assert stdout_of(device, name) == []


def test_a_deployment_changes_the_logging_of_what_runs(make_device):
    device: Device = make_device()
    name = "com.example.Changed"
    run = "echo first; while ! test -e go; do sleep 0.02; done; echo second; " + FOREVER
    device.deploy(Component(name, {"run": run}))
    device.wait_line(name, "stdout. first.")
    pid = device.pid(name)
    update = {"aws.greengrass.Nucleus": {"MERGE": {"logging": {"format": "JSON"}}}}
    device.change(
        *("--merge", "aws.greengrass.Nucleus=2.18.0", "--update-config", json.dumps(update))
    )
    (device.work(name) / "go").touch()
    last = device.wait_line(name, "second")
    assert json.loads(last)["message"] == "second"
    assert device.pid(name) == pid


@pytest.mark.parametrize("form", ["TEXT", "JSON"])
def test_logs_get_shows_and_filters_them(make_device, form):
    device: Device = make_device(logging(format=form))
    names = ["com.example.Get1", "com.example.Get2"]
    script = "echo needle one; echo trouble >&2; echo hay"
    device.deploy(*(Component(name, {"run": script}) for name in names))
    for name in names:
        device.wait_line(name, "hay")

    def get(*options: str) -> list[str]:
        result = device.core.cli("logs", "get", *options)
        assert result.returncode == 0, device.core.describe(result)
        return result.stdout.splitlines()

    assert len([line for line in get() if "stdout. needle one." in line]) == 2
    (line,) = get("-f", f"serviceName={names[0]}", "-f", "needle")
    assert re.match(rf"\d{{4}}-\d\d-\d\d .* \[INFO\] {names[0]}: stdout\. needle one\.", line)
    trouble = get("-f", "level=WARN", "-f", "eventType=stderr")
    assert [("[WARN]" in line, "trouble" in line) for line in trouble] == [(True, True)] * 2
    file = str(device.core.root / "logs" / f"{names[1]}.log")
    assert all(names[0] not in line for line in get("-lf", file))
