"""`loadArchives` of a component says which of its files are image archives."""

from __future__ import annotations

from typing import Any

import pytest

from greendock.base.errors import ConfigurationError
from greendock.deployment.document import LocalRequest
from greendock.deployment.needs import needed_files
from greendock.deployment.target import Chosen
from greendock.lifecycle.model import RunWith
from greendock.recipe.model import Artifact, Manifest, Recipe

ARTIFACTS = tuple(
    map(Artifact, ("s3://bucket/image.tar", "greengrass:X/app.py", "docker:nginx:latest"))
)


def archives(load: Any) -> tuple[str, ...]:
    manifest = Manifest(artifacts=ARTIFACTS)
    configuration = {"greendock": {"docker": {"loadArchives": load}}}
    recipe = Recipe("app", "1.0.0", (manifest,))
    chosen = Chosen("app", "1.0.0", configuration, RunWith(), recipe=recipe, manifest=manifest)
    return needed_files({"app": chosen}, LocalRequest())[0].archives


@pytest.mark.parametrize(
    ("load", "named"),
    [
        (None, ()),
        ([], ()),
        ("image.tar", ("image.tar",)),
        (["image.tar", "app.py", "image.tar"], ("image.tar", "app.py")),
    ],
)
def test_files_of_the_recipe_are_taken(load: Any, named: tuple[str, ...]) -> None:
    assert archives(load) == named


@pytest.mark.parametrize(
    "load", [["other.tar"], ["nginx:latest"], ["../image.tar"], [3], {"a": 1}]
)
def test_anything_else_is_refused_with_the_key(load: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        archives(load)
    assert "docker.loadArchives" in caught.value.message
