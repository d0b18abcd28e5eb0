"""The configuration of aws.greengrass.ShadowManager that counts for local shadows; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greendock.config.section import Section


@dataclass(frozen=True, slots=True)
class ShadowSettings:
    """Bytes of one shadow's state; requests in a second, for one thing and in total."""

    state_bytes: int = 8192
    requests_per_thing: float = 20
    requests_in_total: float = 200


def read_shadow_settings(configuration: Mapping[str, Any]) -> ShadowSettings:
    """Raises ConfigurationError."""
    keys = Section("aws.greengrass.ShadowManager configuration", configuration)
    rates = keys.section("rateLimits")
    return ShadowSettings(
        state_bytes=int(keys.number("shadowDocumentSizeLimitBytes", 8192, low=1, high=30_720)),
        requests_per_thing=rates.number(
            "maxLocalRequestsPerSecondPerThing", 20, low=1, high=1_000_000
        ),
        requests_in_total=rates.number("maxTotalLocalRequestsRate", 200, low=1, high=1_000_000),
    )
