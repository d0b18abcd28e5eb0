"""`greendock.docker.registries`: how to log in to each registry; pure.

A password never stands in the configuration: it is in a file, in a variable of the core's
environment, or known to a credential helper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from greendock.base.errors import ConfigurationError
from greendock.config.section import Section

_HUB_NAMES = frozenset(
    {
        "docker.io",
        "index.docker.io",
        "registry-1.docker.io",
        "https://index.docker.io/v1/",
        "index.docker.io/v1/",
    }
)
_WAYS = ("passwordFile", "passwordEnv", "credentialHelper", "dockerConfig")


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """Exactly one way is set; `username` goes with the first two."""

    username: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    credential_helper: str | None = None
    docker_config: str | None = None


def read_registry_logins(keys: Section) -> Mapping[str, RegistryLogin]:
    """By registry, host with port in Docker's normal form. Raises ConfigurationError."""
    return {registry_host(name): _login(name, keys.section(name)) for name in keys.written_keys()}


def registry_host(name: str) -> str:
    """The registry that `name` means: `https://` and what follows the host are left out."""
    if name.lower() in _HUB_NAMES:
        return "docker.io"
    host = name.partition("://")[2] or name
    host = host.partition("/")[0].lower()
    return "docker.io" if host in _HUB_NAMES else host


def _login(name: str, keys: Section) -> RegistryLogin:
    login = RegistryLogin(
        username=keys.text("username"),
        password_file=keys.text("passwordFile"),
        password_env=keys.text("passwordEnv"),
        credential_helper=keys.text("credentialHelper"),
        docker_config=keys.text("dockerConfig"),
    )
    ways = [way for way in _WAYS if keys.text(way) is not None]
    place = f"greendock.docker.registries.{name}"
    if keys.text("password") is not None:
        raise ConfigurationError(
            f"cannot use {place}: a password may not stand in the configuration",
            hint="write it to a file that only the core can read, and name that in passwordFile",
        )
    if len(ways) != 1:
        raise ConfigurationError(
            f"cannot use {place}: it needs one of {', '.join(_WAYS)}, it has {len(ways)}",
            hint="write username with passwordFile or passwordEnv, or one of the other two",
        )
    if (ways[0] in ("passwordFile", "passwordEnv")) != (login.username is not None):
        raise ConfigurationError(
            f"cannot use {place}: username goes with passwordFile or passwordEnv, and only there"
        )
    helper = login.credential_helper
    if helper is not None and not helper.replace("-", "").replace("_", "").isalnum():
        raise ConfigurationError(
            f"cannot use {place}.credentialHelper: {helper!r} is not the NAME of a "
            "docker-credential-NAME program"
        )
    return login
