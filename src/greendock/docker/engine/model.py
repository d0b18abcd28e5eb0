"""What the engine tells, as data of ours, read once from its JSON.

Pure. Missing and null members are normal: old engines and Podman leave some out. Called by the
engine client; everything above sees only these types.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import msgspec

from greendock.docker.errors import DockerError

# `uname -m` names as `/info` gives them, to the names that images carry.
_IMAGE_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv6l": "arm",
    "armv7l": "arm",
    "i386": "386",
    "i686": "386",
}

_W = TypeVar("_W")


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The engine and its machine. `architecture` as images name it. Proxies without passwords."""

    version: str
    api_version: str
    name: str
    os: str
    architecture: str
    data_root: str
    storage_driver: str
    is_podman: bool
    http_proxy: str
    https_proxy: str
    no_proxy: str
    uses_containerd: bool = False
    """Whether images are in containerd's store: its folder is not below `data_root`."""
    insecure_hosts: tuple[str, ...] = ()
    """Registries (host with port) that the engine also speaks to without trusted TLS."""
    insecure_networks: tuple[str, ...] = ("127.0.0.0/8",)
    mirrors: tuple[str, ...] = ()
    """URLs of the engine's mirrors of Docker Hub, asked before it."""
    machine: str = ""
    """The processor as the engine's kernel calls it (`uname -m`)."""
    cgroup_driver: str = ""
    """`cgroupfs`, `systemd` or `none`: who makes the containers' control groups."""
    cgroup_version: str = ""
    """`1` or `2`; engines before 20.10 know the first only and don't tell."""
    is_rootless: bool = False
    limits_memory: bool = True
    limits_cpus: bool = True
    """Whether the engine's kernel can limit a container's memory, and its CPUs."""
    cpus: int = 0
    """Processors of the engine's machine, 0 when not told."""


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """An image that the engine has. `id`: sha256:…; sizes in bytes; empty texts: not told.

    `diff_ids`: digests of its unpacked layers, the lowest first; empty when not told.
    """

    id: str
    repo_tags: tuple[str, ...]
    repo_digests: tuple[str, ...]
    size_bytes: int
    os: str
    architecture: str
    diff_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One row of the engine's list of images. Sizes in bytes, shared layers included."""

    id: str
    repo_tags: tuple[str, ...]
    repo_digests: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ContainerUse:
    """A container, whatever its state, and the id of the image that it is made of."""

    id: str
    name: str
    image_id: str
    state: str


@dataclass(frozen=True, slots=True)
class RegistryAuth:
    """What one pull sends to the engine for one registry; never shown, never stored.

    `identity_token`: an OAuth refresh token that some registries give instead of a password; the
    password is empty then, and the user name may be.
    """

    username: str = field(repr=False)
    password: str = field(repr=False)
    server_address: str = ""
    identity_token: str = field(default="", repr=False)

    def header(self) -> str:
        """The value of X-Registry-Auth: URL-safe base64 of JSON, padded."""
        members = {
            "username": self.username,
            "password": self.password,
            "serveraddress": self.server_address,
        }
        if self.identity_token:
            members["identitytoken"] = self.identity_token
        return base64.urlsafe_b64encode(msgspec.json.encode(members)).decode()


class _RootFs(msgspec.Struct):
    layers: list[str] | None = msgspec.field(name="Layers", default=None)


class _Image(msgspec.Struct):
    id: str = msgspec.field(name="Id", default="")
    repo_tags: list[str] | None = msgspec.field(name="RepoTags", default=None)
    repo_digests: list[str] | None = msgspec.field(name="RepoDigests", default=None)
    size: int = msgspec.field(name="Size", default=0)
    os: str = msgspec.field(name="Os", default="")
    architecture: str = msgspec.field(name="Architecture", default="")
    root_fs: _RootFs | None = msgspec.field(name="RootFS", default=None)


class _Container(msgspec.Struct):
    id: str = msgspec.field(name="Id", default="")
    names: list[str] | None = msgspec.field(name="Names", default=None)
    image_id: str = msgspec.field(name="ImageID", default="")
    state: str = msgspec.field(name="State", default="")


class _Descriptor(msgspec.Struct):
    digest: str = ""


class _Distribution(msgspec.Struct):
    descriptor: _Descriptor = msgspec.field(name="Descriptor", default_factory=_Descriptor)


class _Index(msgspec.Struct):
    name: str = msgspec.field(name="Name", default="")
    secure: bool = msgspec.field(name="Secure", default=True)


class _Registries(msgspec.Struct):
    networks: list[str] | None = msgspec.field(name="InsecureRegistryCIDRs", default=None)
    indexes: dict[str, _Index] | None = msgspec.field(name="IndexConfigs", default=None)
    mirrors: list[str] | None = msgspec.field(name="Mirrors", default=None)


class _Info(msgspec.Struct):
    version: str = msgspec.field(name="ServerVersion", default="")
    name: str = msgspec.field(name="Name", default="")
    os: str = msgspec.field(name="OSType", default="linux")
    architecture: str = msgspec.field(name="Architecture", default="")
    data_root: str = msgspec.field(name="DockerRootDir", default="")
    storage_driver: str = msgspec.field(name="Driver", default="")
    http_proxy: str = msgspec.field(name="HttpProxy", default="")
    https_proxy: str = msgspec.field(name="HttpsProxy", default="")
    no_proxy: str = msgspec.field(name="NoProxy", default="")
    driver_status: list[list[str]] | None = msgspec.field(name="DriverStatus", default=None)
    registries: _Registries | None = msgspec.field(name="RegistryConfig", default=None)
    cgroup_driver: str = msgspec.field(name="CgroupDriver", default="")
    cgroup_version: str = msgspec.field(name="CgroupVersion", default="")
    security: list[str] | None = msgspec.field(name="SecurityOptions", default=None)
    memory_limit: bool = msgspec.field(name="MemoryLimit", default=True)
    cpu_quota: bool = msgspec.field(name="CpuCfsQuota", default=True)
    cpus: int = msgspec.field(name="NCPU", default=0)


class _Version(msgspec.Struct):
    api_version: str = msgspec.field(name="ApiVersion", default="")


class _Message(msgspec.Struct):
    message: str = ""


def read_image(body: bytes) -> ImageInfo:
    """The answer of GET /images/NAME/json."""
    wire = _decode(body, _Image, "an image")
    layers = wire.root_fs.layers if wire.root_fs else None
    return ImageInfo(
        wire.id,
        _named(wire.repo_tags),
        _named(wire.repo_digests),
        wire.size,
        wire.os,
        wire.architecture,
        tuple(layers or ()),
    )


def read_images(body: bytes) -> tuple[StoredImage, ...]:
    """The answer of GET /images/json."""
    return tuple(
        StoredImage(wire.id, _named(wire.repo_tags), _named(wire.repo_digests), wire.size)
        for wire in _decode(body, list[_Image], "its images")
    )


def read_containers(body: bytes) -> tuple[ContainerUse, ...]:
    """The answer of GET /containers/json."""
    return tuple(
        ContainerUse(
            wire.id, (wire.names or [wire.id[:12]])[0].lstrip("/"), wire.image_id, wire.state
        )
        for wire in _decode(body, list[_Container], "its containers")
    )


def read_distribution(body: bytes) -> str | None:
    """The digest in the answer of GET /distribution/NAME/json."""
    return _decode(body, _Distribution, "an image of a registry").descriptor.digest or None


def _named(entries: list[str] | None) -> tuple[str, ...]:
    """Tags or digests of an image, without the engine's words for none."""
    return tuple(entry for entry in entries or () if not entry.startswith("<none>"))


def read_info(body: bytes, *, api_version: str, is_podman: bool) -> EngineInfo:
    """The answer of GET /info."""
    wire = _decode(body, _Info, "its state")
    registries = wire.registries or _Registries()
    indexes = (registries.indexes or {}).values()
    return EngineInfo(
        version=wire.version,
        api_version=api_version,
        name=wire.name,
        os=wire.os,
        architecture=_IMAGE_ARCHITECTURES.get(wire.architecture, wire.architecture),
        data_root=wire.data_root,
        storage_driver=wire.storage_driver,
        is_podman=is_podman,
        http_proxy=_without_login(wire.http_proxy),
        https_proxy=_without_login(wire.https_proxy),
        no_proxy=wire.no_proxy,
        uses_containerd=any(
            "containerd.snapshotter" in "".join(x) for x in wire.driver_status or ()
        ),
        insecure_hosts=tuple(x.name for x in indexes if x.name and not x.secure),
        insecure_networks=tuple(registries.networks or ("127.0.0.0/8",)),
        mirrors=tuple(registries.mirrors or ()),
        machine=wire.architecture,
        cgroup_driver=wire.cgroup_driver,
        cgroup_version=wire.cgroup_version.removeprefix("v"),  # as Podman writes it
        is_rootless=any("name=rootless" in x.split(",") for x in wire.security or ()),
        limits_memory=wire.memory_limit,
        limits_cpus=wire.cpu_quota,
        cpus=wire.cpus,
    )


def read_api_version(body: bytes) -> str:
    """The engine's API version in the answer of GET /version; empty when it tells none."""
    return _decode(body, _Version, "its version").api_version


def read_message(body: bytes) -> str:
    """The text of an error answer: JSON since API 1.24, plain text before."""
    try:
        found = msgspec.json.decode(body, type=_Message).message
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = ""
    return found or body[:1000].decode(errors="replace").strip()


def _decode(body: bytes, wire: type[_W], what: str) -> _W:
    try:
        return msgspec.json.decode(body, type=wire)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DockerError(
            f"cannot read what the engine says about {what}: {error}",
            hint="is it a Docker Engine that listens at this address?",
        ) from error


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc="***@" + parts.netloc.rpartition("@")[2]))
