"""The files by which the command line finds its token: who can read them, what they hold."""

from __future__ import annotations

import grp
import json
import os
import stat

import pytest

from greendock.base.errors import DeviceError
from greendock.ipc.cli_info import write_cli_info
from greendock.ipc.tokens import Tokens


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "cli_ipc_info"
    path.mkdir()
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def principal(path, tokens):
    return tokens.authenticate(json.loads(path.read_text())["cli_auth_token"]).principal


def test_without_groups_only_the_cores_own_user(folder, tmp_path):
    tokens = Tokens()
    write_cli_info(folder, tmp_path / "ipc.socket", tokens)
    [name] = names(folder)
    assert name == f"user-{os.geteuid()}"
    assert mode(folder / name) == 0o600
    content = json.loads((folder / name).read_text())
    assert content.keys() == {"cli_auth_token", "domain_socket_path"}
    assert content["domain_socket_path"] == str(tmp_path / "ipc.socket")
    assert principal(folder / name, tokens) == f"greengrass-cli#{name}"


def test_the_mode_does_not_depend_on_the_umask(folder, tmp_path):
    old = os.umask(0o777)
    try:
        write_cli_info(folder, tmp_path / "s", Tokens(), f"{os.getegid()}")
    finally:
        os.umask(old)
    assert mode(folder / f"group-{os.getegid()}") == 0o640


def test_groups_by_name_and_by_number(folder, tmp_path, caplog):
    tokens = Tokens()
    own = os.getegid()
    name = grp.getgrgid(own).gr_name
    write_cli_info(folder, tmp_path / "s", tokens, f" {name} ,{own},no-such-group,")
    assert names(folder) == [f"group-{own}"]
    path = folder / f"group-{own}"
    assert (mode(path), path.stat().st_gid) == (0o640, own)
    assert principal(path, tokens) == f"greengrass-cli#group-{own}"
    assert "no-such-group" in caplog.text


def test_each_group_has_its_own_token(folder, tmp_path):
    groups = [1234, 1235] if os.geteuid() == 0 else sorted({*os.getgroups(), os.getegid()})
    write_cli_info(folder, tmp_path / "s", Tokens(), ",".join(map(str, groups)))
    files = [folder / f"group-{gid}" for gid in groups]
    assert [file.stat().st_gid for file in files] == groups
    assert len({file.read_text() for file in files}) == len(groups)


def test_writing_again_takes_the_earlier_tokens_back(folder, tmp_path):
    tokens = Tokens()
    write_cli_info(folder, tmp_path / "s", tokens, f"{os.getegid()}")
    old = json.loads((folder / f"group-{os.getegid()}").read_text())["cli_auth_token"]
    component = tokens.issue("com.example.A", 1)
    write_cli_info(folder, tmp_path / "s", tokens)
    assert names(folder) == [f"user-{os.geteuid()}"]
    assert tokens.authenticate(old) is None
    assert tokens.authenticate(component) is not None


def test_links_in_the_folder_are_removed_and_not_followed(folder, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    name = f"user-{os.geteuid()}"
    (folder / name).symlink_to(victim)
    (folder / f".{name}.new").symlink_to(victim)
    (folder / "folder").mkdir()
    write_cli_info(folder, tmp_path / "s", Tokens())
    assert victim.read_text() == "untouched"
    assert names(folder) == ["folder", name]
    assert not (folder / name).is_symlink()


def test_a_link_in_place_of_the_folder_is_refused(folder, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder)
    (folder / "mine").write_text("")
    with pytest.raises(DeviceError, match="cannot write the tokens"):
        write_cli_info(link, tmp_path / "s", Tokens())
    assert names(folder) == ["mine"]
