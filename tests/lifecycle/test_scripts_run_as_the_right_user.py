"""Users, environment, work folders: pure rules, and real users where the tests run as root."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.base.errors import ConfigurationError
from greendock.lifecycle.environment import (
    EnvironmentParts,
    component_socket,
    compose_project,
    process_environment,
    search_path,
)
from greendock.lifecycle.model import RunWith, State
from greendock.lifecycle.run_as import Account, Wanted, choose, may_traverse, parse_posix_user
from greendock.lifecycle.skip import Places, is_skipped
from greendock.lifecycle.users import UnknownUserError, Users
from greendock.lifecycle.work_folder import prepare_work_folder
from greendock.recipe.model import SkipIf, Step

needs_root = pytest.mark.root
USER = "gdtestuser"


@pytest.fixture(scope="module")
def account():
    """A throw-away user with a supplementary group."""
    group = f"{USER}extra"
    subprocess.run(["groupadd", "--system", group], check=True)
    subprocess.run(
        ["useradd", "--system", "--no-create-home", "-d", "/var/empty-gd", "-G", group, USER],
        check=True,
    )
    entry = pwd.getpwnam(USER)
    yield Account(
        USER, entry.pw_uid, entry.pw_gid, tuple(os.getgrouplist(USER, entry.pw_gid)), entry.pw_dir
    )
    subprocess.run(["userdel", USER], check=True)
    subprocess.run(["groupdel", group], check=True)


def test_the_rule_of_who_runs():
    assert choose("app:web", "other", True) == Wanted("app", "web")
    assert choose(None, "other", True) == Wanted("other")
    assert choose(None, None, False) == Wanted(own=True)
    assert choose(None, None, True) == Wanted("ggc_user", "ggc_group", create=True)
    assert parse_posix_user("1000:1000") == Wanted("1000", "1000")
    for wrong in (":", "a:", ":b", "a:b:c", "  "):
        with pytest.raises(ConfigurationError):
            parse_posix_user(wrong)


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "passes"),
    [
        (0o100, 7, 0, True), (0o077, 7, 0, False), (0o010, 0, 8, True), (0o101, 0, 8, False),
        (0o010, 0, 9, True), (0o001, 0, 0, True), (0o770, 0, 0, False),
    ],
)  # fmt: skip
def test_traversal_by_mode_bits(mode, uid, gid, passes):
    account = Account("a", 7, 8, (8, 9), "/")
    assert may_traverse(mode, (uid, gid), account) is passes
    assert may_traverse(0, (uid, gid), Account("root", 0, 0, (), "/"))


def parts(**more) -> EnvironmentParts:
    values = {
        "component": "com.example.A", "core_id": "core",
        "inherited": {"PATH": "/opt/bin", "X": "core"},
        "shared": {"AWS_REGION": "r", "X": "shared"}, "token": "t", "user_name": "u", "home": "/h",
        "work_folder": "/gg/work/com.example.A",
    }  # fmt: skip
    return EnvironmentParts(**{**values, **more})


def test_layers_of_the_environment():
    plain = process_environment(parts())
    assert plain["X"] == "shared"
    assert plain["SVCUID"] == plain["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == "t"
    assert (plain["HOME"], plain["USER"], plain["LOGNAME"]) == ("/h", "u", "u")
    assert plain["PATH"] == "/opt/bin:/bin:/usr/bin:/sbin:/usr/sbin"
    assert plain["DOCKER_CONFIG"] == "/gg/work/com.example.A/.docker"
    assert process_environment(parts(setenv={"X": "a", "HOME": "/o"}))["HOME"] == "/o"
    both = process_environment(parts(setenv={"X": "a"}, step_setenv={"X": "b"}))
    assert both["X"] == "b"
    marked = process_environment(parts(setenv={"GREENDOCK_OWNER": "forged"}))
    assert marked["GREENDOCK_OWNER"] == "core/com.example.A"
    assert search_path(None).endswith(":/bin:/usr/bin:/sbin:/usr/sbin")


def test_a_socket_path_that_does_not_fit_becomes_relative():
    short = "/" + "a" * 106
    assert component_socket(short, "/w") == short
    root = "/" + "b" * 100
    assert component_socket(f"{root}/ipc.socket", f"{root}/work/c") == "../../ipc.socket"


@given(
    st.text(
        st.characters(codec="ascii", categories=["L", "N"], include_characters="-_."), min_size=1
    )
)
def test_compose_project_names_are_valid(name):
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", compose_project(name))


def test_compose_project_names_are_unique():
    names = ["com.example.A", "com.example.a", "com_example_A", "com-example-a", "com.example.A-"]
    assert len({compose_project(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("operator", "argument", "negated", "skipped"),
    [
        ("onpath", "sh", False, True), ("onpath", "sh", True, False),
        ("onpath", "no-such", True, True), ("exists", "/", False, True),
        ("exists", "~root/there", False, True), ("exists", "~config/x", False, False),
        ("exists", "~packages/p", False, True), ("exists", "~/h", False, True),
        ("exists", "there\0", False, False),
    ],
)  # fmt: skip
def test_skipif(tmp_path, operator, argument, negated, skipped):
    for name in ("there", "packages", "home"):
        (tmp_path / name).mkdir()
    (tmp_path / "packages" / "p").touch()
    (tmp_path / "home" / "h").touch()
    places = Places(
        "/bin:/usr/bin", tmp_path / "home", tmp_path, tmp_path / "config",
        tmp_path / "packages", tmp_path,
    )  # fmt: skip
    assert is_skipped(SkipIf(operator, argument, negated), places) is skipped


def test_unknown_users_are_refused_with_the_remedy():
    async def scenario():
        users = Users()
        with pytest.raises(UnknownUserError) as raised:
            await users.resolve(Wanted("no-such-user-gd"))
        assert "no-such-user-gd" in str(raised.value)
        if users.core_is_root:
            with pytest.raises(UnknownUserError, match="group"):
                await users.resolve(Wanted("54321"))
            account = await users.resolve(Wanted("54321", "54322"))
            assert (account.uid, account.gid) == (54321, 54322)

    asyncio.run(scenario())


@needs_root
def test_the_default_user_is_made_when_it_is_first_needed():
    async def scenario():
        users = Users()
        wanted = choose(None, None, users.core_is_root)
        first, second = await asyncio.gather(users.resolve(wanted), users.resolve(wanted))
        assert first == second
        assert (first.name, pwd.getpwnam("ggc_user").pw_uid) == ("ggc_user", first.uid)
        assert first.uid != 0

    asyncio.run(scenario())


@needs_root
def test_scripts_run_as_the_user_with_its_groups_and_home(rig, spec, account):
    async def scenario():
        async with rig() as core:
            await core.deploy(
                spec(
                    install=Step("id -u; touch by-root", requires_privilege=True),
                    run="id -u; id -G; echo $HOME $USER; pwd; touch mine; "
                    "test -w by-root && echo handed over; exec sleep 60",
                    run_with=RunWith(USER),
                )
            )
            await core.until(lambda: "stdout. handed over" in core.log("com.example.A"))
            lines = re.findall(r"stdout\. (.*?)\. \{", core.log("com.example.A"))
            work = core.work("com.example.A")
            assert lines[:2] == ["0", str(account.uid)]
            assert {int(g) for g in lines[2].split()} == set(account.groups)
            assert lines[3:5] == [f"/var/empty-gd {USER}", str(work)]
            status = work.stat()
            assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (account.uid, 0o700)
            assert (work / ".docker").stat().st_uid == account.uid

    asyncio.run(scenario())


@needs_root
def test_a_missing_user_breaks_the_component_with_its_own_status(rig, spec):
    async def scenario():
        async with rig() as core:
            await core.deploy(spec(run="sleep 60", run_with=RunWith("no-such-user-gd")))
            await core.until(lambda: core.state("com.example.A") is State.BROKEN)
            view = core.supervisor.view("com.example.A")
            assert view.status_code == "INSTALL_MISSING_DEFAULT_RUNWITH"
            assert "no-such-user-gd" in view.status_reason

    asyncio.run(scenario())


@needs_root
def test_a_root_folder_that_the_user_cannot_traverse_is_named(rig, spec, account, open_root):
    async def scenario():
        closed = open_root / "closed"
        closed.mkdir(mode=0o700)
        async with rig(closed / "root") as core:
            await core.deploy(spec(run="sleep 60", run_with=RunWith(USER)))
            await core.until(lambda: core.state("com.example.A") is State.BROKEN)
            reason = core.supervisor.view("com.example.A").status_reason
            assert f"can't traverse {closed} " in reason + " "
            assert f"chmod o+x {closed}" in reason

    asyncio.run(scenario())


@needs_root
def test_handing_over_a_work_folder_follows_no_link(tmp_path, account):
    outside = tmp_path / "outside"
    outside.mkdir()
    secret = outside / "secret"
    secret.write_text("x")
    work = tmp_path / "work"
    work.mkdir()
    (work / "link").symlink_to(secret)
    (work / "folder-link").symlink_to(outside)
    (work / "hard").hardlink_to(secret)
    (work / "own").write_text("x")
    (work / "deep").mkdir()
    (work / "deep" / "file").write_text("x")
    (work / ".docker").symlink_to(outside)
    prepare_work_folder(work, account, thorough=True)
    assert (secret.stat().st_uid, outside.stat().st_uid) == (0, 0)
    for name in ("own", "deep", "deep/file"):
        assert (work / name).stat().st_uid == account.uid
    assert list(outside.iterdir()) == [secret]


def test_a_work_folder_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    work = tmp_path / "work"
    work.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        prepare_work_folder(work, Users().own(), thorough=False)
    assert list(Path(tmp_path / "elsewhere").iterdir()) == []


def test_bad_environment_and_missing_shell_are_reported_not_raised(rig, spec):
    async def scenario():
        async with rig() as core:
            name = "com.example.A"
            await core.deploy(spec(run=Step("true", environment={"A=B": "x"})))
            await core.until(lambda: core.state(name) is State.BROKEN)
            assert core.codes(name) == ["RUN_CONFIG_NOT_VALID"] * 3
            core.settings.posix_shell = "no-such-shell"
            core.supervisor.update({"b": spec("b", startup="true")})
            await core.until(lambda: core.state("b") is State.BROKEN)
            assert core.codes("b") == ["STARTUP_IO_ERROR"] * 3

    asyncio.run(scenario())
