"""What components use over IPC that is neither a deployment nor another component.

Local topics, MQTT, shadows, secrets, a say in deployments, what the system asks. Builds each of
them once and ends them; decides nothing. Used by core.py.
"""

from __future__ import annotations

import asyncio

from greendock.base.clock import Clock
from greendock.base.events import Bus
from greendock.base.paths import Paths
from greendock.daemon.core_settings import CoreSettings
from greendock.daemon.iot_core import open_iot_core
from greendock.daemon.outside import Outside
from greendock.daemon.stores import open_secrets, open_shadows
from greendock.deployment.consent import ComponentConsent
from greendock.ipc.pubsub.broker import LocalPubSub


class Services:
    """One per core."""

    def __init__(
        self, paths: Paths, settings: CoreSettings, outside: Outside, bus: Bus, clock: Clock
    ) -> None:
        self.pubsub = LocalPubSub()
        self.consent = ComponentConsent(clock)
        self.shadows = open_shadows(paths, clock, settings, self.pubsub)
        self.secrets = open_secrets(settings, outside, clock)
        self.iot_core = open_iot_core(settings, outside, bus)

    async def close(self) -> None:
        """Nobody uses them any more. What fails to end does not keep the others from it."""
        ended = await asyncio.gather(
            self.shadows.close(), self.iot_core.close(), return_exceptions=True
        )
        failures = [error for error in ended if isinstance(error, Exception)]
        if failures:
            raise ExceptionGroup("services of components", failures)
