"""A deployment as the components that have a say in it are asked about it; plain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from greendock.deployment.record import ComponentWaiting


@dataclass(frozen=True, slots=True)
class Occasion:
    """`timeout_s` is for the whole question, however often it is repeated.

    `tell` gets those that are waited for, at each change; `warn` what should be remembered.
    """

    deployment_id: str
    timeout_s: float
    tell: Callable[[Sequence[ComponentWaiting]], None]
    warn: Callable[[str], None]
