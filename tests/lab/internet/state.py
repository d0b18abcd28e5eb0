"""What the internet of the lab is told to do, and what it was asked for. Data only.

The control endpoint writes it, the servers read it. Every setting has the default that the
real service has on a good day; `reset` goes back to it.

A registry's fault is a map:

    {"step": "token" | "manifest" | "config" | "layer", "mode": MODE, "count": 1,
     "retry_after": "2"}

MODE strikes at each of the next `count` requests of that step:
unauthorized (401), forbidden (403), not_found (404), repository_unknown (404, NAME_UNKNOWN),
too_many_requests (429), unavailable (503), server_error (500), bad_gateway (502), reset (RST),
redirect (307 to the same path at `location`, for example "https://registry.lab.test:5443"),
eof (the end in the middle of the body), hang (until the registry's fault is set anew), garbage
(200 with a body that makes no sense). For a layer also cut and corrupt; cut, corrupt and hang of
a layer strike in its middle, and big blobs only. aiohttp's client asks anew once when a
connection ends before any answer, so that one reset is none to it.
`retry_after` goes into the header Retry-After of 429, 500, 502 and 503. The token step is
auth.docker.io for `hub`, the ECR API for `ecr`, and /token for `private` with `private_bearer`.

Without a step: MANIFEST_FAULTS, BLOB_FAULTS and LAYER_FAULTS below, as they are called.
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
STEPS = ("token", "manifest", "config", "layer")
STEP_FAULTS = frozenset(
    {
        "unauthorized",
        "forbidden",
        "not_found",
        "repository_unknown",
        "too_many_requests",
        "unavailable",
        "server_error",
        "bad_gateway",
        "reset",
        "eof",
        "hang",
        "garbage",
        "redirect",
    }
)


@dataclass(slots=True)
class Fault:
    """One registry's fault: `mode` strikes `count` more times; the rate holds for all blobs.

    `step`: where a fault of STEP_FAULTS strikes; None: where its mode says.
    """

    mode: str | None = None
    count: int = 0
    rate_bytes_per_s: int = 0
    step: str | None = None
    retry_after: str | None = None
    location: str = ""

    def __post_init__(self) -> None:
        if self.step == "layer" and self.mode in LAYER_FAULTS:
            self.step = None
        if self.step is not None and self.step not in STEPS:
            raise ValueError(f"no step {self.step!r}; there are {STEPS}")
        known = FAULTS if self.step is None else STEP_FAULTS
        if self.mode is not None and self.mode not in known:
            raise ValueError(f"no fault {self.mode!r}; there are {sorted(known)}")

    def takes(self, modes: frozenset[str]) -> str | None:
        """The fault to commit now, counted, when it is one of `modes`."""
        if self.step is not None or self.mode not in modes or self.count <= 0:
            return None
        self.count -= 1
        return self.mode

    def strikes(self, step: str | None) -> str | None:
        """The fault to commit now, counted, when it is one of this step."""
        if step is None or self.step != step or self.mode is None or self.count <= 0:
            return None
        self.count -= 1
        return self.mode


@dataclass(slots=True)
class Settings:
    """How the services behave apart from faults.

    `private_users` (user: password): the private registry wants one of these logins, as Basic, or
    with `private_bearer` as a token that its own server gives for such a login.
    """

    ecr_token_lifetime_s: float = 43200.0
    ecr_error: str | None = None
    proxy_credentials: str | None = None
    hub_users: dict[str, str] = field(default_factory=dict)
    hub_private: list[str] = field(default_factory=list)
    private_users: dict[str, str] = field(default_factory=dict)
    private_bearer: bool = False
    s3_regions: dict[str, str] = field(default_factory=dict)
    # Keys by their id, with secret, token and expires: with any, the ECR API checks signatures.
    aws_keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    aws_clock_ahead_s: float = 0.0
    iot_status: int = 200
    iot_body: str | None = None
    iot_lifetime_s: float = 3600.0


@dataclass(slots=True)
class State:
    """Faults by registry, settings, ECR passwords with their expiry, Hub tokens, the log."""

    faults: dict[str, Fault] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    ecr_passwords: dict[str, float] = field(default_factory=dict)
    hub_tokens: dict[str, frozenset[str]] = field(default_factory=dict)
    private_tokens: set[str] = field(default_factory=set)
    log: list[dict[str, Any]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Faults, settings and tokens as on a good day, and an empty log."""
        self.faults = {registry.name: Fault() for registry in REGISTRIES} | {"s3": Fault()}
        self.settings = Settings()
        self.ecr_passwords.clear()
        self.hub_tokens.clear()
        self.private_tokens.clear()
        self.log.clear()

    def change(self, name: str, value: Any) -> None:
        """Set one registry's fault (a map) or one setting; ValueError for anything else."""
        if name in self.faults:
            self.faults[name] = Fault(**value)
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
        """Faults, log and passwords as JSON-ready data."""
        return {
            "faults": {k: asdict(v) for k, v in self.faults.items()},
            "log": self.log,
            "ecr_passwords": list(self.ecr_passwords),
        }
