"""The device's own configuration: `config/device.json`, which no deployment ever rewrites.

It holds what `--init-config` said: the `system` section (thing name, certificates), the services'
initial configuration and the `greendock` map. Written whole and synced; only a start with
`--init-config` changes it, so a torn deployment can't blank a device's identity.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greendock.base.durable import write_atomic
from greendock.base.errors import ConfigurationError

FILE_NAME = "device.json"


@dataclass(frozen=True, slots=True)
class DeviceConfiguration:
    """`services` maps a service name to its initial `configuration` map."""

    core_id: str = ""
    system: Mapping[str, Any] = field(default_factory=dict)
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    greendock: Mapping[str, Any] = field(default_factory=dict)


def read_device_file(folder: Path) -> DeviceConfiguration | None:
    """The saved configuration, None before the first start; ConfigurationError when unreadable."""
    path = folder / FILE_NAME
    try:
        data = json.loads(path.read_bytes())
        system, services, greendock = (
            _map(data[name], name, str(path)) for name in ("system", "services", "greendock")
        )
        bodies = {name: _map(body, name, str(path)) for name, body in services.items()}
        return DeviceConfiguration(str(data["coreId"]), system, bodies, greendock)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, ConfigurationError) as error:
        raise ConfigurationError(
            f"cannot read the device's configuration {path}: {error}",
            hint="restore it from a backup; or move it away and start once with --init-config",
        ) from error


def write_device_file(folder: Path, device: DeviceConfiguration) -> None:
    """Save `device` durably; raises OSError."""
    data = {
        "coreId": device.core_id,
        "system": device.system,
        "services": device.services,
        "greendock": device.greendock,
    }
    write_atomic(folder / FILE_NAME, json.dumps(data, indent=2).encode() + b"\n")


def from_init_config(document: Any, place: str, core_id: str) -> DeviceConfiguration:
    """What an `--init-config` document says; section names match in any case."""
    if document is None:
        document = {}
    if not isinstance(document, Mapping):
        raise ConfigurationError(f"cannot use {place}: a map of sections is expected at the top")
    sections = {str(key).lower(): value for key, value in document.items()}
    for name in ("system", "services", "greendock"):
        sections[name] = _map(sections.get(name), name, place)
    services: dict[str, Mapping[str, Any]] = {}
    for name, body in sections["services"].items():
        keys = _map(body, f"services.{name}", place)
        lower = {str(key).lower(): value for key, value in keys.items()}
        where = f"services.{name}.configuration"
        services[str(name)] = _map(lower.get("configuration"), where, place)
    return DeviceConfiguration(core_id, sections["system"], services, sections["greendock"])


def _map(value: Any, name: str, place: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"cannot use {place}: {name} has to be a map")
    return value
