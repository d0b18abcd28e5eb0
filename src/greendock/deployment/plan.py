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

from greendock.artifacts.model import ComponentFiles
from greendock.base.errors import DeploymentError, UsageError
from greendock.base.versions import Version
from greendock.config.tree import Node, updated
from greendock.deployment.builtins import CLI, NUCLEUS
from greendock.deployment.catalogue import LocalCatalogue
from greendock.deployment.chosen import Surroundings, choose
from greendock.deployment.current import Current
from greendock.deployment.device_state import DeployedComponent, DeviceState
from greendock.deployment.document import LOCAL_GROUP, ConfigurationUpdate, LocalRequest
from greendock.deployment.library import RecipeLibrary
from greendock.deployment.needs import needed_files, needed_images
from greendock.deployment.requirements import Requirement
from greendock.deployment.resolver import resolve
from greendock.deployment.target import Specs
from greendock.docker.model import ImageRequest
from greendock.lifecycle.model import ComponentSpec, RunWith
from greendock.recipe.model import Recipe


@dataclass(frozen=True, slots=True)
class Plan:
    """The wanted state and the way there. `incoming` are the recipes that go to the library when
    it is committed, `recipes` those of the wanted state."""

    state: DeviceState
    specs: Mapping[str, ComponentSpec]
    recipes: Mapping[tuple[str, str], Recipe]
    removed: tuple[str, ...]
    images: tuple[ImageRequest, ...]
    files: tuple[ComponentFiles, ...]
    incoming: tuple[Recipe, ...]
    warnings: tuple[str, ...] = field(default=())
    image_ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def settings_after(state: DeviceState, request: LocalRequest, timestamp_ms: int) -> DeviceState:
    """The built-ins that configure the core, as `request` leaves them; the rest is left out.

    A deployment is planned with the settings that it brings. Raises UsageError.
    """
    roots = {**state.roots.get(request.group, {}), **request.merge}
    components = {}
    for name in (NUCLEUS, CLI):
        old, update = state.components.get(name), request.configuration.get(name)
        if name in request.remove or (old is None and name not in roots):
            continue
        wanted = update if name in roots else None
        configuration, _ = _configuration(name, old, {}, wanted, timestamp_ms)
        components[name] = DeployedComponent(
            name, "", None, "", False, configuration, RunWith(), ""
        )
    return DeviceState(components)


def make_plan(
    current: Current,
    request: LocalRequest,
    incoming: Mapping[tuple[str, str], Recipe],
    surroundings: Surroundings,
    timestamp_ms: int,
) -> Plan:
    """Raises ResolutionError, DeploymentError, RecipeError, ConfigurationError, UsageError.

    Reads recipes from the library, so call it in a thread.
    """
    state = current.state
    warnings: list[str] = []
    _require_versions(request)
    roots = _new_roots(state, request, warnings)
    _warn_of_ignored(request, roots.get(request.group, {}), warnings)
    library = RecipeLibrary(surroundings.device.paths, state, incoming, current.recipes)
    running = {name: component.version for name, component in state.components.items()}
    catalogue = LocalCatalogue(library, surroundings.built_ins, running, surroundings.labels)
    versions = resolve(_requirements(roots), catalogue)
    _warn_of_staying(state, request, versions, warnings)
    deployed = {}
    for name, version in versions.items():
        recipe = None if name in surroundings.built_ins else library.recipe(name, version)
        defaults = recipe.default_configuration if recipe else surroundings.defaults.get(name, {})
        asked = _Asked.of(name, request, roots)
        old = state.components.get(name)
        configuration, kept = _configuration(name, old, defaults, asked.update, timestamp_ms)
        warnings += [f"{name}: a newer value on the device was kept at {at or '/'}" for at in kept]
        deployed[name] = _deployed(version, recipe, name, old, configuration, asked.run_with)
    wanted = DeviceState(deployed, roots)
    chosen = choose(wanted, surroundings, lambda one: library.recipe(one.name, one.version))
    specs = Specs(chosen, surroundings.device)
    return Plan(
        state=wanted,
        specs=specs.all(),
        recipes={(c.name, c.version): c.recipe for c in chosen.values() if c.recipe is not None},
        removed=tuple(n for n in state.components if n not in deployed),
        images=needed_images(chosen, warnings),
        files=needed_files(chosen, request),
        incoming=tuple(incoming.values()),
        warnings=(*warnings, *specs.warnings),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the request says of one component: only root components are configured."""

    update: ConfigurationUpdate | None = None
    run_with: RunWith | None = None

    @classmethod
    def of(
        cls, name: str, request: LocalRequest, roots: Mapping[str, Mapping[str, str]]
    ) -> _Asked:
        if name not in roots.get(request.group, {}):
            return cls()
        return cls(request.configuration.get(name), request.run_with.get(name))


def _require_versions(request: LocalRequest) -> None:
    for name, version in request.merge.items():
        try:
            Version(version)
        except ValueError as error:
            raise DeploymentError(
                f"cannot deploy {name}: {error}",
                codes=("DEPLOYMENT_DOCUMENT_NOT_VALID", "COMPONENT_VERSION_NOT_VALID"),
                hint="a root component is named with one exact version",
            ) from error


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


def _requirements(roots: Mapping[str, Mapping[str, str]]) -> list[Requirement]:
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
) -> tuple[Node, list[str]]:
    try:
        return updated(
            old.configuration if old else None,
            defaults,
            merge_value=update.merge if update else None,
            reset=update.reset if update else (),
            timestamp_ms=timestamp_ms,
        )
    except ValueError as error:
        raise UsageError(f"cannot reset configuration of {name}: {error}") from error


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


def _run_with(old: RunWith, new: RunWith) -> RunWith:
    """A deployment that says nothing of the user or of the limits leaves them as they are."""
    return RunWith(
        posix_user=new.posix_user or old.posix_user,
        limits=old.limits if new.limits is None else new.limits,
    )


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


def _warn_of_staying(
    state: DeviceState, request: LocalRequest, versions: Mapping[str, str], warnings: list[str]
) -> None:
    warnings += [
        f"{name} is no longer a root component of {request.group}, but stays: another component "
        "or group needs it"
        for name in request.remove
        if name in versions and name in state.roots.get(request.group, {})
    ]
