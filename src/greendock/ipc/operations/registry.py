"""Collects the handlers of all families under the names of their operations.

Refuses a table and handlers that don't fit together, when the server is built and not at a call.
"""

from __future__ import annotations

from greendock.ipc.calls import Handler
from greendock.ipc.operations.bundle import BundleOperations
from greendock.ipc.operations.components import ComponentOperations
from greendock.ipc.operations.core import CoreOperations
from greendock.ipc.operations.deployment_events import DeploymentEvents
from greendock.ipc.operations.deployments import DeploymentOperations
from greendock.ipc.operations.images import ImageOperations
from greendock.ipc.ports import CorePorts
from greendock.ipc.shapes import OPERATIONS


def handlers(ports: CorePorts) -> dict[str, Handler]:
    """Full operation name to handler."""
    found: dict[str, Handler] = {
        **DeploymentOperations(ports.deployments, ports.store).handlers(),
        **DeploymentEvents(ports.deployments, ports.bus).handlers(),
        **ComponentOperations(ports.components).handlers(),
        **BundleOperations(ports.bundles, ports.bundle_images).handlers(),
        **ImageOperations(ports.images).handlers(),
        **CoreOperations(ports.core, ports.components).handlers(),
    }
    odd = found.keys() ^ OPERATIONS.keys()
    if odd:
        raise ValueError(f"operations without a row or without a handler: {sorted(odd)}")
    return found
