"""Operations for bundles: what of this device one has to hold, and which images came from one.

The command line writes and reads the file itself; the core only tells what it knows.
"""

from __future__ import annotations

from typing import Any

from greendock.deployment.bundle_source import BundledComponent
from greendock.ipc.calls import Call, Handler, Members
from greendock.ipc.errors import service_error
from greendock.ipc.ports import BundledImageName, BundleImages, BundleSource
from greendock.ipc.rpc import EXTENSION_NAMESPACE


class BundleOperations:
    """Handlers over the bundle ports; a core may lack them."""

    def __init__(self, source: BundleSource | None, images: BundleImages | None) -> None:
        self._source = source
        self._images = images

    def handlers(self) -> dict[str, Handler]:
        return {
            f"{EXTENSION_NAMESPACE}DescribeBundle": self.describe,
            f"{EXTENSION_NAMESPACE}RegisterBundleImages": self.register,
        }

    def describe(self, call: Call) -> Members:
        if self._source is None:
            raise service_error("cannot describe a bundle: this core has no such service")
        found = self._source.describe(call.members.get("components", ()))
        return {
            "roots": dict(found.roots),
            "components": [_component(each) for each in found.components],
        }

    def register(self, call: Call) -> Members:
        if self._images is None:
            raise service_error("cannot register images: this core keeps no record of images")
        names = [
            BundledImageName(
                image["uri"],
                image["reference"],
                image["imageId"],
                image.get("digest"),
                bool(image.get("loaded", False)),
            )
            for image in call.members["images"]
        ]
        self._images.register(names)
        return {}


def _component(component: BundledComponent) -> dict[str, Any]:
    return {
        "componentName": component.name,
        "version": component.version,
        "recipe": component.recipe_text,
        "recipeIsJson": component.recipe_is_json,
        "artifactFolder": str(component.artifact_folder),
        "images": [
            {"uri": image.uri, **({"imageId": image.image_id} if image.image_id else {})}
            for image in component.images
        ],
    }
