"""`greendock shadow …` and `greendock secret get`: what they ask, what they print, exit codes."""

from __future__ import annotations

import json

import pytest

from greendock.cli.main import main
from greendock.config.secret_settings import SecretEntry


def shown(capsys, *words):
    assert main([*words]) == 0
    return capsys.readouterr().out


def test_a_shadow_is_changed_and_shown(core, capsys, tmp_path):
    reported = tmp_path / "state.json"
    reported.write_text('{"on": false}')
    where = ("-t", "Lamp1", "-n", "light")
    assert shown(capsys, "shadow", "update", *where, "--desired", '{"on": true}') == "Version: 1\n"
    out = shown(
        capsys, "shadow", "update", *where, "--reported", str(reported), "--version-is", "1"
    )
    assert out == "Version: 2\n"
    assert shown(capsys, "shadow", "get", *where).splitlines() == [
        "Version: 2",
        'Desired: {"on":true}',
        'Reported: {"on":false}',
        'Delta: {"on":true}',
    ]
    document = json.loads(shown(capsys, "shadow", "get", *where, "--json"))
    assert (document["version"], document["state"]["delta"]) == (2, {"on": True})
    shown(capsys, "shadow", "update", *where, "--desired", "null")
    assert "Desired" not in shown(capsys, "shadow", "get", *where)


def test_the_classic_shadow_is_meant_without_a_name(core, capsys):
    answer = json.loads(
        shown(capsys, "shadow", "update", "-t", "T", "--reported", '{"a": 1}', "--json")
    )
    assert answer["state"] == {"reported": {"a": 1}}
    assert shown(capsys, "shadow", "list", "-t", "T") == ""
    assert shown(capsys, "shadow", "delete", "-t", "T") == ""
    assert main(["shadow", "get", "-t", "T"]) == 1
    assert "there is none" in capsys.readouterr().err


def test_all_pages_of_names_are_listed(core, capsys):
    names = [f"s{number:03}" for number in range(101)]
    for name in names:
        main(["shadow", "update", "-t", "T", "-n", name, "--desired", "{}"])
    capsys.readouterr()
    assert shown(capsys, "shadow", "list", "-t", "T").split() == names
    listed = json.loads(shown(capsys, "shadow", "list", "-t", "T", "--json"))
    assert listed == {"thingName": "T", "shadowNames": names}


def test_a_conflict_and_wrong_arguments(core, capsys):
    shown(capsys, "shadow", "update", "-t", "T", "--desired", "{}")
    wrong = ["shadow", "update", "-t", "T", "--desired", "{}", "--version-is", "9", "--json"]
    assert main(wrong) == 1
    assert "version 1" in json.loads(capsys.readouterr().out)["error"]["message"]
    for words, text in (
        (["-t", "T"], "--desired, --reported"),
        (["-t", "T", "--desired", "[1]"], "--desired"),
        (["-t", "T", "--desired", "{"], "not valid JSON"),
        (["--desired", "{}"], "--thing"),
    ):
        assert main(["shadow", "update", *words]) == 2
        assert text in capsys.readouterr().err
    assert main(["shadow", "get", "-t", "a/b"]) == 1
    assert "thingName" in capsys.readouterr().err


def test_a_deletion_in_json(core, capsys):
    shown(capsys, "shadow", "update", "-t", "T", "-n", "x", "--desired", "{}")
    deleted = json.loads(shown(capsys, "shadow", "delete", "-t", "T", "-n", "x", "--json"))
    assert deleted == {"thingName": "T", "shadowName": "x", "deleted": True}


def test_the_value_of_a_secret_is_shown_on_request_only(core, capsys):
    core.environ["DB"] = "hunter2"
    core.secrets["db"] = SecretEntry("db", variable="DB", version_id="v1")
    lines = shown(capsys, "secret", "get", "db").splitlines()
    assert lines[0].startswith("ARN: arn:aws:secretsmanager:us-east-1:000000000000:secret:db-")
    assert lines[1:] == ["Version: v1", "Stages: AWSCURRENT"]
    assert "hunter2" not in shown(capsys, "secret", "get", "db", "--json")
    assert shown(capsys, "secret", "get", "db", "--show-value") == "hunter2\n"
    found = json.loads(shown(capsys, "secret", "get", "db", "--show-value", "--json"))
    assert (found["secretString"], found["versionId"]) == ("hunter2", "v1")
    core.secrets["db"] = SecretEntry("db", variable="DB", is_binary=True)
    assert shown(capsys, "secret", "get", "db", "--show-value") == "aHVudGVyMg==\n"


@pytest.mark.parametrize(
    "options", [["other"], ["db", "--stage", "AWSPREVIOUS"], ["db", "--version-id", "v2"]]
)
def test_secrets_that_are_not_there(core, capsys, options):
    core.environ["DB"] = "hunter2"
    core.secrets["db"] = SecretEntry("db", variable="DB", version_id="v1")
    assert main(["secret", "get", *options]) == 1
    assert "cannot find secret" in capsys.readouterr().err


def test_a_version_and_a_stage_exclude_each_other(core, capsys):
    assert main(["secret", "get", "db", "--stage", "a", "--version-id", "b"]) == 2
    assert "not allowed with" in capsys.readouterr().err
