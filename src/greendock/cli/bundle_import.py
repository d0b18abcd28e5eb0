"""`greendock bundle import`: checks a bundle, loads its images, deploys its components.

In this order, each only when the one before is done: every checksum, platform and space; images
into the engine; the deployment, as `greendock deploy` does it. No registry is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greendock.bundle.index import IMAGES, BundleIndex, Image
from greendock.bundle.reader import BundleFile
from greendock.cli.bundle_description import engine_host
from greendock.cli.bundle_extract import Extracted, extract, require_space
from greendock.cli.bundle_images import (
    engine_at,
    load_images,
    missing_images,
    name_images,
    wrong_platforms,
)
from greendock.cli.bundle_inspect import verify
from greendock.cli.bundle_text import digest_warning
from greendock.cli.client import Client
from greendock.cli.errors import EXIT_FAILED, ArgumentsError, CliError
from greendock.cli.follow import follow_deployment
from greendock.cli.output import say, say_json, warn
from greendock.docker.engine.image_store import ImageStore
from greendock.recipe.device import device_labels

_LOADING_TAKES = 2
"""The engine unpacks the archive beside its store first, then into it."""
_OVER = (0, EXIT_FAILED)
"""How following ends when the deployment is over."""


@dataclass(frozen=True, slots=True)
class Import:
    """What was asked for. `request`: members of CreateLocalDeployment from the options."""

    root: str
    file: str
    request: dict[str, Any]
    deploys: bool = True
    waits: bool = True
    timeout_s: float | None = None
    force: bool = False
    as_json: bool = False


def run_import(wanted: Import) -> int:
    """The exit code says how the deployment ended. Raises what keeps it from being started."""
    with BundleFile(Path(wanted.file).expanduser()) as bundle:
        request = deployment_request(bundle.index, wanted.request)
        with Client(wanted.root) as client:
            host = engine_host(client.call("greendock#GetCoreStatus"))
        verify(bundle)
        require_platform(bundle, force=wanted.force)
        images: Sequence[Image] = ()
        loaded: list[str] = []
        if bundle.index.images:
            images, loaded = asyncio.run(_bring_images(bundle, host, force=wanted.force))
        _tell_images(images, loaded, wanted)
        with Client(wanted.root) as client:
            _register(client, images, loaded)
            if wanted.deploys:
                return _deploy(client, extract(bundle, wanted.root), request, wanted)
    if wanted.as_json:
        names = [image.reference for image in images]
        say_json({"file": wanted.file, "images": names, "loaded": loaded})
    return 0


def deployment_request(index: BundleIndex, options: dict[str, Any]) -> dict[str, Any]:
    """The options of the command with the bundle's roots. Raises ArgumentsError."""
    merge = options.get("rootComponentVersionsToAdd", {})
    for name, version in index.roots.items():
        if merge.get(name, version) != version:
            raise ArgumentsError(
                f"cannot deploy {name} {merge[name]}: the bundle has version {version}"
            )
    both = sorted(set(index.roots) & set(options.get("rootComponentsToRemove", ())))
    if both:
        raise ArgumentsError(f"cannot both deploy and remove {', '.join(both)}")
    return {
        "failureHandlingPolicy": "ROLLBACK",
        **options,
        "rootComponentVersionsToAdd": {**merge, **index.roots},
        "offline": True,
    }


def require_platform(bundle: BundleFile, *, force: bool) -> None:
    """Raises CliError when this device is another one than that of the bundle."""
    labels = device_labels({})
    here = f"{labels['os']}/{labels['architecture']}"
    if here == str(bundle.index.platform):
        return
    text = f"{bundle.path} was made on {bundle.index.platform}, this device is {here}"
    if not force:
        raise CliError(
            f"cannot import: {text}",
            hint="make the bundle on a device of this kind, or use --force",
        )
    warn(f"warning: {text}")


async def _bring_images(
    bundle: BundleFile, host: str | None, *, force: bool
) -> tuple[Sequence[Image], list[str]]:
    """Have all images on the device: these, with their ids here, and which had to be loaded."""
    images: Sequence[Image] = bundle.index.images
    async with engine_at(host) as engine:
        store, info = ImageStore(engine), await engine.info()
        wrong = wrong_platforms(images, info)
        if wrong and not force:
            raise CliError(
                f"cannot import: the engine runs {info.os}/{info.architecture}, but not "
                + ", ".join(wrong),
                codes=("ARTIFACT_DOWNLOAD_ERROR", "DOCKER_ERROR", "DOCKER_IMAGE_NOT_VALID"),
                hint="use --force when the engine's machine can emulate it",
            )
        missing = await missing_images(store, images)
        if missing:
            if engine.address.socket_path is not None:
                needed = bundle.index.sizes()[IMAGES] * _LOADING_TAKES
                require_space(info.data_root, needed, "the images of the bundle")
            images = await load_images(store, bundle)
        await name_images(store, images)
    return images, [image.reference for image in missing]


def _tell_images(images: Sequence[Image], loaded: Sequence[str], wanted: Import) -> None:
    for text in filter(None, map(digest_warning, images)):
        warn(text)
    if wanted.as_json:
        return
    for image in images:
        how = "loaded" if image.reference in loaded else "was here already"
        say(f"image {image.reference}: {how}")


def _register(client: Client, images: Sequence[Image], loaded: Sequence[str]) -> None:
    """Tell the core which images are whose; it can do without, and says so where it can't."""
    if not images:
        return
    members = [
        {
            "uri": image.uri,
            "reference": image.reference,
            "imageId": image.image_id,
            "loaded": image.reference in loaded,
            **({"digest": image.digest} if image.digest else {}),
        }
        for image in images
    ]
    try:
        client.call("greendock#RegisterBundleImages", {"images": members})
    except CliError as error:
        warn(f"warning: {error.message}")


def _deploy(client: Client, extracted: Extracted, request: dict[str, Any], wanted: Import) -> int:
    request["recipePaths"] = [str(extracted.recipes)]
    request["artifactFolders"] = [str(extracted.artifacts)]
    try:
        created = client.call("CreateLocalDeployment", request)["deploymentId"]
    except BaseException:
        extracted.remove()
        raise
    if wanted.waits:
        code = follow_deployment(
            client, created, timeout_s=wanted.timeout_s, as_json=wanted.as_json
        )
        if code in _OVER:
            extracted.remove()
        else:
            warn(_keep_text(extracted))
        return code
    if wanted.as_json:
        say_json({"deploymentId": created, "folder": str(extracted.folder)})
    else:
        say(f"Local deployment submitted! Deployment Id: {created}")
        warn(_keep_text(extracted))
    return 0


def _keep_text(extracted: Extracted) -> str:
    return f"the core reads {extracted.folder}; remove it when the deployment is over"
