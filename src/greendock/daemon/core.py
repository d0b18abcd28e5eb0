"""One core: every object built once, started and stopped in order; no policy of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from greendock.artifacts.downloads import Downloads
from greendock.artifacts.staging import Staging
from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.base.errors import DeviceError
from greendock.base.events import Bus
from greendock.base.logs import ComponentLogs
from greendock.base.paths import Paths
from greendock.config.device_file import DeviceConfiguration
from greendock.daemon.context import CoreContext
from greendock.daemon.core_settings import CoreSettings, log_settings
from greendock.daemon.docker_work import DockerWork
from greendock.daemon.image_views import ImageViews
from greendock.daemon.outside import Outside
from greendock.daemon.proxies import Proxies
from greendock.daemon.upkeep import Upkeep
from greendock.deployment.apply import Applier, Store
from greendock.deployment.builtins import DOCKER_APPLICATION_MANAGER
from greendock.deployment.bundle_source import DeployedBundle
from greendock.deployment.device_state import DeviceStateStore
from greendock.deployment.executor import Executor
from greendock.deployment.prepare import Preparation, Sources
from greendock.deployment.recipe_store import RecipeStore
from greendock.deployment.records import DeploymentRecords
from greendock.deployment.restart import restored
from greendock.deployment.service import DeploymentService
from greendock.docker.keeping.ledger import ImageLedger
from greendock.ipc.cli_info import write_cli_info
from greendock.ipc.ports import CorePorts
from greendock.ipc.server import IpcServer
from greendock.ipc.tokens import Tokens
from greendock.lifecycle.supervisor import Supervisor
from greendock.lifecycle.users import Users

_log = logging.getLogger("greendock")
STOP_DEADLINE_S = 60.0
_CLI_INFO_RETRY_S = 10.0


class Core:
    """Build it, `start` it, `stop` it. One per root folder; the process holds the lock."""

    def __init__(self, paths: Paths, device: DeviceConfiguration, logs: ComponentLogs) -> None:
        """Raises DeviceError when the stored state can't be read."""
        self.paths = paths
        self._logs = logs
        self._bus = Bus()
        self._clock = SystemClock()
        self._staging = Staging(paths)
        self._recipes = RecipeStore(paths)
        self._database = Database(paths.database)
        self._was_committed = False
        self._deployments = DeploymentService(
            DeploymentRecords(self._database),
            DeviceStateStore(self._database),
            self._bus,
            self._clock,
        )
        state = self._deployments.recover(self._put_files_right)
        self._settings = CoreSettings(device, state)
        logs.update_settings(log_settings(self._settings.current.logging))
        ledger = ImageLedger(self._database, self._clock)
        journal = logs.get(DOCKER_APPLICATION_MANAGER)
        self._docker = DockerWork(self._settings, journal, ledger, self._clock)
        self._outside = self._open_outside()
        self._upkeep = Upkeep(self._docker, self._clock)
        self._users = Users()
        self._context = CoreContext(paths, self._settings, self._users, self._docker, logs)
        self._tokens = Tokens()
        self._supervisor = Supervisor(
            paths,
            self._bus,
            self._clock,
            logs,
            self._settings,
            self._tokens,
            self._context,
        )
        self._ipc = IpcServer(paths.ipc_socket, self._tokens, self._ports())
        self._cli_info: asyncio.Task[None] | None = None

    def _open_outside(self) -> Outside:
        proxies = Proxies(lambda: self._settings.current, lambda: self._docker.engine_info)
        outside = Outside(lambda: self._settings.current, proxies, self._clock)
        self._docker.use(outside)
        return outside

    def _put_files_right(self, committed: bool) -> None:
        self._was_committed = committed
        self._staging.recover(committed=committed)
        try:
            if committed:
                self._recipes.publish()
            else:
                self._recipes.discard()
        except OSError:
            _log.exception("recipes that a deployment left could not be put right")

    def _ports(self) -> CorePorts:
        return CorePorts(
            bus=self._bus,
            deployments=self._deployments,
            components=self._supervisor,
            core=self._context,
            access_policies=self._access_policies,
            store=self.paths.root / "packages",
            images=ImageViews(self._docker),
            bundles=self._bundles(),
            bundle_images=self._docker,
        )

    def _bundles(self) -> DeployedBundle:
        return DeployedBundle(
            self.paths,
            lambda: self._deployments.current,
            lambda: self._context.surroundings(self._deployments.state),
            self._docker.image_ids,
        )

    def _access_policies(self, component: str) -> Any:
        view = self._supervisor.view(component)
        return None if view is None else view.configuration.get("accessControl")

    async def start(self) -> None:
        """Listen, start the deployed components, begin to work on deployments.

        Raises GreendockError or OSError; `stop` has to be called then as well.
        """
        await self._supervisor.start()
        await self._ipc.start()
        await self._tell_cli()
        surroundings = self._context.surroundings(self._deployments.state)
        current, faults = restored(self._deployments.state, surroundings)
        for fault in faults:
            _log.error("%s", fault)
        # Before anything runs by a name that a deployment left half changed.
        await self._docker.recover(committed=self._was_committed)
        self._supervisor.update(current.specs)
        self._deployments.start(current, self._executor())
        self._upkeep.start()

    def _executor(self) -> Executor:
        store = Store(self._staging, self._recipes, self._deployments.commit)
        applier = Applier(self._supervisor, self._context, store, self._docker)
        outside = self._outside
        downloads = Downloads(self.paths, outside, lambda: outside.network, self._clock)
        sources = Sources(self._docker, downloads)
        preparation = Preparation(sources, self._staging, self._recipes)
        return Executor(preparation, applier, self._context, self._clock)

    async def _tell_cli(self) -> None:
        """Write the files of the command line; later, where the disk has no room for them now."""
        try:
            await self._write_cli_info()
        except DeviceError as error:
            _log.error("the command line can't reach this core yet: %s", error.explain())
            self._cli_info = asyncio.create_task(self._tell_cli_later(), name="cli info")

    async def _tell_cli_later(self) -> None:
        while True:
            await self._clock.sleep(_CLI_INFO_RETRY_S)
            try:
                return await self._write_cli_info()
            except DeviceError as error:
                _log.debug("%s", error.explain())

    async def _write_cli_info(self) -> None:
        groups = ",".join(self._settings.current.authorized_posix_groups)
        await asyncio.to_thread(
            write_cli_info, self.paths.cli_ipc_info, self.paths.ipc_socket, self._tokens, groups
        )

    async def stop(self) -> None:
        """Stop everything, components first; what doesn't end in time is ended by force.

        A part that fails to stop does not keep the others from it. Never raises.
        """
        if self._cli_info is not None:
            self._cli_info.cancel()
        await _stopped("deployments", self._deployments.stop())
        await _stopped("components", self._supervisor.stop_all(STOP_DEADLINE_S))
        await _stopped("ipc", self._ipc.stop())
        await _stopped("upkeep", self._upkeep.stop())
        await _stopped("images", self._docker.close())
        await _stopped("connections", self._outside.close())
        self._database.close()


async def _stopped(part: str, stopping: Awaitable[None]) -> None:
    try:
        await stopping
    except Exception:
        _log.exception("%s did not stop cleanly", part)
