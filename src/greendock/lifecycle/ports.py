"""What running components needs from outside; `daemon.py` fills these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Identities(Protocol):
    """Gives each generation of a component its token (SVCUID), and takes it back."""

    def issue(self, component: str, generation: int) -> str: ...

    def revoke(self, component: str, generation: int) -> None: ...


class Surroundings(Protocol):
    """The environment that every component shares: region, thing name, sockets, proxies.

    Read anew at each start of a process, since a deployment may change it.
    """

    def environment(self) -> Mapping[str, str]: ...


class RunSettings(Protocol):
    """The core's defaults for running; read at each use."""

    @property
    def default_posix_user(self) -> str | None: ...

    @property
    def posix_shell(self) -> str: ...

    @property
    def backoff_s(self) -> tuple[float, float]:
        """(first, longest) wait between tries after errors."""

    @property
    def withheld_variables(self) -> frozenset[str]:
        """Variables of the core's environment that no component gets: passwords of registries."""
