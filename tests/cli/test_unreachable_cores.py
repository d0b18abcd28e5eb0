"""When no core can be reached the exit code is 3 and the error says which of the causes it is."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from greendock.cli.client import Client
from greendock.cli.errors import CliError, NoCoreError
from greendock.cli.main import main
from greendock.cli.principals import token_file_names, who_may_read
from greendock.ipc import rpc
from greendock.ipc.eventstream import Decoder

ID = "11111111-2222-4333-8444-555555555555"


def write_info(root: Path, socket_path: Path, token: str = "T", name: str = "user-0") -> Path:
    folder = root / "cli_ipc_info"
    folder.mkdir(parents=True, exist_ok=True)
    info = {"cli_auth_token": token, "domain_socket_path": str(socket_path)}
    (folder / name).write_text(json.dumps(info))
    return folder / name


class ScriptedPeer:
    """A socket that greets, and then does what the test says with each connection."""

    def __init__(self, path: Path, talk: Callable[[socket.socket], None]) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.settimeout(20)
        self._listener.bind(str(path))
        self._listener.listen()
        self._talk = talk
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(20)
            self._talk(connection)

    def close(self) -> None:
        self._thread.join(20)
        self._listener.close()


@pytest.fixture
def peer(tmp_path: Path):
    """Starts a scripted peer at the root folder it returns."""
    peers = []

    def start(talk: Callable[[socket.socket], None]) -> str:
        write_info(tmp_path, tmp_path / "ipc.socket")
        peers.append(ScriptedPeer(tmp_path / "ipc.socket", talk))
        return str(tmp_path)

    yield start
    for each in peers:
        each.close()


def until_closed(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def receive(connection: socket.socket, count: int) -> list:
    decoder, messages = Decoder(), []
    while len(messages) < count:
        messages += decoder.feed(connection.recv(4096))
    return messages


@pytest.mark.parametrize(
    "argv",
    [
        ["component", "list"],
        ["component", "details", "-n", "x"],
        ["component", "restart", "-n", "x"],
        ["deployment", "create", "-m", "A=1.0.0"],
        ["deployment", "status", "-i", ID],
        ["deployment", "list"],
        ["deployment", "cancel", "-i", ID],
    ],
)
def test_a_root_where_no_core_has_run(argv, tmp_path, capsys):
    assert main([*argv, "--root", str(tmp_path)]) == 3
    assert capsys.readouterr().err == (
        f"error: cannot reach a core at {tmp_path}: no core has run there\n"
        f"hint: start one with `greendock run --root {tmp_path}`, or name the root folder of a "
        "running core with --root or GGC_ROOT_PATH\n"
    )
    assert main(["--json", *argv, "--root", str(tmp_path)]) == 3
    shown = capsys.readouterr()
    assert "greendock run" in json.loads(shown.out)["error"]["hint"]
    assert shown.err == ""


def test_a_core_that_has_stopped(core, capsys):
    core.on_loop(core.go_away())
    assert main(["component", "list"]) == 3
    assert f"cannot reach a core at {core.root}: none is running" in capsys.readouterr().err


def test_the_environment_or_the_option_names_the_core(core, capsys, monkeypatch):
    core.components.add("com.example.Web")
    assert main(["component", "list"]) == 0
    monkeypatch.setenv("GGC_ROOT_PATH", "/no/core")
    assert main(["component", "list"]) == 3
    assert main(["component", "list", "--ggcRootPath", str(core.root)]) == 0
    assert "com.example.Web" in capsys.readouterr().out


AS_NOBODY = """
import os, sys
import grp, pwd
from greendock.cli.main import main
main(["component", "list", "--root", "/no/such/root"])  # imports all, while files can be read
print("--", file=sys.stderr)
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
sys.exit(main(["component", "list", "--root", sys.argv[1]]))
"""


def test_a_user_without_a_token_is_told_who_has_one():
    root = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        root.chmod(0o755)
        write_info(root, root / "ipc.socket", name="user-0").chmod(0)
        write_info(root, root / "ipc.socket", name="group-0").chmod(0)
        ended = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(root)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    finally:
        shutil.rmtree(root)
    assert ended.returncode == 3
    said = ended.stderr.partition("--\n")[2]
    assert said.startswith(f"error: cannot reach the core at {root}: this user may not read any")
    assert "hint: join group root (gid 0) or run this as user root (uid 0)" in said


def test_a_refused_token_names_its_file(core, capsys):
    file = next((core.root / "cli_ipc_info").iterdir())
    write_info(core.root, core.root / "ipc.socket", "stale", file.name)
    assert main(["component", "list"]) == 3
    shown = capsys.readouterr().err
    assert f"refused the token in {file}" in shown
    assert "restart the core" in shown
    assert "stale" not in shown


def test_a_token_file_that_names_another_cores_socket(core, capsys, tmp_path):
    write_info(tmp_path / "copy", core.root / "ipc.socket")
    assert main(["component", "list", "--root", str(tmp_path / "copy")]) == 3
    assert f"use --root {core.root}" in capsys.readouterr().err


def test_a_second_token_is_tried_when_the_first_is_refused(core):
    write_info(core.root, core.root / "ipc.socket", "wrong", "group-1")
    assert main(["component", "list"]) == 0


def test_a_root_that_is_mounted_elsewhere(core, tmp_path):
    file = next((core.root / "cli_ipc_info").iterdir())
    token = json.loads(file.read_text())["cli_auth_token"]
    write_info(core.root, Path("/no/such/place/ipc.socket"), token, file.name)
    assert main(["component", "list", "--root", str(core.root)]) == 0


def test_a_damaged_token_file(tmp_path, capsys):
    file = write_info(tmp_path, tmp_path / "ipc.socket")
    for text, said in (("{", "cannot read the token file"), ("[]", "lacks cli_auth_token")):
        file.write_text(text)
        assert main(["component", "list", "--root", str(tmp_path)]) == 3
        assert said in capsys.readouterr().err


def test_a_socket_path_of_any_length(core, tmp_path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    shutil.copytree(core.root / "cli_ipc_info", deep / "cli_ipc_info")
    os.link(core.root / "ipc.socket", deep / "ipc.socket")
    file = next((deep / "cli_ipc_info").iterdir())
    token = json.loads(file.read_text())["cli_auth_token"]
    write_info(deep, deep / "ipc.socket", token, file.name)
    with Client(str(deep)) as client:
        assert client.call("ListComponents") == {"components": []}


def test_a_peer_that_never_greets(peer):
    root = peer(until_closed)
    with pytest.raises(NoCoreError, match="does not answer"):
        Client(root, connect_timeout_s=0.2)


def test_a_peer_that_is_no_core(peer):
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        until_closed(connection)

    with pytest.raises(NoCoreError, match="cannot understand"):
        Client(peer(talk))


def test_a_peer_that_does_not_answer_a_request(peer):
    def talk(connection: socket.socket) -> None:
        connection.sendall(rpc.connect_ack(accepted=True))
        until_closed(connection)

    with (
        Client(peer(talk), request_timeout_s=0.2) as client,
        pytest.raises(CliError, match=r"did not answer ListComponents within 0.2 s") as caught,
    ):
        client.call("ListComponents")
    assert caught.value.exit_code == 1


def test_a_connection_that_ends_in_a_call(peer):
    def talk(connection: socket.socket) -> None:
        connection.sendall(rpc.connect_ack(accepted=True))
        receive(connection, 2)

    with Client(peer(talk)) as client, pytest.raises(NoCoreError, match="lost the connection"):
        client.call("ListComponents")


def test_a_protocol_error_gives_its_reason(peer):
    def talk(connection: socket.socket) -> None:
        connection.sendall(rpc.connect_ack(accepted=True) + rpc.protocol_error("no more 50%"))
        until_closed(connection)

    with Client(peer(talk)) as client, pytest.raises(NoCoreError, match="no more 50%"):
        client.call("ListComponents")


def test_pings_are_answered_and_strange_streams_ignored(peer):
    answered = []

    def talk(connection: socket.socket) -> None:
        connection.sendall(rpc.connect_ack(accepted=True))
        receive(connection, 2)
        ping = rpc.encode([(":message-type", 2), (":message-flags", 0), (":stream-id", 0)], b"hi")
        connection.sendall(ping + rpc.response(77, "aws.greengrass#X", b"{}", last=True))
        answered.extend(receive(connection, 1))
        connection.sendall(rpc.response(1, "aws.greengrass#X", b'{"a":1}', last=True))
        until_closed(connection)

    with Client(peer(talk)) as client:
        assert client.call("ListComponents") == {"a": 1}
    assert answered[0].payload == b"hi"


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (["user-0"], ["user-0"]),
        (["group-7", "user-5"], ["user-5", "group-7"]),
        (["group-9", "group-8", "group-5"], ["group-5", "group-9", "group-8"]),
        ([".user-5.new", "other", "group-9"], ["group-9", "other"]),
        ([], []),
    ],
)
def test_the_own_token_comes_first(present, expected):
    assert token_file_names(present, user=5, group=5, groups=[9, 5]) == expected


def test_who_tokens_are_for():
    assert who_may_read(["user-0", "group-12", "odd"]) == [("user", 0), ("group", 12)]


def test_a_token_is_never_shown():
    from greendock.cli.access import Access

    assert "secret" not in repr(Access("f", "secret", "s"))
