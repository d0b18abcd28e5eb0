"""One core: every object built once, started and stopped in order; no policy of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from greendock.artifacts.staging import Staging
from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.base.errors import GreendockError
from greendock.base.events import Bus
from greendock.base.logs import ComponentLogs
from greendock.base.paths import Paths
from greendock.daemon.context import CoreContext
from greendock.daemon.core_settings import CoreSettings, log_settings
from greendock.daemon.device import load_device
from greendock.daemon.lazy_images import LazyImages
from greendock.deployment.apply import Applier
from greendock.deployment.builtins import DOCKER_APPLICATION_MANAGER
from greendock.deployment.chosen import choose
from greendock.deployment.device_state import DeviceState, DeviceStateStore
from greendock.deployment.executor import Executor
from greendock.deployment.plan import Plan, device_after
from greendock.deployment.record import DeploymentRecord
from greendock.deployment.records import DeploymentRecords
from greendock.deployment.service import DeploymentService
from greendock.deployment.target import component_specs
from greendock.ipc.cli_info import write_cli_info
from greendock.ipc.ports import CorePorts
from greendock.ipc.server import IpcServer
from greendock.ipc.tokens import Tokens
from greendock.lifecycle.model import ComponentSpec
from greendock.lifecycle.supervisor import Supervisor
from greendock.lifecycle.users import Users

_log = logging.getLogger("greendock")
STOP_DEADLINE_S = 60.0


class Core:
    """Build it, `start` it, `stop` it. One per root folder; the process holds the lock."""

    def __init__(self, paths: Paths, init_config: Path | None) -> None:
        self.paths = paths
        paths.create()
        device = load_device(paths, init_config)
        self._database = Database(paths.database)
        self._states = DeviceStateStore(self._database)
        self._bus = Bus()
        self._clock = SystemClock()
        self._staging = Staging(paths)
        self._deployments = DeploymentService(
            DeploymentRecords(self._database), self._states, self._bus, self._clock
        )
        state = self._deployments.recover(
            lambda committed: self._staging.recover(committed=committed)
        )
        self._settings = CoreSettings(device, state)
        self.logs = ComponentLogs(paths.logs, log_settings(self._settings.current.logging))
        self._images = LazyImages(self._settings, self.logs.get(DOCKER_APPLICATION_MANAGER))
        self._users = Users()
        self._context = CoreContext(paths, self._settings, self._users, self._images, self.logs)
        self._tokens = Tokens()
        self._supervisor = Supervisor(
            paths,
            self._bus,
            self._clock,
            self.logs,
            self._settings,
            self._tokens,
            self._context,
        )
        self._ipc = IpcServer(paths.ipc_socket, self._tokens, self._ports())

    def _ports(self) -> CorePorts:
        return CorePorts(
            bus=self._bus,
            deployments=self._deployments,
            components=self._supervisor,
            core=self._context,
            access_policies=self._access_policies,
            store=self.paths.root / "packages",
        )

    def _access_policies(self, component: str) -> Any:
        view = self._supervisor.view(component)
        return None if view is None else view.configuration.get("accessControl")

    async def start(self) -> None:
        """Listen, start the deployed components, begin to work on deployments."""
        await self._supervisor.start()
        groups = ",".join(self._settings.current.authorized_posix_groups)
        await self._ipc.start()
        await asyncio.to_thread(
            write_cli_info, self.paths.cli_ipc_info, self.paths.ipc_socket, self._tokens, groups
        )
        specs = self._specs(self._deployments.state)
        self._supervisor.update(specs)
        self._deployments.start(specs, self._executor)

    def _specs(self, state: DeviceState) -> dict[str, ComponentSpec]:
        """What to run; one component that can't be prepared must not keep the others away."""
        surroundings = self._context.surroundings()
        device = device_after(surroundings.device, state)
        try:
            return component_specs(choose(state, surroundings, None), device)[0]
        except GreendockError as error:
            _log.error("not every deployed component can be started: %s", error.explain())
        specs: dict[str, ComponentSpec] = {}
        for name, component in state.components.items():
            try:
                alone = DeviceState({name: component})
                specs |= component_specs(choose(alone, surroundings, None), device)[0]
            except GreendockError as error:
                _log.error("cannot start %s: %s", name, error.explain())
        return specs

    def _executor(self, commit: Callable[[Plan, DeploymentRecord], None]) -> Executor:
        applier = Applier(self._supervisor, self._staging, self._context, commit)
        return Executor(self._images, self._staging, self._context, self._clock, applier)

    async def stop(self) -> None:
        """Stop everything, components first; what doesn't end in time is ended by force."""
        await self._deployments.stop()
        await self._supervisor.stop_all(STOP_DEADLINE_S)
        await self._ipc.stop()
        await self._images.close()
        self.logs.close()
        self._database.close()
