"""Recipes that the benchmarks deploy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path


def write_recipe(folder: Path, name: str, *, run: str | None, images: Sequence[str] = ()) -> Path:
    """A recipe file in `folder`; it depends on the application manager where it has images."""
    recipe: dict[str, object] = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": "1.0.0",
        "Manifests": [
            {
                "Platform": {"os": "linux"},
                "Lifecycle": {"Run": run} if run else {},
                "Artifacts": [{"URI": f"docker:{image}"} for image in images],
            }
        ],
    }
    if images:
        recipe["ComponentDependencies"] = {
            "aws.greengrass.DockerApplicationManager": {"VersionRequirement": "~2.0.0"}
        }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(recipe))
    return path
