"""The labels of the machine that we run on. Refuses to decide what they match: `platform` does."""

from __future__ import annotations

from collections.abc import Mapping

from greendock.recipe.platform import labels_of


def device_labels(overrides: Mapping[str, object]) -> dict[str, str]:
    """os, architecture, on ARM architecture.detail, and `overrides` (`platformOverride`)."""
    import platform

    return labels_of(platform.system(), platform.machine(), overrides)
