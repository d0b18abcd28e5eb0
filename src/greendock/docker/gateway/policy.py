"""What a component may ask of the engine: the container policy, and its breaches; pure.

The presets are `greengrass`, which allows what Greengrass allows, and `strict`. Rules look at
bodies in canonical form, and at paths as the caller resolves them. Called by the rules of a
component's socket.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from greendock.config.container_settings import PolicyChoice
from greendock.docker.gateway.calls import Act
from greendock.docker.gateway.volume_options import VolumeSource, volume_source

Allowed = tuple[str, ...] | None
"""None: all."""

_ALWAYS = frozenset(
    {
        Act.READ,
        Act.CREATE_CONTAINER,
        Act.START_CONTAINER,
        Act.UPDATE_CONTAINER,
        Act.CHANGE_CONTAINER,
        Act.ATTACH,
        Act.WAIT,
        Act.REMOVE_CONTAINER,
        Act.CREATE_EXEC,
        Act.START_EXEC,
        Act.CREATE_NETWORK,
        Act.JOIN_NETWORK,
        Act.REMOVE_NETWORK,
        Act.CREATE_VOLUME,
        Act.REMOVE_VOLUME,
        Act.PRUNE_OWN,
        Act.PRUNE_IMAGES,
        Act.PULL_IMAGE,
        Act.LOAD_IMAGE,
        Act.BUILD,
        Act.TAG_IMAGE,
        Act.REMOVE_IMAGE,
        Act.COMMIT,
        Act.CHECK_LOGIN,
    }
)
"""End points that every policy allows; what they do is looked at one by one."""


@dataclass(frozen=True, slots=True)
class ContainerPolicy:
    """Fields are the keys of `greendock.docker.policy` in snake case. `foreign`: namespaces,
    volumes and networks of containers that are not the component's. `unowned`: changing what
    belongs to nobody. `binds`: beside the component's own folders."""

    privileged: bool = True
    foreign: bool = True
    unowned: bool = True
    engine_socket: bool = True
    cgroup_parent: bool = True
    host_namespaces: Allowed = None
    binds: Allowed = None
    capabilities: Allowed = None
    security_options: Allowed = None
    devices: Allowed = None
    sysctls: Allowed = None
    volume_drivers: Allowed = None
    network_drivers: Allowed = None
    runtimes: Allowed = None
    endpoints: Allowed = None
    name: str = "greengrass"


GREENGRASS = ContainerPolicy()
STRICT = ContainerPolicy(
    privileged=False,
    foreign=False,
    unowned=False,
    engine_socket=False,
    cgroup_parent=False,
    host_namespaces=(),
    binds=(),
    capabilities=(),
    security_options=(),
    devices=(),
    # Those that belong to the container's own namespaces.
    sysctls=("net.*", "kernel.msg*", "kernel.sem", "kernel.shm*", "fs.mqueue.*"),
    volume_drivers=("local",),
    network_drivers=("bridge", "null"),
    runtimes=("runc",),
    endpoints=(),
    name="strict",
)
_PRESETS = {"greengrass": GREENGRASS, "strict": STRICT}


def policy_of(choice: PolicyChoice) -> ContainerPolicy:
    """The preset with the rules that are set one by one."""
    policy = _PRESETS[choice.preset or "greengrass"]
    changes: dict[str, Any] = {_field(key): value for key, value in choice.rules.items()}
    return replace(policy, **changes) if changes else policy


def _field(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)


@dataclass(frozen=True, slots=True)
class Breach:
    """`rule`: its key. `what`: what was asked for, with the value. `remedy`: the value of the key
    that allows it."""

    rule: str
    what: str
    remedy: str

    def message(self, component: str, policy: ContainerPolicy) -> str:
        return (
            f"{component} may not use {self.what}: rule {self.rule} of its container policy "
            f"({policy.name}) forbids it; greendock.docker.policy.{self.rule}: {self.remedy} in "
            "its configuration would allow it"
        )


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of this host. `own_folders`: the component's; `engine_sockets`: real paths.
    `resolve`: a path as the engine follows it; without links where they can't be seen."""

    own_folders: tuple[str, ...] = ()
    engine_sockets: tuple[str, ...] = ()
    resolve: Callable[[str], str] = posixpath.normpath


def end_point_breach(policy: ContainerPolicy, act: Act, is_libpod: bool) -> Breach | None:
    """Bodies of Podman's own calls are not understood well enough to judge them."""
    if policy.endpoints is None or (act in _ALWAYS and not (is_libpod and act is not Act.READ)):
        return None
    word = "libpod" if is_libpod and act is not Act.UNKNOWN else act.value
    if word in policy.endpoints:
        return None
    return Breach("endpoints", f"the engine's end point {word!r}", f"[{word}]")


def host_breaches(
    policy: ContainerPolicy, host: Mapping[str, Any], place: Place
) -> Iterator[Breach]:
    """What a HostConfig, or the resources of an update, ask for and may not have."""
    yield from _flags(policy, host)
    yield from _namespaces(policy, host)
    yield from _powers(policy, host)
    yield from _devices(policy, host)
    yield from _mounts(policy, host, place)


def exec_breaches(policy: ContainerPolicy, body: Mapping[str, Any]) -> Iterator[Breach]:
    if not policy.privileged and body.get("Privileged"):
        yield Breach("privileged", "a privileged exec (Privileged: true)", "true")


def volume_breaches(
    policy: ContainerPolicy, driver: object, options: object, place: Place
) -> Iterator[Breach]:
    """A volume that is made, by its driver and the options of it."""
    name = str(driver or "local")
    if not _fits(policy.volume_drivers, name):
        yield Breach("volumeDrivers", f"the volume driver {name}", f"[{name}]")
    if name != "local":
        return
    source, what = volume_source(options)
    if source is VolumeSource.HOST_PATH:
        yield from path_breaches(policy, what, "a volume over the host's", place)
    elif source is VolumeSource.NETWORK and not _fits(policy.volume_drivers, what):
        yield Breach("volumeDrivers", f"a volume of type {what}", f"[local, {what}]")
    elif source is VolumeSource.DEVICE and not _fits(policy.devices, what):
        yield Breach("devices", f"a volume on the device {what}", f"[{what}]")


def network_breaches(policy: ContainerPolicy, driver: object) -> Iterator[Breach]:
    name = str(driver or "bridge")
    if not _fits(policy.network_drivers, name):
        yield Breach("networkDrivers", f"the network driver {name}", f"[bridge, {name}]")


def host_network_breach(policy: ContainerPolicy, what: str) -> Breach | None:
    if _fits(policy.host_namespaces, "network"):
        return None
    return Breach("hostNamespaces", f"the host's network ({what})", "[network]")


def path_breaches(policy: ContainerPolicy, path: str, what: str, place: Place) -> Iterator[Breach]:
    """A path of the host that is to be seen in a container."""
    if policy.binds is None and policy.engine_socket:
        return
    real = "/" + place.resolve(path).lstrip("/")  # two slashes at the start would stay
    shown = path if real == path else f"{path}, which is {real}"
    if not policy.engine_socket and any(is_below(s, real) for s in place.engine_sockets):
        yield Breach("engineSocket", f"{what} {shown}, where the engine's socket is", "true")
    if policy.binds is None:
        return
    if not any(is_below(real, folder) for folder in (*place.own_folders, *policy.binds)):
        yield Breach("binds", f"{what} {shown}", f"[{real}]")


def is_below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _flags(policy: ContainerPolicy, host: Mapping[str, Any]) -> Iterator[Breach]:
    if not policy.privileged and host.get("Privileged"):
        yield Breach("privileged", "a privileged container (HostConfig.Privileged: true)", "true")
    parent = host.get("CgroupParent")
    if not policy.cgroup_parent and parent:
        yield Breach("cgroupParent", f"HostConfig.CgroupParent: {parent}", "true")
    runtime = host.get("Runtime")
    if runtime and not _fits(policy.runtimes, str(runtime)):
        yield Breach("runtimes", f"HostConfig.Runtime: {runtime}", f"[{runtime}]")


_MODES = {
    "NetworkMode": "network",
    "PidMode": "pid",
    "IpcMode": "ipc",
    "UTSMode": "uts",
    "UsernsMode": "user",
    "CgroupnsMode": "cgroup",
}


def _namespaces(policy: ContainerPolicy, host: Mapping[str, Any]) -> Iterator[Breach]:
    for member, namespace in _MODES.items():
        if host.get(member) == "host" and not _fits(policy.host_namespaces, namespace):
            yield Breach("hostNamespaces", f"HostConfig.{member}: host", f"[{namespace}]")


def _powers(policy: ContainerPolicy, host: Mapping[str, Any]) -> Iterator[Breach]:
    for written in _texts(host.get("CapAdd")):
        name = written.upper().removeprefix("CAP_")
        if not _fits(policy.capabilities, name):
            yield Breach("capabilities", f"HostConfig.CapAdd: {written}", f"[{name}]")
    for option in _texts(host.get("SecurityOpt")):
        if option not in _HARMLESS and not _fits(policy.security_options, option):
            yield Breach("securityOptions", f"HostConfig.SecurityOpt: {option}", f"['{option}']")
    for member in ("MaskedPaths", "ReadonlyPaths"):
        if host.get(member) is not None and not _fits(policy.security_options, _UNMASKED):
            yield Breach("securityOptions", f"HostConfig.{member}", f"['{_UNMASKED}']")
    for name in _names(host.get("Sysctls")):
        if not _fits(policy.sysctls, name):
            yield Breach("sysctls", f"HostConfig.Sysctls: {name}", f"['{name}']")


_HARMLESS = frozenset({"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"})
_UNMASKED = "systempaths=unconfined"


def _devices(policy: ContainerPolicy, host: Mapping[str, Any]) -> Iterator[Breach]:
    wanted = [("Devices", str(one.get("PathOnHost"))) for one in _objects(host.get("Devices"))]
    wanted += [("DeviceCgroupRules", rule) for rule in _texts(host.get("DeviceCgroupRules"))]
    wanted += [
        ("DeviceRequests", str(one.get("Driver") or "gpu"))
        for one in _objects(host.get("DeviceRequests"))
    ]
    for member, value in wanted:
        if not _fits(policy.devices, value):
            yield Breach("devices", f"HostConfig.{member}: {value}", f"['{value}']")


def _mounts(policy: ContainerPolicy, host: Mapping[str, Any], place: Place) -> Iterator[Breach]:
    for bind in _texts(host.get("Binds")):
        source, colon, _ = bind.partition(":")
        if colon and source.startswith("/"):
            yield from path_breaches(policy, source, "HostConfig.Binds:", place)
    driver = host.get("VolumeDriver")
    if driver and not _fits(policy.volume_drivers, str(driver)):
        yield Breach("volumeDrivers", f"HostConfig.VolumeDriver: {driver}", f"[{driver}]")
    for mount in _objects(host.get("Mounts")):
        kind, path = mount.get("Type"), mount.get("Source")
        options = mount.get("VolumeOptions")
        if kind not in ("volume", "tmpfs", "image") and isinstance(path, str):
            yield from path_breaches(policy, path, "HostConfig.Mounts:", place)
        config = options.get("DriverConfig") if isinstance(options, Mapping) else None
        if isinstance(config, Mapping):
            yield from volume_breaches(policy, config.get("Name"), config.get("Options"), place)


def _fits(allowed: Allowed, value: str) -> bool:
    return allowed is None or any(fnmatchcase(value, pattern) for pattern in allowed)


def _texts(value: object) -> list[str]:
    """The engine takes one text for a list of one."""
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value] if isinstance(value, list) else []


def _names(value: object) -> list[str]:
    return list(value) if isinstance(value, Mapping) else []


def _objects(value: object) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, Mapping)]
