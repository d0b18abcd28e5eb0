"""Finds the engine's address as the docker command does.

The configuration's `docker.host` comes first, then DOCKER_HOST, then the docker command's current
context, then the default socket. Reads the docker command's files, changes none. Called by
whoever builds an `Engine`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from greendock.docker.engine.address import (
    DEFAULT_SOCKET,
    EngineAddress,
    EngineTls,
    parse_engine_address,
)
from greendock.docker.errors import EngineAddressError


def find_engine_address(configured: str | None, environ: Mapping[str, str]) -> EngineAddress:
    """The address to use. `configured` is `docker.host`. Raises EngineAddressError."""
    tls = _tls_of_environment(environ)
    if configured:
        return parse_engine_address(configured, source="docker.host", tls=tls)
    if environ.get("DOCKER_HOST"):
        return parse_engine_address(environ["DOCKER_HOST"], source="DOCKER_HOST", tls=tls)
    folder = _config_folder(environ)
    context = environ.get("DOCKER_CONTEXT") or _current_context(folder)
    if context and context != "default":
        return _address_of_context(folder, context)
    return parse_engine_address(DEFAULT_SOCKET, source="the default")


def _config_folder(environ: Mapping[str, str]) -> Path:
    configured = environ.get("DOCKER_CONFIG")
    return Path(configured) if configured else Path(environ.get("HOME", "/root")) / ".docker"


def _tls_of_environment(environ: Mapping[str, str]) -> EngineTls | None:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not verify and not environ.get("DOCKER_TLS"):
        return None
    folder = environ.get("DOCKER_CERT_PATH") or str(_config_folder(environ))
    return EngineTls(Path(folder), verify)


def _current_context(folder: Path) -> str | None:
    """None also when there is no readable file: the docker command then uses the default."""
    try:
        name = json.loads((folder / "config.json").read_bytes()).get("currentContext")
    except (OSError, ValueError, AttributeError):
        return None
    return name if isinstance(name, str) else None


def _address_of_context(folder: Path, name: str) -> EngineAddress:
    key = hashlib.sha256(name.encode()).hexdigest()
    try:
        meta: Any = json.loads((folder / "contexts" / "meta" / key / "meta.json").read_bytes())
        endpoint = meta["Endpoints"]["docker"]
        host = str(endpoint["Host"])
        skip_verify = bool(endpoint.get("SkipTLSVerify"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineAddressError(
            f"cannot use the docker context {name!r}: {error}",
            hint="choose another one with `docker context use`, or set docker.host",
        ) from error
    tls_folder = folder / "contexts" / "tls" / key / "docker"
    tls = None
    if tls_folder.is_dir():
        tls = EngineTls(tls_folder, not skip_verify)
    return parse_engine_address(host, source=f"the docker context {name!r}", tls=tls)
