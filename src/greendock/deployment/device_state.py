"""What is deployed on this device: components with recipe and configuration, and group roots.

The recipe text is kept here, not only in the local library, so that what runs can be started again
exactly as it was even when the library's file of the same version has been replaced since.
Saved in one transaction: a crash leaves the old state or the new one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from greendock.base.database import Database
from greendock.config.tree import Node, dump, load
from greendock.deployment.record import DeploymentRecord
from greendock.deployment.records import (
    DeploymentRecords,
    run_with_from_json,
    run_with_to_json,
)
from greendock.lifecycle.model import RunWith

_SCHEMA = """
CREATE TABLE IF NOT EXISTS component (
    name TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    previous_version TEXT,
    recipe TEXT NOT NULL,
    recipe_is_json INTEGER NOT NULL,
    configuration TEXT NOT NULL,
    run_with TEXT NOT NULL,
    content_id TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS root (
    deployment_group TEXT NOT NULL,
    component TEXT NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (deployment_group, component)
);
"""


@dataclass(frozen=True, slots=True)
class DeployedComponent:
    """One component as committed. Built-ins have an empty recipe text."""

    name: str
    version: str
    previous_version: str | None
    recipe_text: str
    recipe_is_json: bool
    configuration: Node
    run_with: RunWith
    content_id: str


@dataclass(frozen=True, slots=True)
class DeviceState:
    """`roots` maps a group to its root components and their versions."""

    components: Mapping[str, DeployedComponent] = field(default_factory=dict)
    roots: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class DeviceStateStore:
    """Loads and saves the device's state."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.ensure_schema(_SCHEMA)

    def load(self) -> DeviceState:
        components = {
            row["name"]: DeployedComponent(
                name=row["name"],
                version=row["version"],
                previous_version=row["previous_version"],
                recipe_text=row["recipe"],
                recipe_is_json=bool(row["recipe_is_json"]),
                configuration=load(json.loads(row["configuration"])),
                run_with=run_with_from_json(json.loads(row["run_with"])),
                content_id=row["content_id"],
            )
            for row in self._database.query("SELECT * FROM component")
        }
        roots: dict[str, dict[str, str]] = {}
        for row in self._database.query("SELECT * FROM root"):
            roots.setdefault(row["deployment_group"], {})[row["component"]] = row["version"]
        return DeviceState(components, roots)

    def save(self, old: DeviceState, new: DeviceState) -> None:
        """Replace `old` (as loaded or last saved) by `new`; only what differs is written."""
        with self._database.transaction():
            for name in old.components.keys() - new.components.keys():
                self._database.execute("DELETE FROM component WHERE name = ?", name)
            for name, component in new.components.items():
                if component != old.components.get(name):
                    self._write(component)
            if new.roots != old.roots:
                self._database.execute("DELETE FROM root")
                for group, roots in new.roots.items():
                    for name, version in roots.items():
                        self._database.execute(
                            "INSERT INTO root VALUES (?, ?, ?)", group, name, version
                        )

    def save_configurations(self, old: DeviceState, new: DeviceState) -> None:
        """Save the configurations of `new` that are others than in `old`; the rest is alike."""
        with self._database.transaction():
            for name, component in new.components.items():
                if component is not old.components[name]:
                    self._database.execute(
                        "UPDATE component SET configuration = ? WHERE name = ?",
                        json.dumps(dump(component.configuration)),
                        name,
                    )

    def commit(
        self,
        old: DeviceState,
        new: DeviceState,
        records: DeploymentRecords,
        record: DeploymentRecord,
    ) -> None:
        """Save `new` and the deployment's record in one transaction."""
        with self._database.transaction():
            self.save(old, new)
            records.save(record)

    def _write(self, component: DeployedComponent) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO component VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            component.name,
            component.version,
            component.previous_version,
            component.recipe_text,
            component.recipe_is_json,
            json.dumps(dump(component.configuration)),
            json.dumps(run_with_to_json(component.run_with)),
            component.content_id,
        )
