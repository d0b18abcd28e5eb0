"""The lab's engine can be stopped, killed and started, and has a private system around it."""

from __future__ import annotations

import grp
import pwd
import signal
import subprocess
from pathlib import Path

import pytest

from lab.images import save
from lab.seeds import HELLO_TEXT
from lab.waiting import wait_until


def test_an_engine_that_was_killed_comes_back(lab):
    assert lab.docker("run", "--detach", "--restart", "always", "mysql:8.0").returncode == 0
    lab.stop_engine(signal.SIGKILL)
    assert "Cannot connect to the Docker daemon" in lab.docker("version").stderr
    lab.start_engine()
    wait_until(
        lambda: lab.docker("container", "ls", "--quiet").stdout.strip(), "the container runs again"
    )
    lab.reset()
    assert lab.docker("container", "ls", "--all", "--quiet").stdout == ""
    assert lab.docker("image", "ls", "--quiet").stdout == ""


def test_an_engine_with_other_settings_is_restarted_for_the_next_test(lab):
    lab.stop_engine()
    lab.start_engine(HTTPS_PROXY="http://127.0.0.1:1")
    lab.remove_image("mysql:8.0")
    assert "connection refused" in lab.docker("pull", "mysql:8.0").stderr
    lab.reset_faults()
    assert lab.docker("pull", "mysql:8.0").returncode == 0


def test_an_archive_is_loaded(lab, tmp_path):
    lab.remove_image("hello-world:latest")
    save(lab.seeded["library/hello-world:latest"], ["hello-world:latest"], tmp_path / "h.tar")
    loaded = lab.docker("load", "--input", str(tmp_path / "h.tar"))
    assert "Loaded image: hello-world:latest" in loaded.stdout
    assert lab.docker("run", "--rm", "hello-world").stdout == f"{HELLO_TEXT}\n"
    assert lab.requests("hub") == []


def test_the_default_user_of_components_may_use_the_engine(lab):
    argv = lab.inside("setpriv", "--reuid=ggc_user", "--regid=ggc_group", "--init-groups")
    version = [*argv, "docker", "version", "--format", "{{.Server.APIVersion}}"]
    allowed = subprocess.run(version, env=lab.env, capture_output=True, text=True, timeout=60)
    assert allowed.returncode == 0, allowed.stderr
    argv = lab.inside("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    stranger = [*argv, "docker", "version"]
    refused = subprocess.run(stranger, env=lab.env, capture_output=True, text=True, timeout=60)
    assert "permission denied" in refused.stderr


def test_users_made_inside_are_not_users_of_the_machine(lab):
    lab.run_inside("useradd", "--system", "labvisitor")
    assert "labvisitor" in lab.run_inside("cat", "/etc/passwd")
    with pytest.raises(KeyError):
        pwd.getpwnam("labvisitor")
    lab.run_inside("userdel", "labvisitor")


def test_nothing_of_the_machine_is_reachable_from_inside(lab):
    links = lab.run_inside("ip", "-brief", "link").split()
    assert "lo" in links
    assert not any(name.startswith(("eth", "en", "wl")) for name in links)
    # What the lab's own engine and tools make there, and nothing of the machine's.
    made = set(lab.run_inside("ls", "-A", "/run").split())
    assert made <= {"containerd", "docker", "mount", "netns"}


def test_what_is_mounted_inside_is_seen_through_the_lab(lab, tmp_path):
    lab.run_inside("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path))
    lab.run_inside("touch", str(tmp_path / "small"))
    assert not (tmp_path / "small").exists()
    assert (lab.seen_inside(tmp_path) / "small").exists()
    lab.run_inside("umount", str(tmp_path))


@pytest.mark.parametrize("own", [True, False], ids=["current compose", "Debian's compose"])
def test_docker_compose_works(lab, tmp_path, own):
    compose = lab.compose if own else Path("/usr/bin/docker-compose")
    file = tmp_path / "docker-compose.yaml"
    file.write_text('version: "3"\nservices:\n  mysql:\n    image: "mysql:8.0"\n')
    argv = [compose, "-f", file, "-p", "selfcheck"]
    up = subprocess.run([*argv, "up", "-d"], env=lab.env, capture_output=True, timeout=120)
    assert up.returncode == 0, up.stderr
    label = "label=com.docker.compose.project=selfcheck"
    running = lab.docker("container", "ls", "--quiet", "--filter", label)
    assert len(running.stdout.split()) == 1
    subprocess.run([*argv, "down", "-t", "1"], env=lab.env, capture_output=True, timeout=120)


def test_the_socket_belongs_to_the_group_docker(lab):
    status = lab.socket.stat()
    inside = lab.run_inside("getent", "group", "docker").split(":")[2]
    assert (status.st_gid, status.st_mode & 0o777) == (int(inside), 0o660)
    assert status.st_gid in {group.gr_gid for group in grp.getgrall()} | {int(inside)}
