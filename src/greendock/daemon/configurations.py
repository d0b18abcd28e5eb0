"""Configurations of components, for the IPC operations and their policies.

Fills the ports of ipc from what runs and what is deployed; decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greendock.config.lookup import spelling
from greendock.config.own_update import OwnUpdate
from greendock.config.tree import to_plain
from greendock.daemon.context import CoreContext
from greendock.deployment.configuration_updates import ConfigurationUpdates
from greendock.deployment.device_state import DeviceStateStore
from greendock.deployment.live import Live
from greendock.lifecycle.supervisor import Supervisor


class Configurations:
    """What components run by; for one that does not run (yet), what is deployed."""

    def __init__(
        self, supervisor: Supervisor, live: Live, states: DeviceStateStore, core: CoreContext
    ) -> None:
        self._supervisor = supervisor
        self._live = live
        self._updates = ConfigurationUpdates(live, states, supervisor, core.surroundings)

    def read(self, component: str) -> tuple[str, Mapping[str, Any]] | None:
        """The component's name as it is stored, and its configuration."""
        deployed = self._live.now.state.components
        name = spelling(self._supervisor.names, component) or spelling(deployed, component)
        if name is None:
            return None
        configuration = self._of(name)
        return None if configuration is None else (name, configuration)

    async def update(self, component: str, update: OwnUpdate) -> bool:
        return await self._updates.update(component, update)

    def access_policies(self, component: str) -> Any:
        """The same object while it is unchanged."""
        configuration = self._of(component)
        return None if configuration is None else configuration.get("accessControl")

    def _of(self, name: str) -> Mapping[str, Any] | None:
        running = self._supervisor.configuration_of(name)
        if running is not None:
            return running
        deployed = self._live.now.state.components.get(name)
        return None if deployed is None else to_plain(deployed.configuration)
