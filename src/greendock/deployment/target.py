"""Turns a chosen recipe and configuration into what the lifecycle runs; pure.

All configurations are interpolated before any lifecycle, so that a component never sees a
dependency's configuration half done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greendock.base.errors import DeploymentError
from greendock.base.paths import Paths
from greendock.deployment.builtins import DOCKER_APPLICATION_MANAGER, BuiltIn
from greendock.lifecycle.model import ComponentSpec, RunWith
from greendock.recipe.interpolate import Namespace, interpolate
from greendock.recipe.model import Manifest, Recipe, Steps
from greendock.recipe.selections import effective_lifecycle
from greendock.recipe.steps import read_steps


@dataclass(frozen=True, slots=True)
class Chosen:
    """One component of the wanted set. Exactly one of `recipe` and `built_in` is there."""

    name: str
    version: str
    configuration: Mapping[str, Any]
    run_with: RunWith
    content_id: str = ""
    recipe: Recipe | None = None
    manifest: Manifest | None = None
    built_in: BuiltIn | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """What recipe variables of this device come to."""

    paths: Paths
    thing_name: str
    interpolate_configuration: bool


def component_specs(
    chosen: Mapping[str, Chosen], device: Device
) -> tuple[dict[str, ComponentSpec], list[str]]:
    """Specs by name, and warnings about placeholders that nothing could fill.

    Raises ConfigurationError (a lifecycle that can't be run) and DeploymentError (a kind of
    component or step that this core doesn't run).
    """
    warnings: list[str] = []
    namespaces: dict[str, Namespace] = {}
    for item in chosen.values():
        namespaces[item.name] = _namespace(item, device, warnings)
    specs = {}
    for item in chosen.values():
        if item.built_in is not None:
            specs[item.name] = _built_in_spec(item, item.built_in, namespaces[item.name])
        else:
            specs[item.name] = _recipe_spec(item, device, namespaces, warnings)
    return specs, warnings


def _namespace(item: Chosen, device: Device, warnings: list[str]) -> Namespace:
    paths = device.paths
    configuration: Any = dict(item.configuration)
    namespace = Namespace(
        artifacts_path=paths.artifact_folder(item.name, item.version),
        decompressed_path=paths.unarchived_folder(item.name, item.version),
        work_path=paths.work_folder(item.name),
        configuration=configuration,
    )
    if not device.interpolate_configuration or item.built_in is not None:
        return namespace
    filled, unresolved = interpolate(
        configuration,
        namespace,
        {},
        paths.root,
        device.thing_name,
        in_configuration=True,
    )
    warnings += [_unfilled(item, text, "configuration") for text in unresolved]
    return Namespace(
        namespace.artifacts_path, namespace.decompressed_path, namespace.work_path, filled
    )


def _built_in_spec(item: Chosen, built_in: BuiltIn, namespace: Namespace) -> ComponentSpec:
    return ComponentSpec(
        name=item.name,
        version=item.version,
        configuration=namespace.configuration,
        resident=built_in.resident,
    )


def _recipe_spec(
    item: Chosen, device: Device, namespaces: Mapping[str, Namespace], warnings: list[str]
) -> ComponentSpec:
    recipe, manifest = item.recipe, item.manifest
    if recipe is None or manifest is None:
        raise ValueError(f"{item.name} has neither a recipe nor a built-in")
    _require_runnable(recipe)
    direct = {
        dependency.component: namespaces[dependency.component]
        for dependency in recipe.dependencies
        if dependency.component in namespaces
    }
    own = namespaces[item.name]
    lifecycle, unresolved = interpolate(
        effective_lifecycle(recipe, manifest),
        own,
        direct,
        device.paths.root,
        device.thing_name,
    )
    warnings += [_unfilled(item, text, "lifecycle") for text in unresolved]
    steps = read_steps(lifecycle, f"{item.name} {item.version}")
    _require_no_bootstrap(item, steps)
    dependencies = {d.component: d.type for d in recipe.dependencies}
    return ComponentSpec(
        name=item.name,
        version=item.version,
        steps=steps,
        dependencies=dependencies,
        run_with=item.run_with,
        configuration=own.configuration,
        content_id=item.content_id,
        uses_docker=DOCKER_APPLICATION_MANAGER in dependencies
        or any(artifact.scheme == "docker" for artifact in manifest.artifacts),
    )


def _require_no_bootstrap(item: Chosen, steps: Steps) -> None:
    if steps.bootstrap is not None:
        raise DeploymentError(
            f"cannot deploy {item.name} {item.version}: its lifecycle has a bootstrap step, which "
            "this core does not run",
            codes=("COMPONENT_BOOTSTRAP_ERROR",),
            hint="move the step to install",
        )


def _require_runnable(recipe: Recipe) -> None:
    if recipe.type.lower() != "aws.greengrass.generic":
        raise DeploymentError(
            f"cannot deploy {recipe.name} {recipe.version}: components of type {recipe.type} need "
            "the Java or Lambda runtime of another core",
            codes=("COMPONENT_LOAD_FAILURE",),
        )


def _unfilled(item: Chosen, placeholder: str, where: str) -> str:
    who = f"{item.name} {item.version}"
    return f"{who}: {placeholder} in its {where} names nothing and stays as it is"
