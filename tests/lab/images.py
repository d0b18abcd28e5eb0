"""Container images made in memory: no engine and no network is needed to have one.

Gives the blobs and the manifest that a registry takes, and the archive that `docker load`
takes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
LIST_TYPE = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
_LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_CREATED = "2024-01-01T00:00:00Z"
_APPLETS = ("sh", "sleep", "echo", "cat", "ls", "env", "id", "wget", "kill", "true", "false")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}

# A path in the image: content with its mode, or the target of a symbolic link.
Files = Mapping[str, tuple[bytes, int] | str]


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, as it is stored (`archive`) and as it travels (`compressed`)."""

    archive: bytes
    compressed: bytes


@dataclass(frozen=True, slots=True)
class Image:
    """An image: layers, configuration and manifest."""

    layers: tuple[Layer, ...]
    config: bytes
    manifest: bytes
    architecture: str = ""
    variant: str = ""
    media_type: str = MANIFEST_TYPE

    @property
    def digest(self) -> str:
        """The manifest's digest, by which it is pulled."""
        return digest_of(self.manifest)

    @property
    def id(self) -> str:
        """The image id, as the engine shows it."""
        return digest_of(self.config)

    @property
    def blobs(self) -> tuple[bytes, ...]:
        return (*(layer.compressed for layer in self.layers), self.config)


@dataclass(frozen=True, slots=True)
class Index:
    """One name for images of several platforms."""

    images: tuple[Image, ...]
    manifest: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """The index's digest."""
        return digest_of(self.manifest)


def own_architecture() -> str:
    """This machine's processor, as images name it."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def other_architecture() -> str:
    """One whose programs this machine does not run."""
    return "s390x"


def layer(files: Files) -> Layer:
    """A layer with these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted(files.items()):
            _add(archive, name, content)
    data = buffer.getvalue()
    return Layer(data, gzip.compress(data, compresslevel=1, mtime=0))


def random_layer(size_bytes: int) -> Layer:
    """A layer of random bytes, new with every call: no cache anywhere can have it."""
    content = os.urandom(size_bytes)
    return layer({f"data/{hashlib.sha256(content).hexdigest()}": (content, 0o644)})


def busybox(extra: Files | None = None) -> Layer:
    """A layer with a static busybox under the usual names, and `extra` files."""
    files: dict[str, tuple[bytes, int] | str] = dict.fromkeys(
        (f"bin/{applet}" for applet in _APPLETS), "/bin/busybox"
    )
    files["bin/busybox"] = (_busybox_binary(), 0o755)
    files["tmp/.keep"] = (b"", 0o644)
    return layer({**files, **(extra or {})})


def image(
    layers: Sequence[Layer],
    cmd: Sequence[str],
    env: Sequence[str] = ("PATH=/bin",),
    labels: Mapping[str, str] | None = None,
    *,
    architecture: str | None = None,
    variant: str = "",
    user: str = "",
) -> Image:
    """Put layers together to an image that runs `cmd`; `architecture`: None for this machine's."""
    architecture = architecture or own_architecture()
    config = _json(
        {
            "architecture": architecture,
            **({"variant": variant} if variant else {}),
            "os": "linux",
            "created": _CREATED,
            "config": {
                "Cmd": list(cmd),
                "Env": list(env),
                "Labels": dict(labels or {}),
                **({"User": user} if user else {}),
            },
            "rootfs": {"type": "layers", "diff_ids": [digest_of(x.archive) for x in layers]},
            "history": [{"created": _CREATED, "created_by": "lab"} for _ in layers],
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor(_CONFIG_TYPE, config),
            "layers": [_descriptor(_LAYER_TYPE, x.compressed) for x in layers],
        }
    )
    return Image(tuple(layers), config, manifest, architecture, variant)


def index(images: Sequence[Image], *, oci: bool = False, attestation: bool = False) -> Index:
    """Put images together under one name; `attestation`: with an entry that is no image."""
    media_type = OCI_INDEX_TYPE if oci else LIST_TYPE
    entries: list[dict[str, object]] = []
    for entry in images:
        told = {"os": "linux", "architecture": entry.architecture}
        if entry.variant:
            told["variant"] = entry.variant
        entries.append({**_descriptor(MANIFEST_TYPE, entry.manifest), "platform": told})
    if attestation:
        unknown = {"os": "unknown", "architecture": "unknown"}
        entries.insert(0, {**entries[-1], "platform": unknown})
    manifest = _json({"schemaVersion": 2, "mediaType": media_type, "manifests": entries})
    return Index(tuple(images), manifest, media_type)


def save(saved: Image, tags: Sequence[str], path: Path) -> None:
    """Write the archive that `docker save` would write of this image under these tags."""
    names = [f"{digest_of(x.archive)[7:]}/layer.tar" for x in saved.layers]
    config = f"{saved.id[7:]}.json"
    entry = {"Config": config, "RepoTags": list(tags), "Layers": names}
    with tarfile.open(path, "w") as archive:
        _add(archive, config, (saved.config, 0o644))
        for name, part in zip(names, saved.layers, strict=True):
            _add(archive, name, (part.archive, 0o644))
        _add(archive, "manifest.json", (_json([entry]), 0o644))


def _busybox_binary() -> bytes:
    path = Path("/bin/busybox")
    if not path.exists():
        raise AssertionError("the lab needs /bin/busybox (package busybox-static)")
    return path.read_bytes()


def _add(archive: tarfile.TarFile, name: str, content: tuple[bytes, int] | str) -> None:
    info = tarfile.TarInfo(name)
    if isinstance(content, str):
        info.type, info.linkname = tarfile.SYMTYPE, content
        archive.addfile(info)
        return
    data, info.mode = content
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "size": len(data), "digest": digest_of(data)}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
