"""What a deployment will do, decided before it does anything; pure.

From the device's state, the request and the local recipes it computes the wanted set of
components, their configuration, and what has to be fetched. Doing it is prepare.py's and
apply.py's.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greendock.artifacts.staging import ComponentFiles
from greendock.base.errors import UsageError
from greendock.config.tree import Node, to_plain, updated
from greendock.deployment.builtins import NUCLEUS, BuiltIn
from greendock.deployment.catalogue import LocalCatalogue
from greendock.deployment.chosen import Surroundings, choose
from greendock.deployment.device_state import DeployedComponent, DeviceState
from greendock.deployment.document import LOCAL_GROUP, ConfigurationUpdate, LocalRequest
from greendock.deployment.library import RecipeLibrary
from greendock.deployment.needs import needed_files, needed_images
from greendock.deployment.resolver import Requirement, resolve
from greendock.deployment.target import Device, component_specs
from greendock.docker.model import ImageRequest
from greendock.lifecycle.model import ComponentSpec, RunWith
from greendock.recipe.model import Recipe


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
    _warn_of_ignored(request, roots.get(request.group, {}), warnings)
    library = _library(state, incoming, surroundings)
    running = {name: component.version for name, component in state.components.items()}
    catalogue = LocalCatalogue(library, surroundings.built_ins, running, surroundings.labels)
    versions = resolve(_requirements(roots, surroundings.built_ins), catalogue)
    deployed = {}
    for name, version in versions.items():
        recipe = None if name in surroundings.built_ins else library.recipe(name, version)
        defaults = recipe.default_configuration if recipe else surroundings.defaults.get(name, {})
        old = state.components.get(name)
        is_root = name in roots.get(request.group, {})
        update = request.configuration.get(name) if is_root else None
        configuration = _configuration(name, old, defaults, update, timestamp_ms, warnings)
        run_with = request.run_with.get(name) if is_root else None
        deployed[name] = _deployed(version, recipe, name, old, configuration, run_with)
    wanted = DeviceState(deployed, roots)
    chosen = choose(wanted, surroundings, library)
    specs, unfilled = component_specs(chosen, device_after(surroundings.device, wanted))
    return Plan(
        state=wanted,
        specs=specs,
        removed=tuple(n for n in state.components if n not in deployed),
        images=needed_images(chosen, warnings),
        files=needed_files(chosen, request),
        recipes=tuple(incoming.values()),
        warnings=(*warnings, *unfilled),
    )


def _library(
    state: DeviceState, incoming: Mapping[tuple[str, str], Recipe], surroundings: Surroundings
) -> RecipeLibrary:
    deployed = {
        (component.name, component.version): (component.recipe_text, component.recipe_is_json)
        for component in state.components.values()
    }
    return RecipeLibrary(surroundings.device.paths, incoming, deployed)


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
        run_with=_run_with(old.run_with if old else RunWith(), run_with or RunWith()),
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


def _run_with(old: RunWith, new: RunWith) -> RunWith:
    """A deployment that says nothing of the user or of the limits leaves them as they are."""
    return RunWith(
        posix_user=new.posix_user or old.posix_user,
        limits=old.limits if new.limits is None else new.limits,
    )
