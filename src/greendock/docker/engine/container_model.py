"""What the engine tells about containers, as data of ours, read once from its JSON.

Pure. Missing and null members are normal: old engines and Podman leave some out. Called by
`containers.py`; everything above sees only these types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from greendock.docker.errors import ContainerFailed

_W = TypeVar("_W")


@dataclass(frozen=True, slots=True)
class ContainerInfo:
    """A container. `created_at_s`: seconds since the epoch, 0 when not told.

    `environment` can hold passwords and tokens: it shows nowhere.
    """

    id: str
    names: tuple[str, ...]
    image_id: str
    created_at_s: float
    is_paused: bool
    labels: Mapping[str, str]
    environment: Mapping[str, str] = field(repr=False)
    is_running: bool = True
    """True for a paused one too."""
    image_name: str = ""
    """What it was started from, as it was written then."""


class _Listed(msgspec.Struct):
    id: str = msgspec.field(name="Id", default="")


class _State(msgspec.Struct):
    running: bool = msgspec.field(name="Running", default=False)
    paused: bool = msgspec.field(name="Paused", default=False)


class _Config(msgspec.Struct):
    env: list[str] | None = msgspec.field(name="Env", default=None)
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)
    image: str = msgspec.field(name="Image", default="")


class _Container(msgspec.Struct):
    id: str = msgspec.field(name="Id", default="")
    name: str = msgspec.field(name="Name", default="")
    image: str = msgspec.field(name="Image", default="")
    created: str = msgspec.field(name="Created", default="")
    state: _State = msgspec.field(name="State", default_factory=_State)
    config: _Config = msgspec.field(name="Config", default_factory=_Config)


def read_container_ids(body: bytes) -> tuple[str, ...]:
    """The answer of GET /containers/json."""
    return tuple(wire.id for wire in decode(body, list[_Listed], "its containers") if wire.id)


def read_container(body: bytes) -> ContainerInfo:
    """The answer of GET /containers/ID/json."""
    wire = decode(body, _Container, "a container")
    name = wire.name.lstrip("/")
    return ContainerInfo(
        id=wire.id,
        names=(name,) if name else (),
        image_id=wire.image if ":" in wire.image else f"sha256:{wire.image}",
        created_at_s=seconds(wire.created),
        is_paused=wire.state.paused,
        labels=wire.config.labels or {},
        environment=_variables(wire.config.env or ()),
        is_running=wire.state.running or wire.state.paused,
        image_name=wire.config.image,
    )


def _variables(entries: list[str] | tuple[()]) -> dict[str, str]:
    """`NAME=value` entries. A name alone is a variable that was taken off: left out."""
    pairs = (entry.partition("=") for entry in entries)
    return {name: value for name, sign, value in pairs if sign}


def seconds(text: str) -> float:
    """Since the epoch; 0 for what is no time. RFC 3339, with up to nine digits after the point;
    Podman writes its own time zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def decode(body: bytes, wire: type[_W], what: str) -> _W:
    """JSON about containers. Raises ContainerFailed, which quotes nothing of it."""
    try:
        return msgspec.json.decode(body, type=wire)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Not the decoder's own words, and no chain to them: they may quote an environment.
        raise ContainerFailed(
            f"cannot read what the engine says about {what}",
            hint="is it a Docker Engine that listens at this address?",
        ) from None
