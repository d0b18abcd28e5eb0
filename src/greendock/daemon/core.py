"""One core: every object built once, started and stopped in order; no policy of its own."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

from greendock.artifacts.downloads import Downloads
from greendock.artifacts.staging import Staging
from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.base.events import Bus
from greendock.base.logs import ComponentLogs
from greendock.base.paths import Paths
from greendock.config.device_file import DeviceConfiguration
from greendock.daemon.command_line_files import CommandLineFiles
from greendock.daemon.configurations import Configurations
from greendock.daemon.container_side import ContainerSide, SideParts
from greendock.daemon.context import CoreContext
from greendock.daemon.core_settings import CoreSettings, log_settings
from greendock.daemon.credential_service import CredentialService
from greendock.daemon.docker_work import DockerWork
from greendock.daemon.identities import ComponentIdentities
from greendock.daemon.image_views import ImageViews
from greendock.daemon.outside import Outside
from greendock.daemon.proxies import Proxies
from greendock.daemon.services import Services
from greendock.daemon.system_services import system_ports
from greendock.daemon.token_watch import TokenWatch
from greendock.daemon.upkeep import Upkeep
from greendock.deployment.apply import Applier, Store
from greendock.deployment.builtins import DOCKER_APPLICATION_MANAGER, TOKEN_EXCHANGE_SERVICE
from greendock.deployment.bundle_source import DeployedBundle
from greendock.deployment.device_state import DeviceStateStore
from greendock.deployment.executor import Executor
from greendock.deployment.prepare import Preparation, Sources
from greendock.deployment.recipe_store import RecipeStore
from greendock.deployment.records import DeploymentRecords
from greendock.deployment.restart import restored
from greendock.deployment.service import DeploymentService
from greendock.docker.keeping.ledger import ImageLedger
from greendock.ipc.ports import CorePorts
from greendock.ipc.server import IpcServer
from greendock.ipc.socket_folders import SocketFolders
from greendock.ipc.token_record import TokenRecord
from greendock.ipc.tokens import Tokens
from greendock.lifecycle.supervisor import Supervisor
from greendock.lifecycle.users import Users

_log = logging.getLogger("greendock")
STOP_DEADLINE_S = 60.0


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
        states = DeviceStateStore(self._database)
        records = DeploymentRecords(self._database)
        self._deployments = DeploymentService(records, states, self._bus, self._clock)
        state = self._deployments.recover(self._put_files_right)
        self._settings = CoreSettings(device, state)
        logs.update_settings(log_settings(self._settings.current.logging))
        ledger = ImageLedger(self._database, self._clock)
        journal = logs.get(DOCKER_APPLICATION_MANAGER)
        self._docker = DockerWork(self._settings, journal, ledger, self._clock)
        self._outside = self._open_outside()
        self._services = Services(paths, self._settings, self._outside, self._bus, self._clock)
        self._upkeep = Upkeep(self._docker, self._clock)
        self._users = Users()
        self._tokens = Tokens(TokenRecord(self._database))
        self._token_watch = TokenWatch(self._tokens, self._docker.containers, self._clock)
        self._credentials = self._open_credentials()
        self._context = CoreContext(
            paths, self._settings, self._users, self._docker, logs, self._credentials
        )
        self._containers = self._open_containers(ledger)
        self._identities = self._component_identities()
        self._supervisor = self._open_supervisor()
        live = self._deployments.live
        self._configurations = Configurations(self._supervisor, live, states, self._context)
        self._ipc = IpcServer(paths.ipc_socket, self._tokens, self._ports())
        self._cli_files = CommandLineFiles(paths, self._settings, self._tokens, self._clock)

    def _open_outside(self) -> Outside:
        proxies = Proxies(lambda: self._settings.current, lambda: self._docker.engine_info)
        outside = Outside(lambda: self._settings.current, proxies, self._clock)
        self._docker.use(outside)
        return outside

    def _open_containers(self, ledger: ImageLedger) -> ContainerSide:
        return ContainerSide(
            SideParts(
                paths=self.paths,
                settings=self._settings,
                docker=self._docker,
                ledger=ledger,
                database=self._database,
                logs=self._logs,
                bus=self._bus,
                clock=self._clock,
                context=self._context,
                deployment_id=lambda: self._deployments.present_id,
            )
        )

    def _component_identities(self) -> ComponentIdentities:
        def version_of(component: str) -> str:
            view = self._supervisor.view(component)
            return view.version if view else ""

        return ComponentIdentities(
            self._tokens,
            SocketFolders(self.paths),
            self._bus,
            version_of,
            self._docker.engine_exists,
        )

    def _open_credentials(self) -> CredentialService:
        parts = (self._settings, self._outside, self._tokens, self._docker)
        return CredentialService(*parts, self._database, self._clock)

    def _open_supervisor(self) -> Supervisor:
        supervisor = Supervisor(
            self.paths,
            self._bus,
            self._clock,
            self._logs,
            self._settings,
            self._identities,
            self._context,
            containers=self._containers.pauses,
            owned=self._containers.ownership,
            parts={TOKEN_EXCHANGE_SERVICE: self._credentials},
        )
        self._credentials.use(supervisor)
        self._containers.use(supervisor)
        return supervisor

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
            access_policies=self._configurations.access_policies,
            store=self.paths.root / "packages",
            images=ImageViews(self._docker),
            containers=self._containers.views,
            stats=self._containers.stats,
            bundles=self._bundles(),
            bundle_images=self._docker,
            pubsub=self._services.pubsub,
            component_updates=self._services.consent.updates,
            configuration_checks=self._services.consent.checks,
            shadows=self._services.shadows,
            secrets=self._services.secrets,
            iot_core=self._services.iot_core,
            pauses=self._supervisor,
            configurations=self._configurations,
            state_reports=self._supervisor,
            system=system_ports(self._tokens, self._clock),
        )

    def _bundles(self) -> DeployedBundle:
        return DeployedBundle(
            self.paths,
            lambda: self._deployments.current,
            lambda: self._context.surroundings(self._deployments.state),
            self._docker.image_ids,
        )

    async def start(self) -> None:
        """Listen, start the deployed components, begin to work on deployments.

        Raises GreendockError or OSError; `stop` has to be called then as well.
        """
        await self._containers.pauses.recover()
        await self._supervisor.start()
        surroundings = self._context.surroundings(self._deployments.state)
        current, faults = restored(self._deployments.state, surroundings)
        self._identities.load(current.specs)
        self._containers.clear()
        await self._ipc.start()
        self._identities.listens()
        self._token_watch.start()
        await self._cli_files.write()
        for fault in faults:
            _log.error("%s", fault)
        # Before anything runs by a name that a deployment left half changed.
        await self._docker.recover(committed=self._was_committed)
        self._containers.ownership.begin(current.specs)
        self._containers.start()
        self._supervisor.update(current.specs)
        self._deployments.start(current, self._executor())
        self._upkeep.start()

    def _executor(self) -> Executor:
        commit, live = self._deployments.commit, self._deployments.live
        store = Store(self._staging, self._recipes, commit, live)
        applier = Applier(self._supervisor, self._context, store, self._docker)
        outside = self._outside
        downloads = Downloads(self.paths, outside, lambda: outside.network, self._clock)
        sources = Sources(self._docker, downloads)
        preparation = Preparation(sources, self._staging, self._recipes)
        return Executor(preparation, applier, self._context, self._services.consent, self._clock)

    async def stop(self) -> None:
        """Stop everything, components first; what doesn't end in time is ended by force.

        A part that fails to stop does not keep the others from it. Never raises.
        """
        self._cli_files.stop()
        self._identities.end()
        await _stopped("token watch", self._token_watch.stop())
        await _stopped("deployments", self._deployments.stop())
        await _stopped("components", self._supervisor.stop_all(STOP_DEADLINE_S))
        await _stopped("containers", self._containers.stop())
        await _stopped("ipc", self._ipc.stop())
        await _stopped("services", self._services.close())
        self._identities.hang_up()
        await _stopped("upkeep", self._upkeep.stop())
        await _stopped("images", self._docker.close())
        await _stopped("connections", self._outside.close())
        self._database.close()


async def _stopped(part: str, stopping: Awaitable[None]) -> None:
    try:
        await stopping
    except Exception:
        _log.exception("%s did not stop cleanly", part)
