"""What is in a bundle, as lines for people and as a JSON object; pure."""

from __future__ import annotations

from typing import Any

import msgspec

from greendock.bundle.index import BundleIndex, Component, Image
from greendock.cli.progress_state import size_text

_SHORT_ID = 12


def bundle_lines(file: str, size: int, index: BundleIndex) -> list[str]:
    """Without a word about checksums."""
    sizes = index.sizes()
    lines = [
        f"{file}: {size_text(size)}, made {index.created} by Greendock {index.greendock_version} "
        f"on {index.platform}",
        "deploys " + ", ".join(f"{name} {version}" for name, version in index.roots.items()),
    ]
    lines += [f"  component {_component_text(each, sizes)}" for each in index.components]
    lines += [f"  image {_image_text(each)}" for each in index.images]
    return lines


def bundle_object(file: str, size: int, index: BundleIndex) -> dict[str, Any]:
    """The object of `bundle create --json` and `bundle inspect --json`."""
    members = {member.name: member for member in index.members}
    plain: dict[str, Any] = msgspec.to_builtins(index)
    del plain["components"], plain["members"]
    return {
        "file": file,
        "size": size,
        **plain,
        "components": [
            {
                "componentName": component.name,
                "version": component.version,
                "recipe": component.recipe,
                "artifacts": [
                    {
                        "path": artifact.path,
                        "size": members[component.member(artifact)].size,
                        "sha256": members[component.member(artifact)].sha256,
                        "mode": f"{artifact.mode:04o}",
                    }
                    for artifact in component.artifacts
                ],
            }
            for component in index.components
        ],
        "members": [msgspec.to_builtins(member) for member in index.members],
    }


def digest_warning(image: Image) -> str | None:
    """What to know of an image that a recipe names by digest; None for others."""
    if not image.by_digest:
        return None
    return (
        f"warning: {image.reference} is named by its digest, which an image archive doesn't "
        f"carry: where the bundle is imported, the core knows the image by its id, but a script "
        "that runs it by digest doesn't find it"
    )


def _component_text(component: Component, sizes: dict[str, int]) -> str:
    text = f"{component.name} {component.version}"
    count = len(component.artifacts)
    if count:
        total = sum(sizes[component.member(artifact)] for artifact in component.artifacts)
        text += f", {count} {'file' if count == 1 else 'files'} of {size_text(total)}"
    return text


def _image_text(image: Image) -> str:
    short = image.image_id.removeprefix("sha256:")[:_SHORT_ID]
    return f"{image.reference}, id {short}, {size_text(image.size)}"
