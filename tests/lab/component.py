"""A component as tests write it down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Component:
    """A recipe with one manifest. `files` are its artifacts by name; `dependencies` by type."""

    name: str
    lifecycle: Mapping[str, Any]
    version: str = "1.0.0"
    dependencies: Mapping[str, str] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Sequence[Mapping[str, Any]] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """As `greendock deploy` takes it: `recipes/` and `artifacts/NAME/VERSION/`."""
        recipe = {
            "RecipeFormatVersion": "2020-01-25",
            "ComponentName": self.name,
            "ComponentVersion": self.version,
            "ComponentConfiguration": {"DefaultConfiguration": self.configuration},
            "ComponentDependencies": {
                name: {"VersionRequirement": ">=0.0.0", "DependencyType": kind}
                for name, kind in self.dependencies.items()
            },
            "Manifests": [{"Lifecycle": self.lifecycle, "Artifacts": list(self.artifacts)}],
        }
        recipes = folder / "recipes"
        recipes.mkdir(parents=True, exist_ok=True)
        (recipes / f"{self.name}-{self.version}.json").write_text(json.dumps(recipe))
        for name, content in self.files.items():
            path = folder / "artifacts" / self.name / self.version / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
