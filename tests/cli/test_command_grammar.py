"""Every option of the official grammar is understood, in its short and long form, anywhere."""

from __future__ import annotations

import argparse
import shlex
import sys

import pytest

from greendock.cli.arguments import arrange
from greendock.cli.main import GROUPS, build_parser, main

ID = "11111111-2222-4333-8444-555555555555"


def parse(*argv: str):
    words = arrange(argv, GROUPS)
    return build_parser(only=words[0]).parse_args(words)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["component", "list"], {"json": False, "verbose": False, "root": None}),
        (["component", "list", "--json"], {"json": True}),
        (["--json", "component", "list"], {"json": True}),
        (["component", "--json", "list", "--verbose"], {"json": True, "verbose": True}),
        (["--root", "/r", "component", "list"], {"root": "/r"}),
        (["--root=/r", "component", "list"], {"root": "/r"}),
        (["component", "--ggcRootPath", "/r", "list"], {"root": "/r"}),
        (["component", "list", "--ggcRootPath", "/r"], {"root": "/r"}),
        (["component", "details", "-n", "a"], {"name": "a"}),
        (["component", "details", "--name", "a"], {"name": "a"}),
        (["component", "restart", "-n", "a,b"], {"names": ["a", "b"]}),
        (["component", "stop", "--names", "a&b", "-n", "c"], {"names": ["a", "b", "c"]}),
        (
            ["deployment", "create", "-m", "A=1.0.0", "--merge", "B=2.0.0"],
            {"merge": [("A", "1.0.0"), ("B", "2.0.0")]},
        ),
        (["deployment", "create", "--remove", "A,B"], {"remove": ["A", "B"]}),
        (["deployment", "create", "-g", "G"], {"groupId": "G"}),
        (["deployment", "create", "--groupId", "G"], {"groupId": "G"}),
        (["deployment", "create", "-r", "R", "-a", "A"], {"recipeDir": "R", "artifactDir": "A"}),
        (
            ["deployment", "create", "--recipeDir", "R", "--artifactDir", "A"],
            {"recipeDir": "R", "artifactDir": "A"},
        ),
        (
            ["deployment", "create", "--runWith", "A:posixUser=u:g"],
            {"runWith": ["A:posixUser=u:g"]},
        ),
        (["deployment", "create", "--systemLimits", "{}"], {"systemLimits": "{}"}),
        (["deployment", "create", "-c", "{}"], {"update_config": "{}"}),
        (["deployment", "create", "--update-config", "f.json"], {"update_config": "f.json"}),
        (["deployment", "create", "-fp", "ROLLBACK"], {"failure_handling_policy": "ROLLBACK"}),
        (
            ["deployment", "create", "--failure-handling-policy", "do_nothing"],
            {"failure_handling_policy": "DO_NOTHING"},
        ),
        (["deployment", "create", "--wait"], {"wait": True}),
        (["deployment", "status", "-i", ID], {"deploymentId": ID}),
        (["deployment", "cancel", "--deploymentId", ID], {"deploymentId": ID}),
        (["deployment", "list"], {"json": False}),
        (["logs", "get", "-lf", "a", "--log-file", "b"], {"log_file": ["a", "b"]}),
        (["logs", "get", "-ld", "a", "--log-dir", "b"], {"log_dir": ["a", "b"]}),
        (["logs", "get", "-f", "x,y", "--filter", "z"], {"filter": ["x,y", "z"]}),
        (["logs", "get", "-t", "-2h15min,-1hr"], {"time_window": ["-2h15min,-1hr"]}),
        (["logs", "get", "--time-window", "-1d,"], {"time_window": ["-1d,"]}),
        (["logs", "get", "-b", "2", "-a", "3"], {"before": 2, "after": 3}),
        (["logs", "get", "--before", "2", "--after", "3"], {"before": 2, "after": 3}),
        (["logs", "get", "-fol"], {"follow": True}),
        (["logs", "get", "--follow", "false"], {"follow": False}),
        (["logs", "get", "--follow", "-nc", "-v"], {"follow": True, "no_color": True}),
        (["logs", "get", "-s", "-m", "5"], {"syslog": True, "max_log_queue_size": 5}),
        (["logs", "list-log-files", "-ld", "x"], {"log_dir": ["x"]}),
        (["logs", "list-keywords", "-s"], {"syslog": True}),
        (["get-debug-password"], {"json": False}),
        (["--json", "get-debug-password", "--ggcRootPath", "/r"], {"json": True, "root": "/r"}),
        (["pubsub", "pub", "-t", "T", "-m", "M"], {"topic": "T", "message": "M"}),
        (["pubsub", "pub", "--topic", "T", "--message", "M"], {"topic": "T", "message": "M"}),
        (["pubsub", "pub", "-t", "-1", "-m", "-1h"], {"topic": "-1", "message": "-1h"}),
        (["pubsub", "sub", "-t", "T"], {"topic": "T", "count": None, "timeout": None}),
        (["--json", "pubsub", "sub", "--topic", "T"], {"topic": "T", "json": True}),
        (["iotcore", "pub", "-t", "T", "-m", "M"], {"topic": "T", "message": "M", "qos": "0"}),
        (["iotcore", "pub", "--topic", "T", "--message", "M", "--qos", "1"], {"qos": "1"}),
        (["iotcore", "sub", "-t", "T"], {"topic": "T", "qos": "0"}),
        (["iotcore", "sub", "-t", "T", "-q", "1"], {"qos": "1"}),
        (["deploy", "a", "b"], {"paths": ["a", "b"], "no_wait": False, "timeout": None}),
        (
            ["deploy", "a", "--no-wait", "-a", "x", "--artifactDir", "y"],
            {"artifactDir": ["x", "y"]},
        ),
        (["deploy", "--timeout", "5", "a"], {"timeout": 5.0}),
        (["deploy", "a"], {"notify_components": None, "validate_configuration": None}),
        (
            ["deploy", "a", "--notify-components", "--validate-configuration"],
            {"notify_components": 60, "validate_configuration": 20},
        ),
        (
            ["deploy", "--notify-components", "5", "--validate-configuration=7", "a"],
            {"notify_components": 5, "validate_configuration": 7, "paths": ["a"]},
        ),
        (["deployment", "create", "--notify-components"], {"notify_components": 60}),
        (["--root", "/r", "deploy", "a"], {"root": "/r", "paths": ["a"]}),
        (["--json", "deploy", "a"], {"json": True, "paths": ["a"]}),
        (["run", "--init-config", "f", "--root", "/r"], {"init_config": "f", "root": "/r"}),
    ],
)
def test_words_are_understood(argv, expected):
    parsed = vars(parse(*argv))
    assert {name: parsed[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "COMMAND"),
        (["dance"], "dance"),
        (["component"], "SUBCOMMAND"),
        (["component", "details"], "-n/--name"),
        (["component", "list", "--dance"], "--dance"),
        (["component", "list", "--js"], "--js"),
        (["component", "restart", "-n", "a,,b"], "empty component name"),
        (["deployment", "create", "-m", "A"], "COMPONENT=VERSION"),
        (["deployment", "create", "-m", "A="], "COMPONENT=VERSION"),
        (["deployment", "create", "-fp", "MAYBE"], "MAYBE"),
        (["deployment", "create", "--timeout", "5"], "--timeout needs --wait"),
        (["deployment", "status"], "-i/--deploymentId"),
        (["deployment", "status", "-i", "17"], "UUID"),
        (["deploy"], "PATH"),
        (["deploy", "x", "--timeout", "nan"], "seconds"),
        (["deploy", "x", "--timeout", "-1"], "--timeout"),
        (["deploy", "x", "--no-wait", "--timeout", "1"], "--no-wait"),
        (["deploy", "--notify-components", "./x"], "./x"),
        (["deploy", "x", "--notify-components", "0"], "whole number of seconds"),
        (["deploy", "x", "--notify-components", "9999999999"], "whole number of seconds"),
        (["deploy", "x", "--validate-configuration", "1.5"], "--validate-configuration"),
        (["logs", "get", "-b", "-1"], "-b"),
        (["logs", "get", "-s", "-ld", "x"], "--syslog"),
        (["logs", "get", "-f", "(", "-ld", "/"], "regular expression"),
        (["logs", "get", "-f", "level=LOUD"], "LOUD"),
        (["logs", "get", "-t", "yesterday"], "yesterday"),
        (["logs", "get", "-t", "-1h,-2h"], "ends before it begins"),
        (["deployment", "create", "-c", "{"], "not valid JSON"),
        (["deployment", "create", "-c", "/no/such.json"], "/no/such.json"),
        (["deployment", "create", "-c", '{"A": {"merge": {}}}'], "MERGE"),
        (["deployment", "create", "-c", '{"A": 1}'], "--update-config"),
        (["deployment", "create", "-c", '{"A": {"RESET": "/x"}}'], "RESET"),
        (["deployment", "create", "--systemLimits", '{"A": {"cpu": 1}}'], "cpus"),
        (["deployment", "create", "--runWith", "A=u"], "posixUser"),
        (["deployment", "create", "-m", "A=1.0.0", "-m", "A=2.0.0"], "two versions"),
        (["deployment", "create", "-m", "A=1.0.0", "--remove", "A"], "both"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_why(argv, said, capsys):
    assert main(argv) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


def test_wrong_usage_shows_the_usage_of_the_command_it_was_given_to(capsys):
    assert main(["component", "list", "--dance"]) == 2
    assert capsys.readouterr().err.startswith("usage: greendock component list")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["run"],
        ["deploy"],
        ["lint"],
        ["component"],
        ["component", "list"],
        ["component", "details"],
        ["component", "restart"],
        ["component", "stop"],
        ["component", "pause"],
        ["component", "resume"],
        ["get-debug-password"],
        ["pubsub"],
        ["pubsub", "pub"],
        ["pubsub", "sub"],
        ["iotcore"],
        ["iotcore", "pub"],
        ["iotcore", "sub"],
        ["shadow"],
        ["shadow", "get"],
        ["shadow", "update"],
        ["shadow", "delete"],
        ["shadow", "list"],
        ["secret"],
        ["secret", "get"],
        ["deployment"],
        ["deployment", "create"],
        ["deployment", "status"],
        ["deployment", "list"],
        ["deployment", "cancel"],
        ["logs"],
        ["logs", "get"],
        ["logs", "list-log-files"],
        ["logs", "list-keywords"],
    ],
)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_explains_itself(words, option, capsys):
    assert main([*words, option]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: greendock {' '.join(words)}".rstrip())
    assert "--root" in shown
    if len(words) != 1 or words[0] not in GROUPS:
        assert "example" in shown


@pytest.mark.parametrize("words", [[], ["component"], ["component", "list"], ["logs", "get"]])
def test_version_says_which_program_it_is(words, capsys, monkeypatch):
    from greendock import __version__

    assert main([*words, "-V"]) == 0
    assert capsys.readouterr().out == f"greendock {__version__}\n"
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/greengrass-cli"])
    assert main([*words, "--version"]) == 0
    assert capsys.readouterr().out == f"Greengrass CLI Version: {__version__}\n"


def test_json_is_a_refusal_too(capsys):
    import json

    assert main(["deployment", "create", "--json", "-c", "{"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert "not valid JSON" in error["message"]


def all_parsers(parser):
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from all_parsers(inner)


def test_the_examples_are_understood():
    shown = {
        line.strip()
        for parser in all_parsers(build_parser())
        for line in (parser.epilog or "").splitlines()
        if line.startswith("  greendock ")
    }
    assert len(shown) > 20
    for example in shown:
        words = shlex.split(example.partition("   ")[0])[1:]
        try:
            assert parse(*words).handler is not None
        except SystemExit:
            pytest.fail(f"not understood: {example}")
