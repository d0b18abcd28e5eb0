"""Collects the handlers of all families under the names of their operations.

Refuses handlers that the table does not know, when the server is built and not at a call.
Operations without a handler answer that this core does not have them.
"""

from __future__ import annotations

from greendock.ipc.calls import Handler, QuickHandler
from greendock.ipc.operations.bundle import BundleOperations
from greendock.ipc.operations.component_stats import ComponentStatsOperations
from greendock.ipc.operations.component_updates import ComponentUpdateOperations
from greendock.ipc.operations.components import ComponentOperations
from greendock.ipc.operations.configuration import ConfigurationOperations
from greendock.ipc.operations.configuration_validity import ConfigurationValidityOperations
from greendock.ipc.operations.core import CoreOperations
from greendock.ipc.operations.deployment_events import DeploymentEvents
from greendock.ipc.operations.deployments import DeploymentOperations
from greendock.ipc.operations.images import ImageOperations
from greendock.ipc.operations.iot_core import IotCoreOperations
from greendock.ipc.operations.pauses import PauseOperations
from greendock.ipc.operations.pubsub import PubSubOperations, QuickPublish
from greendock.ipc.operations.secrets import SecretOperations
from greendock.ipc.operations.shadows import ShadowOperations
from greendock.ipc.operations.state_reports import StateOperations
from greendock.ipc.operations.system import SystemOperations
from greendock.ipc.ports import CorePorts
from greendock.ipc.shapes.table import OPERATIONS


def handlers(ports: CorePorts) -> dict[str, Handler]:
    """Full operation name to handler."""
    found: dict[str, Handler] = {
        **DeploymentOperations(ports.deployments, ports.store).handlers(),
        **DeploymentEvents(ports.deployments, ports.bus).handlers(),
        **ComponentOperations(ports.components, ports.containers).handlers(),
        **ComponentStatsOperations(ports.components, ports.stats).handlers(),
        **BundleOperations(ports.bundles, ports.bundle_images).handlers(),
        **ImageOperations(ports.images).handlers(),
        **ComponentUpdateOperations(ports.component_updates).handlers(),
        **ConfigurationValidityOperations(ports.configuration_checks).handlers(),
        **IotCoreOperations(ports.iot_core).handlers(),
        **PauseOperations(ports.components, ports.pauses).handlers(),
        **CoreOperations(ports.core, ports.components).handlers(),
        **ShadowOperations(ports.shadows).handlers(),
        **SecretOperations(ports.secrets).handlers(),
        **ConfigurationOperations(ports.configurations, ports.bus).handlers(),
        **StateOperations(ports.components, ports.state_reports).handlers(),
        **SystemOperations(ports.system).handlers(),
        **PubSubOperations(ports.pubsub).handlers(),
    }
    odd = found.keys() - OPERATIONS.keys()
    if odd:
        raise ValueError(f"operations without a row: {sorted(odd)}")
    return found


def quick_handlers(ports: CorePorts) -> dict[str, QuickHandler]:
    """Second handlers, for the operations that have to be fast."""
    return {QuickPublish.OPERATION: QuickPublish(ports.pubsub)}
