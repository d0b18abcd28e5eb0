"""Turns a chosen recipe and configuration into what the lifecycle runs; pure.

A configuration is filled in before any lifecycle that reads it, so that a component never sees a
dependency's configuration half done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greendock.base.errors import DeploymentError
from greendock.base.paths import Paths
from greendock.config.token_exchange import allowed_components, service_port
from greendock.deployment.builtins import (
    DOCKER_APPLICATION_MANAGER,
    TOKEN_EXCHANGE_SERVICE,
    BuiltIn,
)
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


class Specs:
    """Makes the specs of one set of components; gathers `warnings` of what nothing could fill."""

    def __init__(self, chosen: Mapping[str, Chosen], device: Device) -> None:
        self.warnings: list[str] = []
        self._chosen = chosen
        self._device = device
        self._namespaces: dict[str, Namespace] = {}

    def of(self, name: str) -> ComponentSpec:
        """Raises ConfigurationError (a lifecycle that can't be run) and DeploymentError (a kind
        of component or step that this core doesn't run)."""
        item = self._chosen[name]
        own = self._namespace_of(name)
        if item.built_in is not None:
            return _built_in_spec(item, item.built_in, own)
        return self._recipe_spec(item, own)

    def all(self) -> dict[str, ComponentSpec]:
        """By name; raises as `of` does."""
        return {name: self.of(name) for name in self._chosen}

    def _namespace_of(self, name: str) -> Namespace:
        if name not in self._namespaces:
            self._namespaces[name] = _namespace(self._chosen[name], self._device, self.warnings)
        return self._namespaces[name]

    def _recipe_spec(self, item: Chosen, own: Namespace) -> ComponentSpec:
        recipe, manifest = item.recipe, item.manifest
        if recipe is None or manifest is None:
            raise _no_manifest(item)
        _require_runnable(recipe)
        direct = {
            dependency.component: self._namespace_of(dependency.component)
            for dependency in recipe.dependencies
            if dependency.component in self._chosen
        }
        lifecycle, unresolved = interpolate(
            effective_lifecycle(recipe, manifest),
            own,
            direct,
            self._device.paths.root,
            self._device.thing_name,
        )
        self.warnings += [_unfilled(item, text, "lifecycle") for text in unresolved]
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
        restart_id=_restart_id(item.name, namespace.configuration),
        resident=built_in.resident,
        built_in=True,
    )


def _restart_id(name: str, configuration: Mapping[str, Any]) -> str:
    """Raises ConfigurationError for what the built-in can't use."""
    if name != TOKEN_EXCHANGE_SERVICE:
        return ""
    allowed_components(configuration)
    return str(service_port(configuration))


def _no_manifest(item: Chosen) -> DeploymentError:
    return DeploymentError(
        f"cannot deploy {item.name} {item.version}: no manifest of its recipe is for this device",
        codes=("NO_AVAILABLE_COMPONENT_VERSION", "LOCAL_RECIPE_NOT_FOUND"),
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
