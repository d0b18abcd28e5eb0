"""Each component has a folder with the core's socket, which stays over the core's restarts."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from greendock.base.paths import Paths
from greendock.ipc import rpc
from greendock.ipc.eventstream import Decoder
from greendock.ipc.listener import ADDRESS_BYTES, Listener, short_address
from greendock.ipc.socket_folders import SocketFolders

A, B = "com.example.A", "com.example.B"


@pytest.fixture
def paths(tmp_path):
    found = Paths(tmp_path)
    found.create()
    return found


@pytest.fixture
def listen(paths):
    """Begins to listen as the core does, over what an earlier life left."""
    opened = []

    def start():
        for listener in opened:
            listener.socket.close()
        opened.append(Listener(paths.ipc_socket))
        return opened[-1]

    yield start
    for listener in opened:
        listener.socket.close()


def socket_of(paths, component):
    return paths.component_ipc(component) / "ipc.socket"


def reaches(path, listener):
    """Whether a client of `path` comes out at `listener`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        with short_address(path) as address:
            client.connect(address)
        listener.socket.setblocking(True)
        listener.socket.settimeout(10)
        accepted, _ = listener.socket.accept()
        with accepted:
            client.sendall(b"here")
            return accepted.recv(4) == b"here"


def test_a_folder_holds_the_socket_and_nothing_else(paths, listen):
    listener = listen()
    old = os.umask(0o777)
    try:
        SocketFolders(paths).open(A)
    finally:
        os.umask(old)
    folder = paths.component_ipc(A)
    assert [path.name for path in folder.iterdir()] == ["ipc.socket"]
    assert [path.name for path in folder.parent.iterdir()] == ["ipc"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o711
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o711
    assert stat.S_IMODE(socket_of(paths, A).stat().st_mode) == 0o666
    assert reaches(socket_of(paths, A), listener)


def test_the_folder_stays_and_its_socket_is_that_of_the_present_core(paths, listen):
    listen()
    SocketFolders(paths).open(A)
    inode = paths.component_ipc(A).stat().st_ino
    listener = listen()
    with pytest.raises(ConnectionRefusedError):
        reaches(socket_of(paths, A), listener)
    SocketFolders(paths).restore([A, B])
    assert reaches(socket_of(paths, A), listener)
    assert paths.component_ipc(A).stat().st_ino == inode
    # A component that never ran has none.
    assert not paths.component_run(B).exists()


def test_what_a_killed_core_left_half_done_is_no_hindrance(paths, listen):
    listen()
    SocketFolders(paths).open(A)
    (paths.component_run(A) / ".ipc.socket.new").touch()
    listener = listen()
    SocketFolders(paths).open(A)
    assert reaches(socket_of(paths, A), listener)
    assert [path.name for path in paths.component_run(A).iterdir()] == ["ipc"]


def test_opening_it_again_changes_nothing(paths, listen):
    listener = listen()
    folders = SocketFolders(paths)
    folders.open(A)
    before = paths.component_ipc(A).stat()
    folders.open(A)
    assert paths.component_ipc(A).stat().st_mtime_ns == before.st_mtime_ns
    assert reaches(socket_of(paths, A), listener)


def test_folders_of_components_that_are_gone_go(paths, listen):
    listen()
    folders = SocketFolders(paths)
    for name in (A, B):
        folders.open(name)
    # As a core leaves it that is killed at a bad moment.
    (paths.component_run(B) / ".ipc.socket.new").touch()
    folders.restore([A])
    assert [path.name for path in paths.run.iterdir()] == [paths.component_run(A).name]
    folders.close(A)
    folders.close("com.example.NeverThere")
    assert list(paths.run.iterdir()) == []


def test_what_is_not_ours_stays(paths, listen):
    listen()
    folders = SocketFolders(paths)
    folders.open(A)
    (paths.component_run(A) / "docker").mkdir()
    (paths.run / "file").touch()
    folders.restore([])
    assert (paths.component_run(A) / "docker").is_dir()
    assert (paths.run / "file").exists()
    assert not paths.component_ipc(A).exists()


def test_a_core_that_stops_leaves_empty_folders(paths, listen):
    listener = listen()
    folders = SocketFolders(paths)
    folders.open(A)
    listener.remove_file()
    folders.hang_up()
    assert list(paths.component_ipc(A).iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(paths, listen, caplog):
    listen()
    paths.component_run(A).write_text("in the way")
    SocketFolders(paths).open(A)
    assert f"cannot make the socket folder of {A}" in caplog.text


@pytest.mark.parametrize("linked", ["ipc", ""])
def test_a_link_in_the_place_of_a_folder_leads_nowhere(paths, listen, caplog, linked):
    """A container may have the folder above mounted, as root."""
    listener = listen()
    elsewhere = paths.root / "elsewhere"
    (elsewhere / "ipc").mkdir(parents=True)
    for folder in (elsewhere, elsewhere / "ipc"):
        folder.chmod(0o700)
        (folder / "ipc.socket").touch()
        (folder / ".ipc.socket.new").touch()
    link = paths.component_run(A) / linked
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    folders = SocketFolders(paths)

    folders.open(A)
    assert f"cannot make the socket folder of {A}" in caplog.text
    folders.restore([A])
    folders.hang_up()
    folders.close(A)
    folders.restore([])

    for folder in (elsewhere, elsewhere / "ipc"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert (folder / "ipc.socket").stat().st_size == 0
        assert stat.S_ISREG((folder / "ipc.socket").lstat().st_mode)
        assert (folder / ".ipc.socket.new").exists()
    assert reaches(paths.ipc_socket, listener)


def test_a_link_in_the_place_of_the_socket_is_replaced(paths, listen):
    listener = listen()
    folders = SocketFolders(paths)
    folders.open(A)
    socket_of(paths, A).unlink()
    socket_of(paths, A).symlink_to(paths.ipc_socket)
    folders.open(A)
    assert not socket_of(paths, A).is_symlink()
    assert reaches(socket_of(paths, A), listener)


@pytest.mark.parametrize("name", ["A", "x" * 128])
def test_paths_fit_into_a_socket_address(name):
    path = socket_of(Paths(Path("/greengrass/v2")), name)
    assert len(os.fsencode(path)) < ADDRESS_BYTES / 2


def test_the_token_decides_who_comes_in_by_a_folder(served):
    paths = Paths(served.folder)
    paths.create()
    SocketFolders(paths).open(A)
    token = served.component_token(B)
    for text, flags in ((token, rpc.CONNECTION_ACCEPTED), ("0" * 32, 0)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(10)
            with short_address(socket_of(paths, A)) as address:
                client.connect(address)
            client.sendall(rpc.connect(text))
            [answer] = Decoder().feed(client.recv(65536))
        assert rpc.envelope(answer)[:2] == (rpc.CONNECT_ACK, flags)
