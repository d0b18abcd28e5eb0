"""What a deployment will do, decided before it does anything; pure.

From the device's state, the request and the local recipes it computes the wanted set of
components, their configuration, and what has to be fetched. Doing it is prepare.py's and
apply.py's.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greendock.artifacts.staging import ComponentFiles
from greendock.base.errors import DeploymentError, UsageError
from greendock.config.tree import Node, to_plain, updated
from greendock.deployment.builtins import (
    DOCKER_APPLICATION_MANAGER,
    NUCLEUS,
    TOKEN_EXCHANGE_SERVICE,
    BuiltIn,
)
from greendock.deployment.catalogue import LocalCatalogue
from greendock.deployment.device_state import DeployedComponent, DeviceState
from greendock.deployment.document import LOCAL_GROUP, ConfigurationUpdate, LocalRequest
from greendock.deployment.library import RecipeLibrary
from greendock.deployment.resolver import Requirement, resolve
from greendock.deployment.target import Chosen, Device, component_specs
from greendock.docker.model import ImageRequest
from greendock.docker.reference import parse_artifact_uri
from greendock.docker.registry_kind import RegistryKind
from greendock.lifecycle.model import ComponentSpec, RunWith
from greendock.recipe.model import Recipe
from greendock.recipe.parse import parse_text
from greendock.recipe.platform import choose_manifest


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What planning needs to know of this core. `defaults`: initial configuration of built-ins."""

    device: Device
    labels: Mapping[str, str]
    built_ins: Mapping[str, BuiltIn]
    defaults: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """The wanted state and the way there. `recipes` go to the library when it is committed."""

    state: DeviceState
    specs: Mapping[str, ComponentSpec]
    removed: tuple[str, ...]
    images: tuple[ImageRequest, ...]
    files: tuple[ComponentFiles, ...]
    recipes: tuple[Recipe, ...]
    warnings: tuple[str, ...] = field(default=())


def make_plan(
    state: DeviceState,
    request: LocalRequest,
    incoming: Mapping[tuple[str, str], Recipe],
    surroundings: Surroundings,
    timestamp_ms: int,
) -> Plan:
    """Raises ResolutionError, DeploymentError, RecipeError, ConfigurationError, UsageError."""
    warnings: list[str] = []
    roots = _new_roots(state, request, warnings)
    library = RecipeLibrary(
        surroundings.device.paths,
        incoming,
        {
            (c.name, c.version): (c.recipe_text, c.recipe_is_json)
            for c in state.components.values()
        },
    )
    running = {name: component.version for name, component in state.components.items()}
    catalogue = LocalCatalogue(library, surroundings.built_ins, running, surroundings.labels)
    versions = resolve(_requirements(roots, surroundings.built_ins), catalogue)
    group_roots = roots.get(request.group, {})
    deployed = {}
    for name, version in versions.items():
        recipe = None if name in surroundings.built_ins else library.recipe(name, version)
        defaults = recipe.default_configuration if recipe else surroundings.defaults.get(name, {})
        old = state.components.get(name)
        update = request.configuration.get(name) if name in group_roots else None
        configuration = _configuration(name, old, defaults, update, timestamp_ms, warnings)
        run_with = request.run_with.get(name) if name in group_roots else None
        deployed[name] = _deployed(version, recipe, name, old, configuration, run_with)
    wanted = DeviceState(deployed, roots)
    _warn_of_ignored(request, group_roots, warnings)
    chosen = choose(wanted, surroundings, library)
    specs, unfilled = component_specs(chosen, device_after(surroundings.device, wanted))
    return Plan(
        state=wanted,
        specs=specs,
        removed=tuple(n for n in state.components if n not in deployed),
        images=_images(chosen, warnings),
        files=_files(chosen, request),
        recipes=tuple(incoming.values()),
        warnings=(*warnings, *unfilled),
    )


def choose(
    state: DeviceState, surroundings: Surroundings, library: RecipeLibrary | None
) -> dict[str, Chosen]:
    """The components of a state with their recipes; recipes come from the state's own text.

    `library` gives already parsed recipes of the same text, to not parse them twice.
    """
    chosen = {}
    for name, component in {**_always(surroundings), **state.components}.items():
        configuration = to_plain(component.configuration)
        built_in = surroundings.built_ins.get(name)
        if built_in is not None:
            chosen[name] = Chosen(
                name, built_in.version, configuration, component.run_with, built_in=built_in
            )
            continue
        recipe = _recipe_of(component, library)
        chosen[name] = Chosen(
            name,
            component.version,
            configuration,
            component.run_with,
            component.content_id,
            recipe,
            choose_manifest(recipe, surroundings.labels),
        )
    return chosen


def _always(surroundings: Surroundings) -> dict[str, DeployedComponent]:
    return {
        name: DeployedComponent(
            name,
            built_in.version,
            None,
            "",
            False,
            updated(
                None,
                surroundings.defaults.get(name, {}),
                merge_value=None,
                reset=(),
                timestamp_ms=0,
            )[0],
            RunWith(),
            "",
        )
        for name, built_in in surroundings.built_ins.items()
        if built_in.always
    }


def _recipe_of(component: DeployedComponent, library: RecipeLibrary | None) -> Recipe:
    if library is not None and component.version in library.versions(component.name):
        recipe = library.recipe(component.name, component.version)
        if recipe.text == component.recipe_text:
            return recipe
    return parse_text(
        component.recipe_text.encode(),
        Path(f"{component.name}-{component.version}"),
        is_json=component.recipe_is_json,
    )


def _new_roots(
    state: DeviceState, request: LocalRequest, warnings: list[str]
) -> dict[str, dict[str, str]]:
    roots = {group: dict(components) for group, components in state.roots.items()}
    group = roots.setdefault(request.group, {})
    for name in request.remove:
        if name in group:
            del group[name]
            continue
        near = difflib.get_close_matches(name, group, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        warnings.append(
            f"{name} is not a root component of {request.group}: nothing to remove{hint}"
        )
    group |= dict(request.merge)
    if not group:
        del roots[request.group]
    both = set(request.merge) & set(request.remove)
    if both:
        raise UsageError(f"cannot both merge and remove {', '.join(sorted(both))}")
    return roots


def _requirements(
    roots: Mapping[str, Mapping[str, str]], built_ins: Mapping[str, BuiltIn]
) -> list[Requirement]:
    names = {LOCAL_GROUP: "the local deployment"}
    return [
        Requirement(name, f"={version}", names.get(group, group))
        for group, components in roots.items()
        for name, version in components.items()
    ]


def _configuration(
    name: str,
    old: DeployedComponent | None,
    defaults: Mapping[str, Any],
    update: ConfigurationUpdate | None,
    timestamp_ms: int,
    warnings: list[str],
) -> Node:
    try:
        configuration, kept = updated(
            old.configuration if old else None,
            defaults,
            merge_value=update.merge if update else None,
            reset=update.reset if update else (),
            timestamp_ms=timestamp_ms,
        )
    except ValueError as error:
        raise UsageError(f"cannot reset configuration of {name}: {error}") from error
    warnings += [f"{name}: a newer value on the device was kept at {at or '/'}" for at in kept]
    return configuration


def _deployed(
    version: str,
    recipe: Recipe | None,
    name: str,
    old: DeployedComponent | None,
    configuration: Node,
    run_with: RunWith | None,
) -> DeployedComponent:
    previous = None
    if old is not None:
        previous = old.previous_version if old.version == version else old.version
    return DeployedComponent(
        name=name,
        version=version,
        previous_version=previous,
        recipe_text=recipe.text if recipe else "",
        recipe_is_json=recipe.is_json if recipe else False,
        configuration=configuration,
        run_with=run_with or (old.run_with if old else RunWith()),
        content_id=old.content_id if old is not None and old.version == version else "",
    )


def device_after(device: Device, state: DeviceState) -> Device:
    """The device as `state` leaves it: a deployment may switch interpolation on for itself."""
    nucleus = state.components.get(NUCLEUS)
    if nucleus is None:
        return device
    keys = {str(k).lower(): v for k, v in to_plain(nucleus.configuration).items()}
    value = keys.get("interpolatecomponentconfiguration", False)
    return Device(device.paths, device.thing_name, value is True or str(value).lower() == "true")


def _warn_of_ignored(request: LocalRequest, roots: Mapping[str, str], warnings: list[str]) -> None:
    for what, names in (
        ("configuration", request.configuration.keys()),
        ("runWith", request.run_with.keys()),
    ):
        warnings += [
            f"the {what} update of {name} is ignored: it is not a root component of this "
            "deployment; add it to --merge"
            for name in names
            if name not in roots
        ]


def _images(chosen: Mapping[str, Chosen], warnings: list[str]) -> tuple[ImageRequest, ...]:
    needed: dict[str, list[str]] = {}
    for item in _with_manifest(chosen.values()):
        for artifact in item.manifest.artifacts if item.manifest else ():
            if artifact.scheme != "docker":
                continue
            who = f"{item.name} {item.version}"
            reference = parse_artifact_uri(artifact.uri)
            needed.setdefault(artifact.uri, []).append(who)
            warnings += _missing_built_ins(who, reference.kind, chosen)
    return tuple(ImageRequest(uri, tuple(who)) for uri, who in needed.items())


def _missing_built_ins(who: str, kind: RegistryKind, chosen: Mapping[str, Chosen]) -> list[str]:
    """Greengrass refuses such recipes; here the images are had all the same."""
    missing = []
    if DOCKER_APPLICATION_MANAGER not in chosen:
        missing.append(DOCKER_APPLICATION_MANAGER)
    if kind is RegistryKind.ECR_PRIVATE and TOKEN_EXCHANGE_SERVICE not in chosen:
        missing.append(TOKEN_EXCHANGE_SERVICE)
    return [
        f"{who} has a docker artifact but nothing depends on {name}: AWS IoT Greengrass would "
        "refuse this recipe; add it to ComponentDependencies"
        for name in missing
    ]


def _files(chosen: Mapping[str, Chosen], request: LocalRequest) -> tuple[ComponentFiles, ...]:
    return tuple(
        ComponentFiles(
            item.name,
            item.version,
            tuple(a for a in item.manifest.artifacts if a.scheme != "docker")
            if item.manifest
            else (),
            request.artifact_folders,
        )
        for item in _with_manifest(chosen.values())
    )


def _with_manifest(chosen: Iterable[Chosen]) -> list[Chosen]:
    found = []
    for item in chosen:
        if item.recipe is None:
            continue
        if item.manifest is None:
            raise DeploymentError(
                f"cannot deploy {item.name} {item.version}: no manifest of its recipe is for this "
                "device",
                codes=("NO_AVAILABLE_COMPONENT_VERSION", "LOCAL_RECIPE_NOT_FOUND"),
            )
        found.append(item)
    return found
