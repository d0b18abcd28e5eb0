"""The strict policy, rule by rule: what it refuses, what it lets through, what allows it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rule_ports import MINE, OTHER, Desk
from greendock.config.container_settings import (
    FLAGS,
    LISTS,
    PolicyChoice,
    read_container_settings,
)
from greendock.docker.gateway.exchange import Forward
from greendock.docker.gateway.policy import (
    GREENGRASS,
    STRICT,
    Place,
    policy_of,
)
from greendock.docker.gateway.ports import Kind
from greendock.docker.gateway.volume_options import VolumeSource, volume_source

PLACE = Place(("/gg/work/mine",), ("/run/docker.sock",))

FORBIDDEN: list[tuple[str, dict[str, Any], Any]] = [
    ("privileged", {"Privileged": True}, True),
    ("privileged", {"PRIVILEGED": True, "privileged": None}, True),
    ("hostNamespaces", {"NetworkMode": "host"}, ["network"]),
    ("hostNamespaces", {"Networ\u212aMode": "host"}, ["network"]),
    ("hostNamespaces", {"NetworkMode": "the-hosts"}, ["network"]),
    ("hostNamespaces", {"PidMode": "host"}, ["pid"]),
    ("hostNamespaces", {"IpcMode": "host"}, ["ipc"]),
    ("hostNamespaces", {"UTSMode": "host"}, ["uts"]),
    ("hostNamespaces", {"UsernsMode": "host"}, ["user"]),
    ("hostNamespaces", {"CgroupnsMode": "host"}, ["cgroup"]),
    ("foreign", {"NetworkMode": "container:theirs"}, True),
    ("foreign", {"PidMode": "container:theirs"}, True),
    ("foreign", {"IpcMode": "container:theirs"}, True),
    ("foreign", {"Cgroup": "container:theirs"}, True),
    ("foreign", {"VolumesFrom": ["theirs:ro"]}, True),
    ("foreign", {"VolumesFrom": ["nobodys"]}, True),
    ("foreign", {"Links": ["theirs:db"]}, True),
    ("foreign", {"NetworkMode": "their-net"}, True),
    ("binds", {"Binds": ["/etc:/x"]}, ["/etc"]),
    ("binds", {"Binds": ["/gg/work/mine2:/x"]}, ["/gg"]),
    ("binds", {"Mounts": [{"Type": "bind", "Source": "/etc", "Target": "/x"}]}, "all"),
    ("binds", {"mounts": [{"type": "bind", "\u017fource": "/etc"}]}, ["/etc"]),
    ("engineSocket", {"Binds": ["/run/docker.sock:/x"]}, True),
    ("engineSocket", {"Binds": ["/run:/x"]}, True),
    ("engineSocket", {"Mounts": [{"Type": "bind", "Source": "/"}]}, True),
    ("capabilities", {"CapAdd": ["SYS_ADMIN"]}, ["SYS_ADMIN"]),
    ("capabilities", {"CapAdd": "cap_sys_admin"}, ["SYS_ADMIN"]),
    ("capabilities", {"CapAdd": ["ALL"]}, "all"),
    ("securityOptions", {"SecurityOpt": ["seccomp=unconfined"]}, ["seccomp=unconfined"]),
    ("securityOptions", {"SecurityOpt": ["apparmor:unconfined"]}, "all"),
    ("securityOptions", {"MaskedPaths": []}, ["systempaths=unconfined"]),
    ("securityOptions", {"ReadonlyPaths": []}, ["systempaths=unconfined"]),
    ("devices", {"Devices": [{"PathOnHost": "/dev/sda"}]}, ["/dev/sd?"]),
    ("devices", {"Devices": [{"pathonhost": "/dev/mem"}]}, "all"),
    ("devices", {"DeviceCgroupRules": ["b 8:* rmw"]}, ["b 8:[*] rmw"]),
    ("devices", {"DeviceRequests": [{"Driver": "nvidia", "Count": -1}]}, ["nvidia"]),
    ("devices", {"DeviceRequests": [{"Capabilities": [["gpu"]]}]}, ["gpu"]),
    ("cgroupParent", {"CgroupParent": "/system"}, True),
    ("sysctls", {"Sysctls": {"kernel.panic": "1"}}, ["kernel.panic"]),
    ("runtimes", {"Runtime": "weak"}, ["weak"]),
    ("volumeDrivers", {"VolumeDriver": "rexray"}, ["rexray"]),
    (
        "binds",
        {
            "Mounts": [
                {
                    "Type": "volume",
                    "Source": "v",
                    "VolumeOptions": {
                        "DriverConfig": {
                            "Options": {"o": "bind", "type": "none", "device": "/etc"}
                        }
                    },
                }
            ]
        },
        ["/etc"],
    ),
    (
        "volumeDrivers",
        {"Mounts": [{"Type": "volume", "VolumeOptions": {"DriverConfig": {"Name": "rexray"}}}]},
        ["rexray"],
    ),
]


def desk(policy: Any = STRICT, **changes: Any) -> Desk:
    made = Desk(policy=policy, place=PLACE, **changes)
    made.things.add(Kind.CONTAINER, "theirs", OTHER)
    made.things.add(Kind.CONTAINER, "nobodys", None)
    made.things.add(Kind.CONTAINER, "mine", MINE)
    made.things.add(Kind.NETWORK, "their-net", OTHER, "bridge")
    made.things.add(Kind.NETWORK, "my-net", MINE, "bridge")
    made.things.add(Kind.NETWORK, "the-hosts", None, "host")
    made.things.add(Kind.NETWORK, "bridge", None, "bridge")
    return made


@pytest.mark.parametrize(("rule", "host", "value"), FORBIDDEN)
def test_strict_refuses_and_names_rule_component_and_key(rule: str, host: Any, value: Any):
    refusal = desk().refusal("POST", "/containers/create", {"Image": "a", "HostConfig": host})
    assert refusal.status == 403
    assert refusal.message.startswith("com.example.Mine may not use ")
    assert f"rule {rule} of its container policy (strict) forbids it" in refusal.message
    assert f"greendock.docker.policy.{rule}: " in refusal.message


@pytest.mark.parametrize(("rule", "host", "value"), FORBIDDEN)
def test_strict_looks_at_the_top_of_the_body_too(rule: str, host: Any, value: Any):
    refusal = desk().refusal("POST", "/containers/create", {"Image": "a", **host})
    assert f"rule {rule} " in refusal.message


@pytest.mark.parametrize("target", ["/v1.21/containers/mine/start", "/containers/mine/start"])
@pytest.mark.parametrize(("rule", "host", "value"), FORBIDDEN)
def test_strict_looks_at_a_host_config_at_start(rule: str, host: Any, value: Any, target: str):
    for body in (host, {"hostconfig": host}):
        assert f"rule {rule} " in desk().refusal("POST", target, body).message


@pytest.mark.parametrize(("rule", "host", "value"), FORBIDDEN)
def test_the_key_that_the_message_names_allows_it(rule: str, host: Any, value: Any):
    settings = read_container_settings({"docker": {"policy": {"preset": "strict", rule: value}}})
    policy = policy_of(settings.policy)
    if rule == "engineSocket":  # such a path is one to bind as well
        policy = policy_of(PolicyChoice("strict", {"engineSocket": True, "binds": None}))
    verdict = desk(policy).judge("POST", "/containers/create", {"Image": "a", "HostConfig": host})
    assert isinstance(verdict, Forward), verdict


@pytest.mark.parametrize(("rule", "host", "value"), FORBIDDEN)
def test_greengrass_allows_it(rule: str, host: Any, value: Any):
    body = {"Image": "a", "HostConfig": host}
    assert isinstance(desk(GREENGRASS).judge("POST", "/containers/create", body), Forward)


@pytest.mark.parametrize(
    "host",
    [
        None,
        {},
        {"Privileged": False, "NetworkMode": "default", "PidMode": "", "CapAdd": None},
        {"NetworkMode": "bridge", "IpcMode": "private", "CgroupnsMode": "private"},
        {"NetworkMode": "none", "SecurityOpt": ["no-new-privileges"], "CapDrop": ["ALL"]},
        {"NetworkMode": "container:mine", "VolumesFrom": ["mine"]},
        {"NetworkMode": "my-net", "MaskedPaths": None, "ReadonlyPaths": None},
        {"Binds": ["/gg/work/mine/data:/x:ro", "named:/y", "/anonymous"]},
        {"Mounts": [{"Type": "bind", "Source": "/gg/work/mine", "Target": "/x"}]},
        {"Mounts": [{"Type": "tmpfs", "Target": "/x"}, {"Type": "volume", "Target": "/y"}]},
        {"Sysctls": {"net.core.somaxconn": "10"}, "Runtime": "runc"},
        {"Memory": 1 << 30, "RestartPolicy": {"Name": "always"}, "PublishAllPorts": True},
    ],
)
def test_strict_lets_ordinary_containers_through(host: Any):
    body = {"Image": "a", "Env": ["A=b"], "HostConfig": host}
    assert isinstance(desk().judge("POST", "/containers/create", body), Forward)


@pytest.mark.parametrize(
    ("endpoints", "rule"),
    [
        ({"host": {}}, None),
        ({"the-hosts": {}}, "hostNamespaces"),
        ({"their-net": {}}, "foreign"),
        ({"any": {"NetworkId": "their-net"}}, "foreign"),
        ({"my-net": {"Aliases": ["a"]}, "bridge": None}, None),
    ],
)
def test_strict_looks_at_the_networks_of_a_create(endpoints: Any, rule: str | None):
    made = desk()
    made.things.add(Kind.NETWORK, "host", None, "host")
    body = {"Image": "a", "networkingconfig": {"endpointsconfig": endpoints}}
    verdict = made.judge("POST", "/containers/create", body)
    if "host" in endpoints:
        assert "hostNamespaces" in repr(verdict)
    elif rule is None:
        assert isinstance(verdict, Forward), verdict
    else:
        assert f"rule {rule} " in repr(verdict)


@pytest.mark.parametrize(
    ("target", "body", "rule"),
    [
        ("/containers/mine/exec", {"PRIVILEGED": True}, "privileged"),
        ("/containers/mine/update", {"devices": [{"PathOnHost": "/dev/sda"}]}, "devices"),
        ("/containers/mine/update", {"cgroupparent": "/x"}, "cgroupParent"),
        ("/networks/create", {"Name": "n", "driver": "macvlan"}, "networkDrivers"),
        ("/volumes/create", {"driver": "rexray"}, "volumeDrivers"),
        (
            "/volumes/create",
            {"driveropts": {"type": "none", "o": "bind", "device": "/etc"}},
            "binds",
        ),
        ("/volumes/create", {"DriverOpts": {"o": "rbind,ro", "device": "/"}}, "engineSocket"),
        (
            "/volumes/create",
            {"DriverOpts": {"type": "tmpfs", "o": "bind", "device": "/"}},
            "engineSocket",
        ),
        ("/volumes/create", {"DriverOpts": {"type": "ext4", "device": "/dev/sda1"}}, "devices"),
        (
            "/volumes/create",
            {"DriverOpts": {"type": "overlay", "o": "lowerdir=/", "device": "overlay"}},
            "devices",
        ),
        ("/volumes/create", {"DriverOpts": {"type": "nfs", "device": ":/x"}}, "volumeDrivers"),
        ("/build?networkmode=host", None, "hostNamespaces"),
        ("/build?networkmode=container:theirs", None, "foreign"),
        ("/build?networkmode=their-net", None, "foreign"),
        ("/build?cgroupparent=/x", None, "cgroupParent"),
        ("/session", None, "endpoints"),
        ("/containers/mine/checkpoints", {}, "endpoints"),
        ("/containers/mine/start?checkpoint-dir=/etc", None, "endpoints"),
        ("/containers/mine/start?checkpoint=c", None, "endpoints"),
        ("/grpc", None, "endpoints"),
        ("/swarm/init", {}, "endpoints"),
        ("/services/create", {}, "endpoints"),
        ("/plugins/pull?remote=x", None, "endpoints"),
        ("/images/a/push", None, "endpoints"),
        ("/build/prune", None, "endpoints"),
        ("/libpod/containers/create", {}, "endpoints"),
        ("/libpod/containers/mine/stop", None, "endpoints"),
        ("/pods/create", None, "endpoints"),
    ],
)
def test_strict_looks_at_other_calls(target: str, body: Any, rule: str):
    refusal = desk().refusal("POST", target, body)
    assert refusal.status == 403
    assert f"rule {rule} " in refusal.message
    assert isinstance(desk(GREENGRASS).judge("POST", target, body), Forward)


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/volumes/create", {"Name": "v"}),
        ("/volumes/create", {"DriverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}),
        ("/volumes/create", {"DriverOpts": {"o": "bind", "device": "/gg/work/mine/x"}}),
        ("/networks/create", {"Name": "n"}),
        ("/networks/create", {"Name": "n", "Driver": "bridge"}),
        ("/build?t=a", None),
        ("/build?networkmode=default", None),
        ("/images/create?fromImage=a&tag=1", None),
        ("/images/load", None),
        ("/containers/mine/exec", {"Cmd": ["ls"], "Privileged": False}),
    ],
)
def test_strict_lets_other_ordinary_calls_through(target: str, body: Any):
    assert isinstance(desk().judge("POST", target, body), Forward)


SPELLINGS = {"s": "sS\u017f", "k": "kK\u212a"}


def respelled(name: str, draw: st.DataObject) -> str:
    letters = [SPELLINGS.get(c.lower(), c.lower() + c.upper()) for c in name]
    return "".join(draw.draw(st.sampled_from(each)) for each in letters)


@given(st.data(), st.sampled_from(sorted({rule for rule, _, _ in FORBIDDEN})))
def test_no_spelling_and_no_repetition_gets_past_strict(draw: st.DataObject, rule: str):
    """As text, since repeated members are no dict. What is harmless may come before and after."""
    host = draw.draw(st.sampled_from([host for name, host, _ in FORBIDDEN if name == rule]))
    (member, value), *_ = host.items()
    harmful = f"{json.dumps(respelled(member, draw))}:{json.dumps(value)}"
    noise = draw.draw(
        st.lists(st.sampled_from(['"Memory":null', '"x":[{}]', '"HostConfig":null', '"Dns":[]']))
    )
    parts = draw.draw(st.permutations([harmful, *noise]))
    outer = respelled("HostConfig", draw)
    inner = f"{json.dumps(outer)}:{{{','.join(parts)}}}"
    empty = f"{json.dumps(respelled('HostConfig', draw))}:{{}}"
    around = draw.draw(st.permutations(['"Image":"a"', inner, empty]))
    body = f"{{{','.join(around)}}}".encode()
    assert f"rule {rule} " in desk().refusal("POST", "/containers/create", body).message


def test_the_words_of_a_refusal():
    refusal = desk().refusal(
        "POST", "/containers/create", {"Image": "a", "HostConfig": {"Binds": ["/etc:/x"]}}
    )
    assert refusal.message == (
        "com.example.Mine may not use HostConfig.Binds: /etc: rule binds of its container policy "
        "(strict) forbids it; greendock.docker.policy.binds: [/etc] in its configuration would "
        "allow it"
    )


def test_paths_are_judged_by_where_they_lead(tmp_path: Path):
    own = tmp_path / "own"
    (own / "data").mkdir(parents=True)
    (own / "out").symlink_to("/etc")
    (tmp_path / "in").symlink_to(own)
    place = Place((str(own),), (), lambda path: str(Path(path).resolve()))
    made = Desk(policy=STRICT, place=place)

    def verdict(source: str) -> bool:
        body = {"Image": "a", "HostConfig": {"Binds": [f"{source}:/x"]}}
        return isinstance(made.judge("POST", "/containers/create", body), Forward)

    assert verdict(f"{own}/data")
    assert verdict(f"{own}/not/there/yet")
    assert verdict(f"{tmp_path}/in/data")
    assert not verdict(f"{own}/out")
    assert not verdict(f"{own}/out/passwd")
    assert not verdict(f"{own}/../..")
    assert not verdict(f"{own}/data/../../other")


@pytest.mark.parametrize(
    "source", ["//etc", "/gg/work/mine/../../../etc", "/gg/work/mine/..", "/gg/work//mine/../x"]
)
def test_paths_are_put_in_order_where_links_cannot_be_seen(source: str):
    for host in ({"Binds": [f"{source}:/x"]}, {"Mounts": [{"Type": "bind", "Source": source}]}):
        made = Desk(policy=STRICT, place=Place(("/gg/work/mine",)))
        refusal = made.refusal("POST", "/containers/create", {"Image": "a", "HostConfig": host})
        assert "rule binds " in refusal.message


def test_the_engines_socket_is_found_behind_two_slashes():
    policy = policy_of(PolicyChoice("greengrass", {"engineSocket": False}))
    made = Desk(policy=policy, place=Place((), ("/run/docker.sock",)))
    for source in ("//run", "/", "//", "/run/docker.sock", "/run/../run/docker.sock"):
        body = {"Image": "a", "HostConfig": {"Binds": [f"{source}:/x"]}}
        assert "rule engineSocket " in made.refusal("POST", "/containers/create", body).message


def test_every_rule_can_be_set_and_means_a_field():
    rules: dict[str, Any] = dict.fromkeys(FLAGS, True) | dict.fromkeys(LISTS)
    policy = policy_of(PolicyChoice("strict", rules))
    assert replace(policy, name="greengrass") == GREENGRASS
    assert policy_of(PolicyChoice("greengrass")) == GREENGRASS


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (None, (VolumeSource.ENGINE, "")),
        ({}, (VolumeSource.ENGINE, "")),
        ({"size": "1g"}, (VolumeSource.ENGINE, "")),
        ({"type": "tmpfs"}, (VolumeSource.ENGINE, "")),
        ({"o": "ro, bind", "device": "/a"}, (VolumeSource.HOST_PATH, "/a")),
        ({"type": "none", "device": "/a"}, (VolumeSource.HOST_PATH, "/a")),
        ({"type": "nfs4", "device": ":/a"}, (VolumeSource.NETWORK, "nfs4")),
        ({"type": "btrfs", "device": "/dev/sda"}, (VolumeSource.DEVICE, "/dev/sda")),
        ({"device": "/dev/sda"}, (VolumeSource.DEVICE, "/dev/sda")),
    ],
)
def test_what_stands_behind_a_volume(options: Any, expected: Any):
    assert volume_source(options) == expected
