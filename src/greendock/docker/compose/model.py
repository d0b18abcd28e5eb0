"""What is read of compose files, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

ReadText = Callable[[str], "str | None"]
"""Gives a file's text by its absolute path; None: it isn't there, or isn't ours to read."""


@dataclass(frozen=True, slots=True)
class ComposeUse:
    """One compose command of a script. `folder`: where it is run. `files`, `env_files` and
    `project_directory` as absolute paths. `services` and `profiles` as asked for; () for none."""

    folder: str
    files: tuple[str, ...] = ()
    project_directory: str | None = None
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Service:
    """One service, variables filled in. Lists hold the short texts of compose; the long form of a
    port, volume or device is told as `host:container` too."""

    name: str
    image: str = ""
    has_build: bool = False
    pull_policy: str = ""
    profiles: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    container_name: str = ""
    devices: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    network_mode: str = ""

    @property
    def is_fetched(self) -> bool:
        """Whether its image comes from a registry."""
        return bool(self.image) and not self.has_build and self.pull_policy not in _NOT_FETCHED


_NOT_FETCHED = frozenset(("never", "build"))


@dataclass(frozen=True, slots=True)
class Project:
    """What a compose command works on. `services`: those that it starts. `files`: what was read.
    `problems`: what could not be read, for people."""

    services: tuple[Service, ...] = ()
    files: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def images(self) -> tuple[str, ...]:
        """Those that come from registries, each once."""
        return tuple(dict.fromkeys(s.image for s in self.services if s.is_fetched))
