"""The real docker command through a component's socket, with the real engine behind it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.rule_ports import ELSEWHERE, MINE, OTHER
from gateway.rule_sockets import Socket, Sockets, open_sockets
from greendock.docker.containers.labels import Owner, labels_of, read_owner
from greendock.docker.containers.limits import Enforcement, LimitRule
from greendock.docker.credentials.registry_credentials import Login
from greendock.docker.engine.model import RegistryAuth
from greendock.docker.gateway.creation import Injected, MountedFolder
from greendock.docker.gateway.policy import STRICT, Place
from greendock.docker.keeping.ledger import ImageUse
from lab import unix_http
from lab.waiting import wait_until

if TYPE_CHECKING:
    from lab.lab import Lab

IMAGE = "mysql:8.0"
_FOREIGN = "container theirs: it belongs to component com.example.Other 2.0.0"
FOREVER = ("/bin/sh", "-c", "while :; do sleep 1; done")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="gdr", dir="/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def sockets(lab: Lab, folder: Path, tmp_path: Path) -> Iterator[Sockets]:
    containers = lab.docker("ps", "-aq").stdout.split()
    if containers:
        lab.docker("rm", "-f", *containers)
    lab.docker("volume", "prune", "-f")
    lab.docker("network", "prune", "-f")
    assert lab.docker("pull", "-q", IMAGE).returncode == 0
    place = Path(tempfile.mkdtemp(dir=folder))
    (place / "run").mkdir(mode=0o711)
    with open_sockets(lab, place) as opened:
        yield opened


def ok(done: Any) -> str:
    assert done.returncode == 0, done.stderr
    return str(done.stdout).strip()


def labels(lab: Lab, *ref: str) -> dict[str, str]:
    found: dict[str, Any] = json.loads(ok(lab.docker("inspect", *ref)))[0]
    of_config: dict[str, str] = found.get("Config", found)["Labels"]
    return of_config


def inspect(lab: Lab, name: str) -> Any:
    return json.loads(ok(lab.docker("inspect", name)))[0]


def start(socket: Socket, name: str, *options: str) -> str:
    return ok(socket.docker("run", "-d", "--init", "--name", name, *options, IMAGE, *FOREVER))


def test_everything_that_is_made_carries_the_owners_labels(lab: Lab, sockets: Sockets):
    mine = sockets.open(MINE)
    claims = ("--label", "greendock.component=com.example.Other", "--label", "a=b")
    start(mine, "web", *claims, "--label", "greendock.core=core-9")
    ok(mine.docker("network", "create", *claims, "net"))
    ok(mine.docker("volume", "create", *claims, "vol"))
    expected = {"a": "b", **labels_of(MINE)}
    assert labels(lab, "web") == expected
    assert labels(lab, "--type", "network", "net") == expected
    assert labels(lab, "--type", "volume", "vol") == expected


def test_removing_everything_ends_only_what_is_the_components_own(lab: Lab, sockets: Sockets):
    mine, other = sockets.open(MINE), sockets.open(OTHER)
    elsewhere = sockets.open(ELSEWHERE)
    start(mine, "one")
    start(mine, "two")
    start(other, "theirs")
    start(elsewhere, "far")
    done = mine.script("docker rm -f $(docker ps -aq)")
    assert done.returncode == 1
    assert sorted(done.stderr.strip().splitlines()) == [
        "Error response from daemon: cannot remove container far: it belongs to component "
        "com.example.Mine 1.2.0 of another core (core-2)",
        "Error response from daemon: cannot remove container theirs: it belongs to component "
        "com.example.Other 2.0.0",
    ]
    running = ok(lab.docker("ps", "--format", "{{.Names}}")).split()
    assert sorted(running) == ["far", "theirs"]


def test_every_way_to_touch_a_foreign_container_is_refused(lab: Lab, sockets: Sockets):
    mine, other = sockets.open(MINE), sockets.open(OTHER)
    whole_id = start(other, "theirs")
    before = inspect(lab, "theirs")
    for ref in ("theirs", whole_id, whole_id[:6]):
        for words in (
            ("stop", ref),
            ("kill", ref),
            ("restart", ref),
            ("pause", ref),
            ("rename", ref, "stolen"),
            ("update", "--memory", "64m", ref),
            ("exec", ref, "true"),
            ("attach", "--no-stdin", ref),
            ("commit", ref, "copy"),
            ("cp", "/etc/hostname", f"{ref}:/tmp/x"),
            ("rm", "-f", ref),
        ):
            done = mine.docker(*words)
            assert done.returncode != 0, words
            # Of an attach that is refused docker shows the status only.
            expected = "received 403" if words[0] == "attach" else _FOREIGN
            assert expected in done.stderr
    after = inspect(lab, "theirs")
    assert (after["Id"], after["Name"], after["State"]["Pid"]) == (
        before["Id"],
        before["Name"],
        before["State"]["Pid"],
    )
    assert after["HostConfig"]["Memory"] == 0
    assert ok(mine.docker("inspect", "-f", "{{.Name}}", "theirs")) == "/theirs"


def test_prune_removes_only_the_components_own(lab: Lab, sockets: Sockets):
    mine, other = sockets.open(MINE), sockets.open(OTHER)
    for socket, name in ((mine, "mine"), (other, "theirs")):
        ok(socket.docker("create", "--name", name, IMAGE, "/bin/true"))
        ok(socket.docker("network", "create", f"{name}-net"))
        ok(socket.docker("volume", "create", f"{name}-vol"))
    ok(lab.docker("create", "--name", "nobodys", IMAGE, "/bin/true"))
    done = ok(mine.docker("system", "prune", "-f", "--volumes"))
    assert "mine-net" in done
    assert sorted(ok(lab.docker("ps", "-a", "--format", "{{.Names}}")).split()) == [
        "nobodys",
        "theirs",
    ]
    networks = ok(lab.docker("network", "ls", "--format", "{{.Name}}")).split()
    assert "theirs-net" in networks
    assert "mine-net" not in networks
    assert ok(lab.docker("volume", "ls", "-q")).split() == ["theirs-vol"]
    assert ok(lab.docker("images", "-q", IMAGE))


def test_networks_and_volumes_of_others_stay(lab: Lab, sockets: Sockets):
    mine, other = sockets.open(MINE), sockets.open(OTHER)
    ok(other.docker("network", "create", "net"))
    ok(other.docker("volume", "create", "vol"))
    start(mine, "web", "-v", "vol:/data")
    for words in (
        ("network", "rm", "net"),
        ("network", "connect", "net", "web"),
        ("volume", "rm", "vol"),
    ):
        done = mine.docker(*words)
        assert done.returncode == 1
        assert "it belongs to component com.example.Other 2.0.0" in done.stderr


@pytest.mark.parametrize(
    ("options", "rule", "what", "value"),
    [
        (
            ("--privileged",),
            "privileged",
            "a privileged container (HostConfig.Privileged: true)",
            "true",
        ),
        (("--network", "host"), "hostNamespaces", "HostConfig.NetworkMode: host", "[network]"),
        (("--pid", "host"), "hostNamespaces", "HostConfig.PidMode: host", "[pid]"),
        (("-v", "/etc:/x"), "binds", "HostConfig.Binds: /etc", "[/etc]"),
        (
            ("--cap-add", "SYS_ADMIN"),
            "capabilities",
            "HostConfig.CapAdd: CAP_SYS_ADMIN",
            "[SYS_ADMIN]",
        ),
    ],
)
def test_strict_as_docker_prints_it(
    sockets: Sockets, options: tuple[str, ...], rule: str, what: str, value: str
):
    strict = sockets.open(MINE, STRICT)
    done = strict.docker("run", "--rm", *options, IMAGE, "/bin/true")
    assert done.returncode in (125, 126)
    assert done.stderr.splitlines()[0] == (
        f"docker: Error response from daemon: com.example.Mine may not use {what}: rule {rule} of "
        "its container policy (strict) forbids it; greendock.docker.policy."
        f"{rule}: {value} in its configuration would allow it"
    )


def test_strict_runs_an_ordinary_container(sockets: Sockets, tmp_path: Path):
    place = Place((str(tmp_path),), ("/run/docker.sock",))
    strict = sockets.open(MINE, STRICT, place)
    (tmp_path / "x").write_text("from the work folder")
    done = strict.docker("run", "--rm", "-v", f"{tmp_path}:/w:ro", IMAGE, "/bin/cat", "/w/x")
    assert (done.returncode, done.stdout) == (0, "from the work folder")


def test_strict_knows_the_hosts_network_by_its_id(lab: Lab, sockets: Sockets):
    strict = sockets.open(MINE, STRICT)
    host_id = ok(lab.docker("network", "inspect", "-f", "{{.Id}}", "host"))
    for ref in (host_id, host_id[:7]):
        done = strict.docker("run", "--rm", "--network", ref, IMAGE, "/bin/true")
        assert "rule hostNamespaces" in done.stderr


@pytest.mark.parametrize("inner", [b'{"PidMode":"host"}', b'{"hostconfig":{"pidmode":"host"}}'])
def test_a_host_config_at_start_of_an_old_client_is_judged(
    lab: Lab, sockets: Sockets, inner: bytes
):
    strict, mine = sockets.open(MINE, STRICT), sockets.open(replace(MINE, generation="g2"))
    ok(mine.docker("create", "--name", "web", IMAGE, *FOREVER))
    status, answer = strict.ask("POST", "/v1.21/containers/web/start", inner)
    assert (status, b"rule hostNamespaces" in answer) == (403, True)
    assert inspect(lab, "web")["State"]["Status"] == "created"
    mine.limits.now = LimitRule(memory_bytes=32_000_000, enforcement=Enforcement.EACH)
    assert mine.ask("POST", "/v1.21/containers/web/start", inner)[0] == 204
    host = inspect(lab, "web")["HostConfig"]
    assert (host["PidMode"], host["Memory"]) == ("host", 32_000_000)


def test_each_request_of_a_kept_connection_is_judged(lab: Lab, sockets: Sockets):
    strict = sockets.open(MINE, STRICT)
    body = json.dumps({"Image": IMAGE, "HostConfig": {"Privileged": True}})
    connection = strict.connection()
    seen = []
    for method, target, sent in (
        ("GET", "/_ping", None),
        ("POST", "/containers/create?name=web", body),
        ("GET", "/containers/json?all=1", None),
        ("POST", "/containers/create?name=web", json.dumps({"Image": IMAGE})),
    ):
        connection.request(method, target, sent, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        seen.append((answer.status, answer.read()))
    connection.close()
    assert [status for status, _ in seen] == [200, 403, 200, 201]
    assert labels(lab, "web") == labels_of(MINE)


def test_a_form_does_not_rename_what_the_query_does_not_name(lab: Lab, sockets: Sockets):
    mine = sockets.open(MINE)
    ok(mine.docker("create", "--name", "web", IMAGE))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _ = mine.ask("POST", "/containers/web/rename?name=asked", b"name=hidden", form)
    assert (status, inspect(lab, "asked")["Name"]) == (204, "/asked")


def test_a_bind_by_way_of_a_volume_is_judged(lab: Lab, sockets: Sockets):
    strict = sockets.open(MINE, STRICT)
    done = strict.docker(
        *("volume", "create", "--opt", "type=none", "--opt", "o=bind", "--opt", "device=/etc"), "v"
    )
    assert "rule binds of its container policy (strict)" in done.stderr
    mount = (
        "type=volume,src=v,dst=/x,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/etc"
    )
    done = strict.docker("run", "--rm", "--mount", mount, IMAGE, "/bin/true")
    assert "rule binds of its container policy (strict)" in done.stderr
    assert ok(lab.docker("volume", "ls", "-q")) == ""


def test_a_private_image_is_pulled_with_the_components_credentials(lab: Lab, sockets: Sockets):
    image = f"{lab.ecr_host}/repository:1.0"
    auth = RegistryAuth("AWS", lab.ecr_password(), lab.ecr_host)
    sockets.logins.known[lab.ecr_host] = Login(auth, "the lab")
    lab.remove_image(image)
    mine, other = sockets.open(MINE), sockets.open(OTHER)

    async def note() -> None:
        use = ImageUse(MINE.component, MINE.version, f"docker:{image}", image, "sha256:none")
        sockets.ledger.add_uses([use])

    sockets.call(note())
    refused = other.docker("run", "--rm", image, "/bin/true")
    assert "no basic auth credentials" in refused.stderr
    ok(mine.docker("run", "--rm", image, "/bin/true"))
    lab.remove_image(image)


def test_images_that_are_loaded_and_built_are_recorded(lab: Lab, sockets: Sockets, tmp_path: Path):
    mine = sockets.open(MINE)
    for name in ("loaded-by-script:1", "built-by-script:1"):
        lab.remove_image(name)
    ok(lab.docker("build", "-q", "-t", "loaded-by-script:1", str(_context(tmp_path / "a", "1"))))
    archive = tmp_path / "a.tar"
    ok(lab.docker("save", "-o", str(archive), "loaded-by-script:1"))
    lab.remove_image("loaded-by-script:1")
    ok(mine.docker("load", "-i", str(archive)))
    ok(mine.docker("build", "-t", "built-by-script:1", str(_context(tmp_path / "b", "2"))))

    async def view() -> Any:
        return sockets.ledger.view()

    # The client may have its answer a moment before it is noted.
    wait_until(lambda: len(sockets.call(view()).brought) == 2, "both images are on record")
    ledger = sockets.call(view())
    ids = {
        inspect(lab, "loaded-by-script:1")["Id"]: "loaded",
        inspect(lab, "built-by-script:1")["Id"]: "built",
    }
    assert {image.image_id: image.how for image in ledger.brought} == ids
    assert {use.image_id for use in ledger.uses} == set(ids)
    assert {use.who for use in ledger.uses} == {"com.example.Mine 1.2.0"}
    for name in ("loaded-by-script:1", "built-by-script:1"):
        lab.remove_image(name)


def _context(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {IMAGE}\nENV LAB={text}\n")
    return folder


def test_an_image_that_another_component_needs_stays(lab: Lab, sockets: Sockets):
    mine = sockets.open(MINE)
    image_id = inspect(lab, IMAGE)["Id"]

    async def note() -> None:
        name = "docker.io/library/mysql:8.0"
        use = ImageUse(OTHER.component, OTHER.version, f"docker:{IMAGE}", name, image_id)
        sockets.ledger.add_uses([use])

    sockets.call(note())
    for words in (
        ("rmi", IMAGE),
        ("rmi", "-f", image_id),
        ("rmi", "docker.io/library/mysql:8.0"),
    ):
        done = mine.docker(*words)
        assert (done.returncode, "component com.example.Other needs it" in done.stderr) == (
            1,
            True,
        )
    assert "needs the one of that name" in mine.docker("tag", IMAGE, "mysql:8.0").stderr
    ok(mine.docker("tag", IMAGE, "my-own:1"))
    ok(mine.docker("rmi", "my-own:1"))
    assert inspect(lab, IMAGE)["Id"] == image_id


def test_variables_and_folders_are_injected(sockets: Sockets, tmp_path: Path):
    mine = sockets.open(MINE)
    (tmp_path / "f").write_text("seen")
    mine.injection.now = Injected(
        {"TOKEN": "t", "A": "core"}, (MountedFolder(str(tmp_path), "/gg"),)
    )
    script = "echo $TOKEN $A; cat /gg/f"
    done = ok(mine.docker("run", "--rm", "-e", "A=own", IMAGE, "/bin/sh", "-c", script))
    assert done == "t own\nseen"


def test_limits_are_on_the_container(lab: Lab, sockets: Sockets):
    mine = sockets.open(MINE)
    mine.limits.now = LimitRule(
        memory_bytes=64 << 20, nano_cpus=500_000_000, enforcement=Enforcement.EACH
    )
    start(mine, "large", "--memory", "1g")
    start(mine, "small", "--memory", "32m", "--cpus", "0.1")
    ok(mine.docker("update", "--memory", "1g", "--memory-swap", "2g", "small"))
    limits = [
        (inspect(lab, name)["HostConfig"]["Memory"], inspect(lab, name)["HostConfig"]["NanoCpus"])
        for name in ("large", "small")
    ]
    assert limits == [(64 << 20, 500_000_000), (64 << 20, 100_000_000)]


@pytest.mark.parametrize("command", ["old", "new"])
def test_compose_makes_things_that_carry_the_labels(
    lab: Lab, sockets: Sockets, tmp_path: Path, command: str
):
    mine = sockets.open(MINE)
    tool = "/usr/bin/docker-compose" if command == "old" else str(lab.compose)
    (tmp_path / "docker-compose.yml").write_text(
        "version: '3'\nservices:\n  web:\n    image: mysql:8.0\n    init: true\n"
        "    volumes: ['data:/data']\nvolumes:\n  data: {}\n"
    )
    project = ["-p", f"p{command}"]
    up = mine.run([tool, *project, "up", "-d"], cwd=tmp_path)
    assert up.returncode == 0, up.stderr
    own = labels_of(MINE).items()
    made = ok(lab.docker("ps", "-q")).split()
    assert len(made) == 1
    assert own <= labels(lab, made[0]).items()
    assert own <= labels(lab, "--type", "network", f"p{command}_default").items()
    assert own <= labels(lab, "--type", "volume", f"p{command}_data").items()
    down = mine.run([tool, *project, "down", "-v"], cwd=tmp_path)
    assert down.returncode == 0, down.stderr
    assert ok(lab.docker("ps", "-aq")) == ""
    assert ok(lab.docker("volume", "ls", "-q")) == ""


def test_an_image_of_a_container_belongs_to_nobody(lab: Lab, sockets: Sockets):
    mine = sockets.open(MINE)
    ok(mine.docker("create", "--name", "web", "--label", "a=b", IMAGE, *FOREVER))
    ok(mine.docker("commit", "web", "committed:1"))
    ok(mine.docker("commit", "--change", "LABEL c=d", "web", "committed:2"))
    ok(lab.docker("create", "--name", "plain", "committed:1"))
    ok(lab.docker("create", "--name", "changed", "committed:2"))
    assert read_owner(labels(lab, "plain")) is None
    assert read_owner(labels(lab, "changed")) is None
    assert (labels(lab, "plain")["a"], labels(lab, "changed")["c"]) == ("b", "d")
    lab.docker("rm", "plain", "changed")
    ok(mine.docker("rmi", "committed:1", "committed:2"))


def test_a_link_that_comes_after_the_creation_is_seen_at_the_start(
    lab: Lab, sockets: Sockets, tmp_path: Path
):
    strict = sockets.open(MINE, STRICT, Place((str(tmp_path),), (), os.path.realpath))
    (tmp_path / "data").mkdir()
    bind = f"{tmp_path}/data:/x"
    ok(strict.docker("create", "--name", "web", "-v", bind, IMAGE, *FOREVER))
    (tmp_path / "data").rmdir()
    (tmp_path / "data").symlink_to("/etc")
    for verb in ("start", "restart"):
        done = strict.docker(verb, "web")
        assert "rule binds of its container policy (strict)" in done.stderr
    assert inspect(lab, "web")["State"]["Status"] == "created"


def test_a_volume_that_is_there_already_is_looked_into(sockets: Sockets):
    other, strict = sockets.open(OTHER), sockets.open(MINE, STRICT)
    bind = ("--opt", "type=none", "--opt", "o=bind", "--opt", "device=/etc")
    ok(other.docker("volume", "create", *bind, "window"))
    ok(other.docker("volume", "create", "shared"))
    for option in ("-v=window:/x", "--mount=type=volume,src=window,dst=/x"):
        done = strict.docker("run", "--rm", option, IMAGE, "/bin/true")
        assert "rule binds of its container policy (strict)" in done.stderr
    ok(strict.docker("run", "--rm", "-v=shared:/x", IMAGE, "/bin/true"))


def test_podmans_paths_lead_nowhere_past_the_labels(lab: Lab, sockets: Sockets):
    mine, other = sockets.open(MINE), sockets.open(OTHER)
    start(other, "theirs")
    assert mine.ask("POST", "/libpod/containers/theirs/stop")[0] == 403
    assert mine.ask("POST", "/containers%2Ftheirs%2Fstop")[0] == 403
    assert mine.ask("POST", "//containers/theirs/stop")[0] == 400
    assert unix_http.call(lab.socket, "GET", "/containers/theirs/json").json()["State"]["Running"]


def test_an_earlier_life_of_the_component_is_its_own(sockets: Sockets):
    earlier = Owner(MINE.core, MINE.component, "1.0.0", "gen-before")
    start(sockets.open(earlier), "old")
    ok(sockets.open(MINE).docker("rm", "-f", "old"))
