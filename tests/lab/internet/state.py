"""What the internet of the lab is told to do, and what it was asked for. Data only.

The control endpoint writes it, the servers read it. Every setting has the default that the
real service has on a good day; `reset` goes back to it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .addresses import REGISTRIES

# Told by where they strike: at the manifest, at a blob's first byte, or inside a layer.
MANIFEST_FAULTS = frozenset({"too_many_requests", "unavailable"})
BLOB_FAULTS = frozenset({"blob_unavailable", "blob_missing"})
LAYER_FAULTS = frozenset({"cut", "corrupt", "hang"})
FAULTS = MANIFEST_FAULTS | BLOB_FAULTS | LAYER_FAULTS


@dataclass(slots=True)
class Fault:
    """One registry's fault: `mode` strikes `count` more times; the rate holds for all blobs."""

    mode: str | None = None
    count: int = 0
    rate_bytes_per_s: int = 0

    def takes(self, modes: frozenset[str]) -> str | None:
        """The fault to commit now, counted, when it is one of `modes`."""
        if self.mode not in modes or self.count <= 0:
            return None
        self.count -= 1
        return self.mode


@dataclass(slots=True)
class Settings:
    """How the services behave apart from faults."""

    ecr_token_lifetime_s: float = 43200.0
    ecr_error: str | None = None
    proxy_credentials: str | None = None
    hub_users: dict[str, str] = field(default_factory=dict)
    hub_private: list[str] = field(default_factory=list)


@dataclass(slots=True)
class State:
    """Faults by registry, settings, ECR passwords with their expiry, Hub tokens, the log."""

    faults: dict[str, Fault] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    ecr_passwords: dict[str, float] = field(default_factory=dict)
    hub_tokens: dict[str, frozenset[str]] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Faults, settings and tokens as on a good day, and an empty log."""
        self.faults = {registry.name: Fault() for registry in REGISTRIES}
        self.settings = Settings()
        self.ecr_passwords.clear()
        self.hub_tokens.clear()
        self.log.clear()

    def change(self, name: str, value: Any) -> None:
        """Set one registry's fault (a map) or one setting; ValueError for anything else."""
        if name in self.faults:
            fault = Fault(**value)
            if fault.mode is not None and fault.mode not in FAULTS:
                raise ValueError(f"no fault {fault.mode!r}; there are {sorted(FAULTS)}")
            self.faults[name] = fault
        elif name == "ecr_passwords":
            self.ecr_passwords.update(value)
        elif name in {setting.name for setting in fields(Settings)}:
            setattr(self.settings, name, value)
        else:
            raise ValueError(f"no registry and no setting is called {name!r}")

    def record(self, server: str, **what: Any) -> dict[str, Any]:
        """Append one line to the log; the caller fills in what it learns later."""
        entry = {"server": server, "began_s": time.monotonic(), **what}
        self.log.append(entry)
        return entry

    def report(self) -> dict[str, Any]:
        """Faults and log as JSON-ready data."""
        return {"faults": {k: asdict(v) for k, v in self.faults.items()}, "log": self.log}
