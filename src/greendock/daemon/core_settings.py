"""The settings in force: the device's file, overlaid by what deployments set on the nucleus.

Read by everything that the core builds; replaced as a whole when a deployment is committed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from greendock.base.log_lines import LogFormat
from greendock.base.logs import LogSettings
from greendock.config.device_file import DeviceConfiguration
from greendock.config.settings import LoggingSettings, Settings, own_pull_policy, read_settings
from greendock.config.tree import to_plain
from greendock.deployment.builtins import CLI, NUCLEUS
from greendock.deployment.device_state import DeviceState
from greendock.docker.pull_policy import PullPolicy
from greendock.lifecycle.model import ResourceLimits


class CoreSettings:
    """Implements the settings ports of the lifecycle and of the image work."""

    def __init__(self, device: DeviceConfiguration, state: DeviceState) -> None:
        self.device = device
        self.planned = state
        self.current = self.of(state)

    def of(self, state: DeviceState) -> Settings:
        """The settings that `state` comes to; raises ConfigurationError."""
        return read_settings(
            self.device.system,
            self._configuration(NUCLEUS, state),
            self.device.greendock,
            self._configuration(CLI, state),
            os.environ,
        )

    def replace(self, state: DeviceState) -> None:
        """Take over the settings of a committed state."""
        self.current = self.of(state)
        self.planned = state

    def plan(self, state: DeviceState) -> None:
        """`state` is about to be deployed; raises ConfigurationError when it can't work."""
        self.of(state)
        for name, component in state.components.items():
            own_pull_policy(name, to_plain(component.configuration))
        self.planned = state

    def _configuration(self, name: str, state: DeviceState) -> Mapping[str, Any]:
        deployed = state.components.get(name)
        if deployed is not None:
            plain: Mapping[str, Any] = to_plain(deployed.configuration)
            return plain
        return self.device.services.get(name, {})

    # -- lifecycle.ports.RunSettings

    @property
    def default_posix_user(self) -> str | None:
        return self.current.default_posix_user

    @property
    def posix_shell(self) -> str:
        return self.current.posix_shell

    @property
    def default_limits(self) -> ResourceLimits | None:
        memory_kb, cpus = self.current.default_memory_kb, self.current.default_cpus
        return None if memory_kb is None and cpus is None else ResourceLimits(memory_kb, cpus)

    @property
    def backoff_s(self) -> tuple[float, float]:
        return self.current.backoff_s

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

    def pull_policy(self, component: str) -> PullPolicy:
        """The component's own `greendock.docker.pullPolicy`, else the core's."""
        deployed = self.planned.components.get(component)
        own = to_plain(deployed.configuration) if deployed is not None else {}
        policy = own_pull_policy(component, own) if isinstance(own, Mapping) else None
        return PullPolicy(policy or self.current.docker.pull_policy or "")


def log_settings(settings: LoggingSettings) -> LogSettings:
    """The logs' part of the settings, as the logs take it."""
    return LogSettings(
        level=settings.level,
        format=LogFormat(settings.format),
        file_size_bytes=settings.file_size_bytes,
        total_bytes=settings.total_bytes,
    )
