"""Docker's credential helpers as real programs: what they answer, and how they misbehave."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from credential_scene import SECRET, Scene

from greendock.base.errors import Retry
from greendock.docker.credentials.credential_helper import ask_helper
from greendock.docker.engine.model import RegistryAuth
from greendock.docker.errors import CredentialsFailed
from lab.waiting import wait_until

ANSWER = f"print(json.dumps({{'ServerURL': server, 'Username': 'ann', 'Secret': {SECRET!r}}}))"


def ask(scene: Scene, name: str = "test", deadline_s: float = 20) -> RegistryAuth | None:
    return asyncio.run(ask_helper(name, "registry.test:5000", scene.environ, deadline_s))


def failure(scene: Scene, name: str = "test", deadline_s: float = 20) -> CredentialsFailed:
    with pytest.raises(CredentialsFailed) as caught:
        ask(scene, name, deadline_s)
    error = caught.value
    chain = [error, error.__cause__, error.__context__]
    assert all(SECRET not in f"{x} {x!r} {getattr(x, 'hint', '')}" for x in chain)
    return error


def members(auth: RegistryAuth | None) -> dict[str, Any]:
    assert auth is not None
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(auth.header()))
    return found


def test_a_login_comes_from_the_helper(scene: Scene):
    scene.add_helper("test", ANSWER)
    auth = ask(scene)
    assert members(auth) == {
        "username": "ann",
        "password": SECRET,
        "serveraddress": "registry.test:5000",
    }
    assert SECRET not in repr(auth)


def test_the_server_is_the_input_and_get_the_only_argument(scene: Scene):
    seen = scene.folder / "seen"
    scene.add_helper(
        "test", f"json.dump([sys.argv[1:], server], open({str(seen)!r}, 'w'))\n{ANSWER}"
    )
    ask(scene)
    assert json.loads(seen.read_text()) == [["get"], "registry.test:5000"]


def test_an_identity_token_is_told_by_its_user_name(scene: Scene):
    scene.add_helper("test", "print(json.dumps({'Username': '<token>', 'Secret': 'long'}))")
    assert members(ask(scene)) == {
        "username": "",
        "password": "",
        "serveraddress": "registry.test:5000",
        "identitytoken": "long",
    }


@pytest.mark.parametrize(
    "body",
    [
        "print('credentials not found in native keychain'); sys.exit(1)",
        "print('error: credentials not found in native keychain', file=sys.stderr); sys.exit(1)",
        "print('{}')",
        "print(json.dumps({'Username': '', 'Secret': ''}))",
    ],
)
def test_a_helper_may_know_none(scene: Scene, body: str):
    scene.add_helper("test", body)
    assert ask(scene) is None


def test_the_words_of_a_failed_helper_are_shown_cleaned(scene: Scene):
    scene.add_helper("test", r"print('no \x1b[31msession\x07\n  today'); sys.exit(3)")
    error = failure(scene)
    assert "it ended with 3: no [31msession today" in error.message
    assert error.retry is Retry.BACK_OFF


def test_standard_error_counts_when_there_is_nothing_else(scene: Scene):
    scene.add_helper("test", "print('gpg: ' + 'x' * 5000, file=sys.stderr); sys.exit(2)")
    error = failure(scene)
    assert "gpg: xxx" in error.message
    assert len(error.message) < 500


@pytest.mark.parametrize(
    "body",
    [
        f"print({SECRET!r})",
        f'print(\'{{"Secret": "\' + {SECRET!r})',
        f"print(json.dumps([{SECRET!r}]))",
        f"print(json.dumps({{'Secret': [{SECRET!r}]}}))",
        f"sys.stdout.buffer.write(b'\\xff' + {SECRET!r}.encode())",
        "pass",
        f"{ANSWER}; sys.exit(1)",
    ],
)
def test_an_answer_that_makes_no_sense_is_not_shown(scene: Scene, body: str):
    scene.add_helper("test", body)
    failure(scene)


def test_a_missing_program_is_named(scene: Scene):
    error = failure(scene, "nowhere")
    assert "docker-credential-nowhere: No such file" in error.message
    assert error.retry is Retry.NEVER


def test_a_program_that_may_not_be_run_is_named(scene: Scene):
    scene.add_helper("test", "").chmod(0o644)
    assert "docker-credential-test: Permission denied" in failure(scene).message


@pytest.mark.parametrize("name", ["../evil", "a/b", "", ".hidden", "a b", "-x", "x\n"])
def test_a_name_can_not_lead_elsewhere(scene: Scene, name: str):
    assert "no helper's name" in failure(scene, name).message


def test_too_much_output_is_cut_off(scene: Scene):
    scene.add_helper("test", "sys.stdout.write('x' * 3_000_000); time.sleep(600)")
    assert "longer than" in failure(scene).message


def process_of(pid_file: Path) -> Path:
    return Path(f"/proc/{pid_file.read_text()}")


def is_gone(process: Path) -> bool:
    try:
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


CHILD = "import subprocess; c = subprocess.Popen(['sleep', '600'])"


def test_a_helper_that_hangs_ends_with_its_children(scene: Scene):
    pid = scene.folder / "pid"
    scene.add_helper(
        "test",
        f"{CHILD}; open({str(pid)!r}, 'w').write(str(c.pid)); time.sleep(600)",
    )
    error = failure(scene, deadline_s=3)
    assert "no answer within 3 s" in error.message
    assert error.retry is Retry.BACK_OFF
    process = process_of(pid)
    wait_until(lambda: is_gone(process), "the helper's child ends")


def test_a_helper_whose_child_holds_its_output_is_done(scene: Scene):
    pid = scene.folder / "pid"
    scene.add_helper("test", f"{CHILD}; open({str(pid)!r}, 'w').write(str(c.pid)); {ANSWER}")
    assert members(ask(scene))["username"] == "ann"
    process = process_of(pid)
    wait_until(lambda: is_gone(process), "the helper's child ends")


def test_cancelling_ends_the_helper_and_its_children(scene: Scene):
    pid = scene.folder / "pid"
    scene.add_helper(
        "test",
        f"{CHILD}; open({str(pid)!r} + '.new', 'w').write(str(c.pid));"
        f" os.rename({str(pid)!r} + '.new', {str(pid)!r}); time.sleep(600)",
    )

    async def action() -> None:
        task = asyncio.create_task(ask_helper("test", "x", scene.environ))
        await asyncio.to_thread(wait_until, pid.exists, "the helper runs")
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(action())
    process = process_of(pid)
    wait_until(lambda: is_gone(process), "the helper's child ends")


def test_a_helper_that_does_not_read_its_input_is_fine(scene: Scene):
    program = scene.add_helper("test", "")
    program.write_text('#!/bin/sh\nexec 0<&-\necho \'{"Username":"u","Secret":"p"}\'\n')
    assert members(ask(scene))["password"] == "p"


def test_no_child_of_ours_is_left(scene: Scene):
    scene.add_helper("test", ANSWER)
    before = children()
    for _ in range(3):
        ask(scene)
    assert children() <= before


def children() -> set[str]:
    """Pids of this process's children, those that nobody collected included."""
    tasks = Path("/proc/self/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text().split()}
