"""The lab's registries: one docker-registry each, on a unix socket, and pushing to them.

They have no authentication: the fronts of `lab.internet` stand before them for everybody but
the lab itself, which seeds them over their sockets.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from . import images, unix_http
from .internet.addresses import REGISTRIES
from .namespaces import Namespaces
from .server import Server


class Registries:
    """The registry processes under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: list[Server] = []

    def start(self, namespaces: Namespaces) -> None:
        for registry in REGISTRIES:
            config = self._folder / f"registry-{registry.name}.yml"
            config.write_text(self._config(registry.name))
            argv = namespaces.argv("docker-registry", "serve", str(config))
            log = self._folder / f"registry-{registry.name}.log"
            self._servers.append(Server(argv, log))
        for registry, server in zip(REGISTRIES, self._servers, strict=True):
            socket = self._socket(registry.name)
            server.wait_ready(partial(_answers, socket), f"the registry {registry.name}")

    def stop(self) -> None:
        for server in self._servers:
            server.stop()

    def push(
        self, registry: str, repository: str, tag: str, image: images.Image | images.Index
    ) -> None:
        """Store an image, or an index with its images, under a tag."""
        socket = self._socket(registry)
        parts = image.images if isinstance(image, images.Index) else (image,)
        for part in parts:
            for blob in part.blobs:
                self._push_blob(socket, repository, blob)
            if part is not image:
                self._push_manifest(socket, repository, part.digest, part)
        self._push_manifest(socket, repository, tag, image)

    @staticmethod
    def _push_manifest(
        socket: Path, repository: str, name: str, pushed: images.Image | images.Index
    ) -> None:
        target = f"/v2/{repository}/manifests/{name}"
        media_type = pushed.media_type
        answer = unix_http.call(socket, "PUT", target, pushed.manifest, content_type=media_type)
        assert answer.status == 201, (target, answer)

    def remove_repository(self, registry: str, repository: str) -> None:
        """Forget a repository with all its tags."""
        storage = self._storage(registry) / "docker" / "registry" / "v2" / "repositories"
        shutil.rmtree(storage / repository)

    @staticmethod
    def _push_blob(socket: Path, repository: str, blob: bytes) -> None:
        digest = images.digest_of(blob)
        present = unix_http.call(socket, "HEAD", f"/v2/{repository}/blobs/{digest}")
        if present.status == 200:
            return
        begun = unix_http.call(socket, "POST", f"/v2/{repository}/blobs/uploads/")
        location = begun.headers["location"]
        target = location[location.index("/v2/") :]
        separator = "&" if "?" in target else "?"
        answer = unix_http.call(
            socket,
            "PUT",
            f"{target}{separator}digest={digest}",
            blob,
            content_type="application/octet-stream",
        )
        assert answer.status == 201, (target, answer)

    def _socket(self, name: str) -> Path:
        return self._folder / f"registry-{name}.sock"

    def _storage(self, name: str) -> Path:
        return self._folder / f"registry-{name}"

    def _config(self, name: str) -> str:
        return (
            "version: 0.1\n"
            "log: {level: error}\n"
            "storage:\n"
            f"  filesystem: {{rootdirectory: {self._storage(name)}}}\n"
            "  delete: {enabled: true}\n"
            f"http: {{net: unix, addr: {self._socket(name)}, secret: lab}}\n"
        )


def _answers(socket: Path) -> bool:
    return unix_http.call(socket, "GET", "/v2/").status == 200
