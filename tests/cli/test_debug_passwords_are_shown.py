"""`greendock get-debug-password` prints a password that is valid, and until when."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime

from greendock.cli.main import main
from greendock.ipc.debug_passwords import LIFETIME_S


def test_the_password_is_valid_until_the_time_shown(core, capsys, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        before_s = int(time.time())
        assert main(["get-debug-password"]) == 0
    finally:
        monkeypatch.undo()
        time.tzset()
    user, password, expires = capsys.readouterr().out.splitlines()
    assert user == "Username: debug"
    assert core.passwords.is_valid("debug", password.removeprefix("Password: "))
    stamp = expires.removeprefix("Password expires at: ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+05:30", stamp)
    end = datetime.fromisoformat(stamp)
    assert end >= datetime.fromtimestamp(before_s + LIFETIME_S, UTC)


def test_the_password_in_json(core, capsys):
    assert main(["get-debug-password", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert set(made) == {"username", "password", "passwordExpiration"}
    assert core.passwords.is_valid(made["username"], made["password"])
    assert made["passwordExpiration"] > time.time()
