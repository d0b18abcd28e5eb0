"""The components that have a say in deployments, as the executor asks them; its port `Consent`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greendock.base.clock import Clock
from greendock.deployment.configuration_checks import ConfigurationChecks
from greendock.deployment.occasion import Occasion
from greendock.deployment.update_notices import UpdateNotices


class ComponentConsent:
    """`updates` and `checks` are where components subscribe and answer."""

    def __init__(self, clock: Clock) -> None:
        self.updates = UpdateNotices(clock)
        self.checks = ConfigurationChecks(clock)

    async def check(
        self, occasion: Occasion, configurations: Mapping[str, Mapping[str, Any]]
    ) -> None:
        await self.checks.check(occasion, configurations)

    async def announce(self, occasion: Occasion) -> None:
        await self.updates.announce(occasion)

    def finished(self, deployment_id: str) -> None:
        self.updates.finished(deployment_id)
