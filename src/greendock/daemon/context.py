"""What the rooms below ask of the core as a whole: its surroundings, owners of files, its status.

Fills the ports of deployment, lifecycle and ipc from settings and paths; decides nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

from greendock import __version__
from greendock.artifacts.model import Owner
from greendock.base.logs import ComponentLogs
from greendock.base.paths import Paths
from greendock.config.own_settings import unread_settings
from greendock.config.settings import Settings
from greendock.daemon.core_settings import CoreSettings, log_settings
from greendock.daemon.credential_service import CredentialService
from greendock.daemon.docker_access import docker_warnings
from greendock.daemon.docker_work import DockerWork
from greendock.deployment.builtins import built_ins
from greendock.deployment.chosen import Surroundings as PlanSurroundings
from greendock.deployment.device_state import DeviceState
from greendock.deployment.target import Device
from greendock.ipc.ports import CoreView
from greendock.lifecycle.environment import EnvironmentParts, process_environment
from greendock.lifecycle.model import ComponentSpec, ResourceLimits, RunWith
from greendock.lifecycle.run_as import choose
from greendock.lifecycle.users import Users
from greendock.recipe.device import device_labels
from greendock.recipe.model import Step


class CoreContext:
    """Fills CoreContext of deployment, Surroundings of lifecycle and CoreStatus of ipc."""

    def __init__(
        self,
        paths: Paths,
        settings: CoreSettings,
        users: Users,
        docker: DockerWork,
        logs: ComponentLogs,
        credentials: CredentialService,
    ) -> None:
        self._paths = paths
        self._settings = settings
        self._users = users
        self._docker = docker
        self._logs = logs
        self._credentials = credentials
        self._started_at = time.time()

    # -- deployment.ports.CoreContext

    @property
    def deadline_s(self) -> float:
        return self._settings.current.deployment_deadline_s

    def surroundings(self, settings: DeviceState) -> PlanSurroundings:
        wanted = self._settings.of(settings)
        return PlanSurroundings(
            device=Device(
                self._paths, wanted.thing_name, wanted.interpolate_component_configuration
            ),
            labels=device_labels(wanted.platform_override),
            built_ins=built_ins(wanted.nucleus_version),
            defaults=self._settings.device.services,
            run_with=RunWith(wanted.default_posix_user, _default_limits(wanted)),
        )

    def plan(self, state: DeviceState) -> None:
        self._settings.plan(state)

    async def owner_of(self, spec: ComponentSpec) -> Owner | None:
        if spec.built_in:
            return None
        wanted = choose(spec.run_with.posix_user, None, self._users.core_is_root)
        account = await self._users.resolve(wanted)
        return Owner(account.uid, account.gid) if self._users.core_is_root else None

    async def warnings_of(self, spec: ComponentSpec) -> Sequence[str]:
        if spec.built_in:
            return ()
        wanted = choose(spec.run_with.posix_user, None, self._users.core_is_root)
        account = await self._users.resolve(wanted)
        own = self._settings.containers_of(spec.name, spec.configuration)
        host = self._settings.current.docker.host
        who = f"{spec.name} {spec.version}"
        unread = [f"{who}: {text}" for text in unread_settings(spec.configuration)]
        return [*docker_warnings(spec, account, host, own.access), *unread]

    def script_environment(self, spec: ComponentSpec, step: Step) -> Mapping[str, str]:
        withheld = self._settings.withheld_variables
        inherited = {name: text for name, text in os.environ.items() if name not in withheld}
        return process_environment(
            EnvironmentParts(
                component=spec.name,
                core_id="",
                inherited=inherited,
                shared=self.environment(),
                token="",
                user_name="",
                home="",
                work_folder=str(self._paths.work_folder(spec.name)),
                setenv=spec.steps.environment,
                step_setenv=step.environment,
            )
        )

    def adopt(self, state: DeviceState) -> None:
        self._settings.adopt(state)
        self._logs.update_settings(log_settings(self._settings.current.logging))

    # -- lifecycle.ports.Surroundings

    def environment(self) -> Mapping[str, str]:
        settings = self._settings.current
        socket = str(self._paths.ipc_socket)
        shared = {
            "AWS_REGION": settings.aws_region,
            "AWS_DEFAULT_REGION": settings.aws_region,
            "AWS_IOT_THING_NAME": settings.thing_name,
            "GGC_VERSION": settings.nucleus_version,
            "GG_ROOT_CA_PATH": settings.root_ca_path or "",
            "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH": socket,
            "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT": socket,
        }
        if settings.docker.host:
            shared["DOCKER_HOST"] = settings.docker.host
        shared |= self._credentials.environment()
        if settings.proxy_url:
            # `localhost` first, as upstream; by number too, for clients that compare texts.
            own = ("localhost,127.0.0.1", *self._credentials.addresses)
            no_proxy = ",".join(filter(None, (*own, settings.no_proxy)))
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
                shared[name] = shared[name.lower()] = settings.proxy_url
            shared["NO_PROXY"] = shared["no_proxy"] = no_proxy
        return shared

    # -- ipc.ports.CoreStatus

    def status(self) -> CoreView:
        return CoreView(
            version=__version__,
            root=self._paths.root,
            pid=os.getpid(),
            started_at=self._started_at,
            engine=self._docker.view(),
        )


def _default_limits(settings: Settings) -> ResourceLimits | None:
    limits = ResourceLimits(settings.default_memory_kb, settings.default_cpus)
    return None if limits == ResourceLimits() else limits
