"""`logs get` finds, filters and merges what logs hold, in both formats of Greengrass."""

from __future__ import annotations

import json

import pytest

from greendock.cli.main import main

TEXT = (
    "{time}Z [{level}] (Copier) {name}: stdout. {line}. "
    "{{scriptName=services.{name}.lifecycle.Run.script, serviceName={name}, currentState=RUNNING}}"
)
STAMP_MS = 1700000000000


def text(seconds: int, line: str, name: str = "com.example.Web", level: str = "INFO") -> str:
    time = f"2023-11-14T22:13:{20 + seconds:02d}.000"
    return TEXT.format(time=time, level=level, name=name, line=line)


def record(seconds: int, message: str, **more: object) -> str:
    entry = {
        "thread": "main",
        "level": "INFO",
        "eventType": "service-state",
        "message": message,
        "contexts": {"serviceName": "com.example.Db", "nested": {"a": 1}},
        "loggerName": "com.example.Core",
        "timestamp": STAMP_MS + seconds * 1000,
        "cause": None,
    }
    return json.dumps({**entry, **more})


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """A root folder with logs: `logs(name, *lines)` writes one."""
    monkeypatch.setenv("GGC_ROOT_PATH", str(tmp_path))
    monkeypatch.setenv("TZ", "UTC")
    folder = tmp_path / "logs"
    folder.mkdir()

    def write(name: str, *lines: str):
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
        return folder / name

    return write


@pytest.fixture
def get(capsys):
    def run(*argv: object, code: int = 0) -> list[str]:
        assert main(["logs", "get", *map(str, argv)]) == code
        return capsys.readouterr().out.splitlines()

    return run


def test_both_formats_are_merged_by_time(logs, get):
    logs("greengrass.log", record(1, "one"), record(3, "three %s {0}"))
    logs("com.example.Web.log", text(0, "zero"), text(2, "two 100%"))
    logs("notes.txt", "not a log")
    lines = get()
    assert [line.split(". ")[1] for line in lines] == ["zero", "one", "two 100%", "three %s {0}"]
    assert "[INFO] com.example.Web: stdout. zero. {scriptName=" in lines[0]
    assert lines[1].endswith(
        "[INFO] com.example.Core: service-state. one. {serviceName=com.example.Db, nested={a=1}}"
    )
    assert lines[1].startswith("2023-11-1")


def test_verbose_shows_the_whole_entry(logs, get):
    cause = {"message": "boom", "stackTrace": ["A.b", "C.d"], "cause": {"message": "deeper"}}
    logs("a.log", record(1, "one", level="ERROR", cause=cause))
    logs("b.log", text(2, "two"))
    assert get("-v") == [
        "2023-11-14T22:13:21.000Z [ERROR] (main) com.example.Core: service-state. one. "
        "{serviceName=com.example.Db, nested={a=1}}",
        "boom",
        "    A.b",
        "    C.d",
        "deeper",
        text(2, "two"),
    ]


def test_rotated_files_are_one_log_in_order(logs, get):
    logs("w_2023_11_14_22_10.log", text(3, "ten"))
    logs("w_2023_11_14_22_9.log", text(2, "nine"))
    logs("w_2023_11_14_21_0.log", text(1, "first"))
    logs("w.log", text(4, "last"))
    assert [line.split(". ")[1] for line in get()] == ["first", "nine", "ten", "last"]


def test_a_named_file_is_read_alone(logs, get):
    logs("w_2023_11_14_21_0.log", text(1, "first"))
    last = logs("w.log", text(4, "last"))
    assert len(get("-lf", last)) == 1


def test_lines_without_a_time_stay_with_the_line_before(logs, get):
    logs("a.log", "cut trace", text(1, "one"), "    at A.b", "    at C.d", text(4, "four"))
    logs("b.log", text(2, "two", name="B"))
    lines = get()
    assert lines[0] == "cut trace"
    assert [line.strip() for line in lines[2:4]] == ["at A.b", "at C.d"]
    assert "two" in lines[4]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["-f", "two"], "2"),
        (["-f", "one,two"], "12"),
        (["-f", "t[a-z]+", "-f", "two,one"], "12"),
        (["-f", "level=WARN"], "23"),
        (["-f", "level=warn", "-f", "serviceName=com.example.Web"], "2"),
        (["-f", "serviceName=com.example.Db"], "3"),
        (["-f", "loggerName=com.example.Core"], "3"),
        (["-f", "eventType=stdout"], "12"),
        (["-f", "thread=main"], "3"),
        (["-f", "currentState=RUNNING"], "12"),
        (["-f", "error=any"], "3"),
        (["-f", "error=boom"], "3"),
        (["-f", "error=bang"], ""),
        (["-f", "no=such"], ""),
    ],
)
def test_filters(logs, get, filters, found):
    logs("a.log", text(1, "line 1 one"), text(2, "line 2 two", level="WARN"))
    logs("b.log", record(3, "line 3 three", level="ERROR", cause={"message": "boom"}))
    assert "".join(line.partition("line ")[2][0] for line in get(*filters)) == found


def test_lines_around_a_match(logs, get):
    logs("a.log", *(text(number, f"line {number}") for number in range(10)))
    shown = get("-f", "line 3,line 5,line 9", "-b", "1", "-a", "1")
    assert "".join(line.partition("line ")[2][0] for line in shown) == "2345689"


@pytest.mark.parametrize(
    ("window", "found"),
    [
        ("2023-11-14T22:13:21Z,2023-11-14T22:13:22Z", "12"),
        ("2023-11-14T22:13:22.500Z,", "3"),
        ("2023-11-14T22:13:22.500Z", "3"),
        ("20231114,20231117", "123"),
        ("-1d,", ""),
        ("-100000d,-1hr", "123"),
    ],
)
def test_time_windows(logs, get, window, found):
    logs("a.log", *(text(number, f"line {number}") for number in (1, 2, 3)))
    shown = get("-t", window)
    assert "".join(line.partition("line ")[2][0] for line in shown) == found


def test_several_windows_add_up(logs, get):
    logs("a.log", *(text(number, f"line {number}") for number in (1, 2, 3)))
    first, last = "2023-11-14T22:13:21Z", "2023-11-14T22:13:23Z"
    shown = get("-t", f"{first},{first}", "--time-window", f"{last},{last}")
    assert "".join(line.partition("line ")[2][0] for line in shown) == "13"


def test_json_is_one_object_a_line(logs, get):
    logs("a.log", record(1, "one 100%"), "raw {line}")
    first, second = (json.loads(line) for line in get("--json"))
    assert first == {
        "timestamp": STAMP_MS + 1000,
        "level": "INFO",
        "thread": "main",
        "loggerName": "com.example.Core",
        "eventType": "service-state",
        "message": "one 100%",
        "contexts": {"serviceName": "com.example.Db", "nested": {"a": 1}},
        "cause": None,
    }
    assert second["message"] == "raw {line}"
    assert second["timestamp"] == STAMP_MS + 1000


def test_no_colours_in_a_pipe(logs, get):
    logs("a.log", text(1, "one"))
    assert "\x1b" not in get("-f", "one")[0]


def test_broken_bytes_and_broken_json_are_shown(logs, get):
    path = logs("a.log", "{not json", "")
    path.write_bytes(path.read_bytes() + b"\xff\xfe end")
    assert get() == ["{not json", "", "\N{REPLACEMENT CHARACTER}" * 2 + " end"]


def test_syslog(logs, get):
    path = logs(
        "x.log",
        "<34>Oct 11 22:14:15 box su (auth): 'su root' failed",
        "Oct 11 22:14:16 box sshd[77]: hello",
    )
    assert get("-s", "-lf", path) == path.read_text().splitlines()
    assert get("-s", "-lf", path, "-f", "priority=34") == [path.read_text().splitlines()[0]]
    assert get("-s", "-lf", path, "-f", "class=77", "-f", "host=box") == [
        path.read_text().splitlines()[1]
    ]


def test_missing_places_are_failures(logs, get, capsys, tmp_path):
    assert main(["logs", "get"]) == 1
    assert "no log file found" in capsys.readouterr().err
    assert main(["logs", "get", "-lf", str(tmp_path / "none.log")]) == 1
    assert "there is no such file" in capsys.readouterr().err
    assert main(["logs", "get", "-ld", str(tmp_path / "none")]) == 1
    assert "there is no such folder" in capsys.readouterr().err


def test_list_log_files(logs, capsys, tmp_path):
    folder = tmp_path / "logs"
    assert main(["logs", "list-log-files", "-ld", str(folder)]) == 0
    assert capsys.readouterr().out == "No log file found.\n"
    logs("b.log")
    logs("a.log")
    logs("other.txt")
    assert main(["logs", "list-log-files", "-ld", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}/a.log\n{folder}/b.log\nTotal 2 files found.\n"
    assert main(["logs", "list-log-files", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"files": [f"{folder}/a.log", f"{folder}/b.log"]}


def test_list_keywords(capsys):
    assert main(["logs", "list-keywords"]) == 0
    assert capsys.readouterr().out == (
        "Here is a list of suggested keywords for Greengrass log:\n"
        "level=$str\nthread=$str\nloggerName=$str\neventType=$str\nserviceName=$str\nerror=$str\n"
    )
    assert main(["logs", "list-keywords", "--syslog"]) == 0
    assert capsys.readouterr().out == (
        "Here is a list of suggested keywords for syslog:\n"
        "priority=$int\nhost=$str\nlogger=$str\nclass=$str\n"
    )
