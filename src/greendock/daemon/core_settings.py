"""The settings in force: the device's file, overlaid by what deployments set on the nucleus.

Read by everything that the core builds; replaced as a whole when a deployment takes effect.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from greendock.base.errors import ConfigurationError
from greendock.base.log_lines import LogFormat
from greendock.base.logs import LogSettings
from greendock.config.container_settings import (
    ContainerSettings,
    own_container_settings,
    read_container_settings,
)
from greendock.config.device_file import DeviceConfiguration
from greendock.config.secret_settings import read_secret_settings
from greendock.config.settings import (
    LoggingSettings,
    Settings,
    own_pull_policy,
    own_soak_s,
    read_settings,
)
from greendock.config.shadow_settings import read_shadow_settings
from greendock.config.tree import to_plain, updated
from greendock.deployment.builtins import CLI, NUCLEUS, SECRET_MANAGER, SHADOW_MANAGER
from greendock.deployment.device_state import DeviceState
from greendock.docker.model import RegistryAccount
from greendock.docker.pull_policy import PullPolicy

_log = logging.getLogger("greendock")

_MACHINES_OWN = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    }
)
"""By these the core gets AWS credentials. Components ask the token exchange service, which gives
some of them none; and SDKs would take these before they ask it."""


class CoreSettings:
    """Implements the settings ports of the lifecycle and of the image work."""

    def __init__(self, device: DeviceConfiguration, state: DeviceState) -> None:
        """Raises ConfigurationError for what the device's own file says."""
        self.device = device
        self.planned = state
        self.current = self.of(DeviceState())
        try:
            self.current = self.of(state)
        except ConfigurationError as error:
            # Another version of the core took it; a device that doesn't start can't be mended.
            _log.error("the deployed settings of the core are not in force: %s", error.explain())

    def of(self, state: DeviceState) -> Settings:
        """The settings that `state` comes to; raises ConfigurationError."""
        settings = read_settings(
            self.device.system,
            self._configuration(NUCLEUS, state),
            self.device.greendock,
            self._configuration(CLI, state),
            os.environ,
        )
        return replace(
            settings,
            secrets=read_secret_settings(
                self.device.greendock, self._configuration(SECRET_MANAGER, state)
            ),
            shadows=read_shadow_settings(self._configuration(SHADOW_MANAGER, state)),
            containers=read_container_settings(self.device.greendock),
        )

    def adopt(self, state: DeviceState) -> None:
        """The settings of `state` count from now on; raises ConfigurationError."""
        self.current = self.of(state)
        self.planned = state

    def plan(self, state: DeviceState) -> None:
        """The next images are for `state`; raises ConfigurationError for what a component sets
        wrongly."""
        for name, component in state.components.items():
            configuration = to_plain(component.configuration)
            own_pull_policy(name, configuration)
            own_soak_s(name, configuration, self.current.soak_s)
            own_container_settings(name, configuration, self.current.containers)
        self.planned = state

    def containers_of(self, name: str, configuration: Mapping[str, Any]) -> ContainerSettings:
        """What holds for a component's containers. Raises ConfigurationError."""
        return own_container_settings(name, configuration, self.current.containers)

    def _configuration(self, name: str, state: DeviceState) -> Mapping[str, Any]:
        """What was deployed on top of what the device's file says now."""
        deployed = state.components.get(name)
        own = self.device.services.get(name, {})
        tree, _ = updated(
            deployed.configuration if deployed is not None else None,
            own,
            merge_value=None,
            reset=(),
            timestamp_ms=0,
        )
        plain: Mapping[str, Any] = to_plain(tree)
        return plain

    # -- lifecycle.ports.RunSettings

    @property
    def default_posix_user(self) -> str | None:
        return self.current.default_posix_user

    @property
    def posix_shell(self) -> str:
        return self.current.posix_shell

    @property
    def backoff_s(self) -> tuple[float, float]:
        return self.current.backoff_s

    @property
    def soak_s(self) -> float:
        return self.current.soak_s

    @property
    def withheld_variables(self) -> frozenset[str]:
        logins = self.current.docker.registries.values()
        passwords = frozenset(login.password_env for login in logins if login.password_env)
        return passwords | self.current.secrets.variables | _MACHINES_OWN

    # -- docker.ports.ImageSettings

    @property
    def engine_wait_s(self) -> float:
        return self.current.docker.engine_wait_s

    @property
    def max_concurrent_pulls(self) -> int:
        return self.current.docker.max_concurrent_pulls

    @property
    def pull_deadline_s(self) -> float:
        return self.current.docker.pull_deadline_s

    @property
    def pull_stall_s(self) -> float:
        return self.current.docker.pull_stall_s

    @property
    def disk_margin_bytes(self) -> int:
        return self.current.docker.disk_margin_bytes

    @property
    def disk_high_watermark_percent(self) -> float:
        return self.current.docker.disk_high_watermark_percent

    @property
    def registry_accounts(self) -> Mapping[str, RegistryAccount]:
        return {
            host: RegistryAccount(
                login.username,
                login.password_file,
                login.password_env,
                login.credential_helper,
                login.docker_config,
            )
            for host, login in self.current.docker.registries.items()
        }

    def pull_policy(self, component: str) -> PullPolicy:
        """The component's own `greendock.docker.pullPolicy`, else the core's."""
        deployed = self.planned.components.get(component)
        own = to_plain(deployed.configuration) if deployed is not None else {}
        return PullPolicy(own_pull_policy(component, own) or self.current.docker.pull_policy or "")


def log_settings(settings: LoggingSettings) -> LogSettings:
    """The logs' part of the settings, as the logs take it."""
    return LogSettings(
        level=settings.level,
        format=LogFormat(settings.format),
        file_size_bytes=settings.file_size_bytes,
        total_bytes=settings.total_bytes,
    )
