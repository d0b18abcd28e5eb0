"""The table of all operations, by their full names.

A new operation is a row in one of the files of this folder and a handler in operations/; requests
are checked from this table before a handler sees them.
"""

from __future__ import annotations

from greendock.ipc.shapes import (
    cli,
    client_devices,
    configuration,
    iot_core,
    lifecycle,
    ours,
    pubsub,
    secrets,
    shadows,
    system,
)
from greendock.ipc.shapes.operation import Operation

_FAMILIES = (
    cli.ROWS,
    pubsub.ROWS,
    configuration.ROWS,
    lifecycle.ROWS,
    iot_core.ROWS,
    secrets.ROWS,
    shadows.ROWS,
    system.ROWS,
    client_devices.ROWS,
    ours.ROWS,
)

OPERATIONS: dict[str, Operation] = {row.name: row for rows in _FAMILIES for row in rows}
