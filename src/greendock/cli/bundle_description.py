"""What a core says of itself for a bundle: the answers of its operations as data; pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from greendock.deployment.bundle_source import BundledComponent, BundleDescription, BundledImage


def read_description(answer: Mapping[str, Any]) -> BundleDescription:
    """The answer of `greendock#DescribeBundle`."""
    return BundleDescription(
        dict(answer["roots"]), tuple(_component(each) for each in answer["components"])
    )


def engine_host(status: Mapping[str, Any]) -> str | None:
    """The engine that the core uses, as `greendock#GetCoreStatus` tells it; None: its default."""
    address = (status.get("engine") or {}).get("address")
    return str(address) if address else None


def _component(members: Mapping[str, Any]) -> BundledComponent:
    return BundledComponent(
        members["componentName"],
        members["version"],
        members["recipe"],
        bool(members["recipeIsJson"]),
        Path(members["artifactFolder"]),
        tuple(BundledImage(x["uri"], x.get("imageId")) for x in members["images"]),
    )
