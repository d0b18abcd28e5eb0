"""The device as the last deployment left it, with what was worked out for it then; plain data.

Held by the deployment service, replaced as a whole by a commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from greendock.deployment.device_state import DeviceState
from greendock.lifecycle.model import ComponentSpec
from greendock.recipe.model import Recipe


@dataclass(frozen=True, slots=True)
class Current:
    """`recipes` are those of `state`, parsed, so that no deployment has to parse them again."""

    state: DeviceState = field(default_factory=DeviceState)
    specs: Mapping[str, ComponentSpec] = field(default_factory=dict)
    recipes: Mapping[tuple[str, str], Recipe] = field(default_factory=dict)
