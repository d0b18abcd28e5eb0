"""Docker's config.json: which login, or which credential helper, it names for a registry.

Reading is pure; `DockerConfigFile` keeps what it read until the file changes. Runs no helper.
Called by the credentials of registries.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from greendock.base.secret_file import read_secret_file, stamp_of
from greendock.docker.engine.model import RegistryAuth
from greendock.docker.errors import CredentialsFailed
from greendock.docker.registry_kind import DOCKER_HUB

HUB_SERVER = "https://index.docker.io/v1/"
"""What Docker calls Docker Hub in its config and towards credential helpers."""

_V = TypeVar("_V")
_HUB_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HelperEntry:
    """`is_for_registry`: named for this registry in credHelpers, not for all in credsStore."""

    name: str
    is_for_registry: bool


class _Entry(msgspec.Struct):
    auth: str | None = None
    username: str | None = None
    password: str | None = None
    identity_token: str | None = msgspec.field(name="identitytoken", default=None)


class _Wire(msgspec.Struct):
    auths: dict[str, _Entry | None] | None = None
    helpers: dict[str, str] | None = msgspec.field(name="credHelpers", default=None)
    store: str | None = msgspec.field(name="credsStore", default=None)


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """By registry, host with port in Docker's normal form. `store`: the helper for all others."""

    path: str
    auths: Mapping[str, _Entry] = field(default_factory=dict, repr=False)
    helpers: Mapping[str, str] = field(default_factory=dict)
    store: str | None = None

    def find(self, registry: str) -> HelperEntry | RegistryAuth | None:
        """Who knows the login for `registry`: a helper, or this file. Raises CredentialsFailed.

        As with Docker, a helper comes before what the file says itself.
        """
        host = registry_of(registry)
        helper = self.helpers.get(host)
        if helper:
            return HelperEntry(helper, True)
        if self.store:
            return HelperEntry(self.store, False)
        entry = self.auths.get(host)
        return None if entry is None else _login(entry, host, self.path)


class DockerConfigFile:
    """One config.json, read again when it changed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._stamp: tuple[int, int, int] | None = None
        self._config = DockerConfig(path)

    def read(self) -> DockerConfig | None:
        """None when there is no such file. Blocks. Raises CredentialsFailed."""
        stamp = stamp_of(Path(self.path))
        if stamp is not None and stamp == self._stamp:
            return self._config
        self._stamp = None
        what = f"cannot use docker config {self.path}"
        try:
            file = read_secret_file(Path(self.path), _MOST_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise CredentialsFailed(f"{what}: {error.strerror or error}") from error
        except ValueError as error:
            raise CredentialsFailed(f"{what}: {error}") from error
        self._config = parse_docker_config(file.content, self.path)
        self._stamp = file.stamp
        return self._config


def server_of(registry: str) -> str:
    """The name of `registry` in Docker's config, and for credential helpers."""
    return HUB_SERVER if registry_of(registry) == DOCKER_HUB else registry


def registry_of(key: str) -> str:
    """The registry that a key of config.json means: scheme and path do not count."""
    host = (key.partition("://")[2] or key).partition("/")[0].lower()
    return DOCKER_HUB if host in _HUB_HOSTS else host


def parse_docker_config(content: bytes, path: str) -> DockerConfig:
    """Pure. Raises CredentialsFailed, without anything of the content."""
    if not content.strip():  # as docker reads it
        return DockerConfig(path)
    try:
        wire = msgspec.json.decode(content, type=_Wire)
    except msgspec.DecodeError as error:  # says where, never what
        raise CredentialsFailed(f"cannot use docker config {path}: {error}") from error
    except UnicodeDecodeError:
        raise CredentialsFailed(f"cannot use docker config {path}: it is no UTF-8 text") from None
    auths = {k: v for k, v in (wire.auths or {}).items() if v is not None}
    return DockerConfig(
        path, _by_registry(auths), _by_registry(wire.helpers or {}), wire.store or None
    )


def _by_registry(entries: Mapping[str, _V]) -> dict[str, _V]:
    """Where two keys mean one registry, the one that is spelled as docker does it counts."""
    found = {registry_of(key): value for key, value in entries.items()}
    found.update({registry_of(k): v for k, v in entries.items() if k == server_of(k)})
    return found


def _login(entry: _Entry, host: str, path: str) -> RegistryAuth | None:
    username, password = entry.username or "", entry.password or ""
    if entry.auth:
        username, password = _decoded(entry.auth, host, path)
    server = server_of(host)
    if entry.identity_token:
        return RegistryAuth(username, "", server, entry.identity_token)
    return RegistryAuth(username, password, server) if username else None


def _decoded(auth: str, host: str, path: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(auth, validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    username, colon, password = text.partition(":")
    if not colon:
        # Not chained: the error could hold the password.
        raise CredentialsFailed(
            f"cannot use docker config {path}: auth of {host} is no base64 of user:password",
            hint=f"log in anew: docker login {host}",
        )
    return username, password.strip("\0")
