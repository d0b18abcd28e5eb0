"""Keeps deployment records over restarts; the newest hundred, since devices are small.

The record, and until its end the request it came from, are stored as JSON. Nobody else writes the
table.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from greendock.base.database import Database
from greendock.base.errors import DeviceError
from greendock.deployment.document import ConfigurationUpdate, FailurePolicy, LocalRequest
from greendock.deployment.record import DeploymentRecord, DetailedStatus, Phase, Status
from greendock.lifecycle.model import ResourceLimits, RunWith

_log = logging.getLogger("greendock.deployment")
KEPT = 100

_SCHEMA = """
CREATE TABLE IF NOT EXISTS deployment (
    id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    status TEXT NOT NULL,
    record TEXT NOT NULL,
    request TEXT NOT NULL
);
"""


class DeploymentRecords:
    """The table of deployments, oldest first. Writing raises DeviceError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unsaved: dict[str, DeploymentRecord] = {}
        database.ensure_schema(_SCHEMA)

    def add(self, record: DeploymentRecord, request: LocalRequest) -> None:
        with self._database.transaction():
            self._save_unsaved()
            self._database.execute(
                "INSERT INTO deployment VALUES (?, (SELECT COALESCE(MAX(position), 0) + 1 FROM "
                "deployment), ?, ?, ?)",
                record.id,
                record.status.value,
                json.dumps(_record_to_json(record)),
                json.dumps(_request_to_json(request)),
            )
            self._database.execute(
                "DELETE FROM deployment WHERE status NOT IN ('QUEUED', 'IN_PROGRESS') AND "
                "position <= (SELECT MAX(position) FROM deployment) - ?",
                KEPT,
            )
        self._unsaved.clear()

    def save(self, record: DeploymentRecord) -> None:
        """May be part of a larger transaction."""
        self._write(record)

    def keep(self, record: DeploymentRecord) -> None:
        """Save it, or hold it in memory until something can be saved again. Never raises."""
        self._unsaved[record.id] = record
        try:
            with self._database.transaction():
                self._save_unsaved()
        except DeviceError as error:
            _log.error("deployment %s is not stored yet: %s", record.id, error.explain())
        else:
            self._unsaved.clear()

    def _save_unsaved(self) -> None:
        for record in self._unsaved.values():
            self._write(record)

    def _write(self, record: DeploymentRecord) -> None:
        # What has ended is never carried out again: its request, which can be large, goes.
        self._database.execute(
            "UPDATE deployment SET status = ?, record = ?, "
            "request = CASE WHEN ? THEN '' ELSE request END WHERE id = ?",
            record.status.value,
            json.dumps(_record_to_json(record)),
            record.status.is_final,
            record.id,
        )

    def get(self, deployment_id: str) -> DeploymentRecord | None:
        if deployment_id in self._unsaved:
            return self._unsaved[deployment_id]
        rows = self._database.query("SELECT record FROM deployment WHERE id = ?", deployment_id)
        return _record_from_json(json.loads(rows[0]["record"])) if rows else None

    def all(self) -> list[DeploymentRecord]:
        rows = self._database.query("SELECT record FROM deployment ORDER BY position")
        found = [_record_from_json(json.loads(row["record"])) for row in rows]
        return [self._unsaved.get(record.id, record) for record in found]

    def unfinished(self) -> list[tuple[DeploymentRecord, LocalRequest]]:
        """What an earlier life of the core left queued or in progress, oldest first."""
        rows = self._database.query(
            "SELECT record, request FROM deployment WHERE status IN ('QUEUED', 'IN_PROGRESS') "
            "ORDER BY position"
        )
        return [
            (
                _record_from_json(json.loads(row["record"])),
                _request_from_json(json.loads(row["request"])),
            )
            for row in rows
        ]


def _record_to_json(record: DeploymentRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "created_at": record.created_at,
        "status": record.status,
        "phase": record.phase,
        "detailed": record.detailed,
        "error_stack": record.error_stack,
        "error_types": record.error_types,
        "cause": record.cause,
        "warnings": record.warnings,
        "timings": record.timings,
    }


def _record_from_json(data: dict[str, Any]) -> DeploymentRecord:
    return DeploymentRecord(
        id=data["id"],
        created_at=data["created_at"],
        status=Status(data["status"]),
        phase=Phase(data["phase"]),
        detailed=DetailedStatus(data["detailed"]) if data["detailed"] else None,
        error_stack=tuple(data["error_stack"]),
        error_types=tuple(data["error_types"]),
        cause=data["cause"],
        warnings=tuple(data["warnings"]),
        timings=data["timings"],
    )


def run_with_to_json(run_with: RunWith) -> dict[str, Any]:
    limits = run_with.limits
    return {
        "posix_user": run_with.posix_user,
        "limits": {"memory_kb": limits.memory_kb, "cpus": limits.cpus} if limits else None,
    }


def run_with_from_json(data: dict[str, Any]) -> RunWith:
    limits = data["limits"]
    return RunWith(data["posix_user"], ResourceLimits(**limits) if limits else None)


def _request_to_json(request: LocalRequest) -> dict[str, Any]:
    return {
        "group": request.group,
        "merge": dict(request.merge),
        "remove": request.remove,
        "configuration": {
            name: {"merge": update.merge, "reset": update.reset}
            for name, update in request.configuration.items()
        },
        "run_with": {name: run_with_to_json(value) for name, value in request.run_with.items()},
        "recipe_paths": [str(path) for path in request.recipe_paths],
        "artifact_folders": [str(path) for path in request.artifact_folders],
        "failure_policy": request.failure_policy,
        "notify_s": request.notify_s,
        "validate_s": request.validate_s,
        "offline": request.offline,
    }


def _request_from_json(data: dict[str, Any]) -> LocalRequest:
    return LocalRequest(
        group=data["group"],
        merge=data["merge"],
        remove=tuple(data["remove"]),
        configuration={
            name: ConfigurationUpdate(update["merge"], tuple(update["reset"]))
            for name, update in data["configuration"].items()
        },
        run_with={name: run_with_from_json(value) for name, value in data["run_with"].items()},
        recipe_paths=tuple(Path(path) for path in data["recipe_paths"]),
        artifact_folders=tuple(Path(path) for path in data["artifact_folders"]),
        failure_policy=FailurePolicy(data["failure_policy"]),
        # Older cores did not store these.
        notify_s=data.get("notify_s"),
        validate_s=data.get("validate_s"),
        offline=bool(data.get("offline", False)),
    )
