"""The socket file: its mode, its end, and what may stand in its place."""

from __future__ import annotations

import os
import socket
import stat

import pytest

from greendock.base.errors import DeviceError
from greendock.ipc.listener import ADDRESS_BYTES, Listener, short_address


def connect(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client, short_address(path) as text:
        client.connect(text)


@pytest.fixture
def listen():
    opened = []

    def start(path):
        opened.append(Listener(path))
        return opened[-1]

    yield start
    for listener in opened:
        listener.socket.close()


def test_everybody_may_connect_whatever_the_umask(tmp_path, listen):
    old = os.umask(0o777)
    try:
        listen(tmp_path / "ipc.socket")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "ipc.socket").stat().st_mode) == 0o666
    connect(tmp_path / "ipc.socket")


def test_the_file_of_a_dead_core_is_taken_over(tmp_path, listen):
    path = tmp_path / "ipc.socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
        dead.listen()
    listen(path)
    connect(path)


def test_the_socket_of_a_live_core_is_not_stolen(tmp_path, listen):
    path = tmp_path / "ipc.socket"
    listen(path)
    with pytest.raises(DeviceError, match="another process listens there"):
        listen(path)
    connect(path)


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_what_is_no_socket_stays(tmp_path, listen, kind):
    path = tmp_path / "ipc.socket"
    if kind == "file":
        path.write_text("mine")
    elif kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.mkdir()
    with pytest.raises(DeviceError, match="no socket"):
        listen(path)
    assert os.path.lexists(path)


def test_a_folder_that_is_not_there(tmp_path, listen):
    with pytest.raises(DeviceError, match=r"cannot listen on .*: No such file"):
        listen(tmp_path / "missing" / "ipc.socket")


def test_a_path_too_long_for_an_address(tmp_path, listen):
    folder = tmp_path / ("x" * ADDRESS_BYTES)
    folder.mkdir()
    path = folder / "ipc.socket"
    listener = listen(path)
    connect(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    with pytest.raises(DeviceError, match="another process listens there"):
        listen(path)
    listener.remove_file()
    assert not path.exists()


def test_only_the_own_file_is_removed(tmp_path, listen):
    path = tmp_path / "ipc.socket"
    first = listen(path)
    path.rename(tmp_path / "moved")
    second = listen(path)
    first.remove_file()
    connect(path)
    second.remove_file()
    assert not path.exists()


def test_a_stopped_server_leaves_no_file_and_can_be_followed_by_another(served, listen):
    assert served.socket_path.exists()
    served.stop()
    assert not served.socket_path.exists()
    listen(served.socket_path)
