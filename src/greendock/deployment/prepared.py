"""What preparing a deployment came to: everything is on the device, nothing is changed yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from greendock.artifacts.model import Staged
from greendock.docker.model import EnsuredImage


@dataclass(frozen=True, slots=True)
class Prepared:
    """`images`: those of the plan in its order, then those of archives, then those that compose
    files name. `staged` by component."""

    images: tuple[EnsuredImage, ...] = ()
    staged: Mapping[str, Staged] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
