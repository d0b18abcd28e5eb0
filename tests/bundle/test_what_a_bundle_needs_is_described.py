"""A bundle holds the roots, or the named components, with all that they depend on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from greendock.base.errors import UsageError
from greendock.base.paths import Paths
from greendock.config.tree import updated
from greendock.deployment.builtins import built_ins
from greendock.deployment.bundle_source import BundledImage, DeployedBundle
from greendock.deployment.chosen import Surroundings
from greendock.deployment.current import Current
from greendock.deployment.device_state import DeployedComponent, DeviceState
from greendock.deployment.target import Device
from greendock.ipc.calls import Call
from greendock.ipc.errors import OperationError
from greendock.ipc.operations.bundle import BundleOperations
from greendock.ipc.ports import BundledImageName
from greendock.lifecycle.model import RunWith

DOCKER = "aws.greengrass.DockerApplicationManager"
PATHS = Paths(Path("/greengrass/v2"))
NO_CONFIGURATION, _ = updated(None, {}, merge_value=None, reset=(), timestamp_ms=0)


def deployed(name: str, *needs: str, manifests: Any = None) -> DeployedComponent:
    recipe = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": "1.0.0",
        "ComponentDependencies": {x: {"VersionRequirement": ">=0.0.0"} for x in needs},
        "Manifests": manifests or [{"Lifecycle": {"Run": "true"}}],
    }
    text = "" if name == DOCKER else json.dumps(recipe)
    return DeployedComponent(
        name, "1.0.0", None, text, True, NO_CONFIGURATION, RunWith(), "content"
    )


def source(
    *components: DeployedComponent, roots: dict[str, list[str]], ids: Any = None
) -> DeployedBundle:
    state = DeviceState(
        {component.name: component for component in components},
        {group: dict.fromkeys(names, "1.0.0") for group, names in roots.items()},
    )
    surroundings = Surroundings(
        Device(PATHS, "thing", False),
        {"os": "linux", "architecture": "amd64"},
        built_ins("2.12.0"),
        {},
    )
    return DeployedBundle(
        PATHS, lambda: Current(state), lambda: surroundings, ids or (lambda *_: {})
    )


def names(bundle: DeployedBundle, *wanted: str) -> tuple[list[str], list[str]]:
    found = bundle.describe(wanted)
    return sorted(found.roots), [component.name for component in found.components]


@pytest.fixture
def device() -> DeployedBundle:
    return source(
        deployed("a", "b", "gone", DOCKER),
        deployed("b", "c"),
        deployed("c", "b"),
        deployed("d", "c"),
        deployed(DOCKER),
        roots={"LOCAL_DEPLOYMENT": ["a", DOCKER], "thinggroup/x": ["d"]},
    )


def test_all_roots_of_all_groups_without_built_ins(device):
    assert names(device) == (["a", "d"], ["a", "b", "c", "d"])


@pytest.mark.parametrize(
    ("wanted", "components"), [("a", ["a", "b", "c"]), ("b", ["b", "c"]), ("d", ["b", "c", "d"])]
)
def test_a_named_component_comes_with_what_it_needs(device, wanted, components):
    assert names(device, wanted, wanted) == ([wanted], components)


@pytest.mark.parametrize("unknown", ["gone", "nothing", DOCKER, "aws.greengrass.Nucleus"])
def test_what_is_not_deployed_is_named(device, unknown):
    with pytest.raises(UsageError, match=f"cannot describe {unknown} "):
        device.describe(["a", unknown])


def test_a_device_with_built_ins_only_has_nothing():
    bundle = source(deployed(DOCKER), roots={"LOCAL_DEPLOYMENT": [DOCKER]})
    with pytest.raises(UsageError, match="nothing is deployed"):
        bundle.describe([])


def test_images_are_those_of_the_manifest_for_this_device():
    manifests = [
        {"Platform": {"os": "windows"}, "Artifacts": [{"URI": "docker:other"}]},
        {
            "Platform": {"os": "linux"},
            "Lifecycle": {"Run": "true"},
            "Artifacts": [
                {"URI": "docker:one:1"},
                {"URI": "docker:two"},
                {"URI": "s3://bucket/file"},
                {"URI": "s3://bucket/loaded.tar"},
                {"URI": "docker:one:1"},
            ],
        },
    ]
    bundle = source(
        deployed("a", manifests=manifests),
        roots={"LOCAL_DEPLOYMENT": ["a"]},
        ids=lambda name, version: {
            "docker:two": f"sha256:{name}{version}",
            "s3://bucket/loaded.tar": "sha256:loaded",
            "docker:of-another-manifest": "sha256:other",
        },
    )
    [component] = bundle.describe([]).components
    assert component.images == (
        BundledImage("docker:one:1", None),
        BundledImage("docker:two", "sha256:a1.0.0"),
        BundledImage("s3://bucket/loaded.tar", "sha256:loaded"),
    )
    assert component.artifact_folder == PATHS.artifact_folder("a", "1.0.0")


def test_the_operation_tells_it_all():
    bundle = source(deployed("a"), roots={"LOCAL_DEPLOYMENT": ["a"]})
    answer = BundleOperations(bundle, None).describe(Call("cli", {}))
    [component] = answer["components"]
    assert answer["roots"] == {"a": "1.0.0"}
    assert json.loads(component.pop("recipe"))["ComponentName"] == "a"
    assert component == {
        "componentName": "a",
        "version": "1.0.0",
        "recipeIsJson": True,
        "artifactFolder": "/greengrass/v2/packages/artifacts/a/1.0.0",
        "images": [],
    }


def test_a_core_without_the_services_says_so():
    operations = BundleOperations(None, None)
    with pytest.raises(OperationError, match="has no such service"):
        operations.describe(Call("cli", {}))
    with pytest.raises(OperationError, match="keeps no record"):
        operations.register(Call("cli", {"images": []}))


def test_images_of_a_bundle_are_registered():
    class Images:
        def register(self, images: Any) -> None:
            self.images = images

    images = Images()
    image = {"uri": "docker:a@sha256:0", "reference": "a", "imageId": "sha256:1"}
    members = {"images": [image, {**image, "digest": "sha256:0", "loaded": True}]}
    assert BundleOperations(None, images).register(Call("cli", members)) == {}
    assert images.images == [
        BundledImageName("docker:a@sha256:0", "a", "sha256:1", None, is_loaded=False),
        BundledImageName("docker:a@sha256:0", "a", "sha256:1", "sha256:0", is_loaded=True),
    ]
