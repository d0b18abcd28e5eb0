"""Who gets a Docker socket of its own; pure.

The engine's socket means root, so a component needs a claim to one. Called when a life of a
component begins.
"""

from __future__ import annotations

from dataclasses import dataclass

from greendock.config.container_settings import Access


@dataclass(frozen=True, slots=True)
class Claimant:
    """What is known of a component. `uses_docker`: it depends on the Docker application manager
    or lists a `docker:` artifact. `can_open_engine`: its user may open the engine's socket."""

    component: str
    uses_docker: bool = False
    runs_as_root: bool = False
    has_privileged_step: bool = False
    can_open_engine: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """`reason`: why it gets a socket. `refusal`: what its docker commands are told if not."""

    has_socket: bool
    reason: str = ""
    refusal: str = ""


def admit(claimant: Claimant, access: Access) -> Admission:
    """Whether the component gets a socket."""
    name = claimant.component
    if access is Access.NONE:
        return Admission(
            False,
            refusal=f"{name} may not use Docker: greendock.docker.access is none for it",
        )
    if access is Access.ALL:
        return Admission(True, "greendock.docker.access is all")
    claims = (
        (
            claimant.uses_docker,
            "it depends on aws.greengrass.DockerApplicationManager or lists a docker: artifact",
        ),
        (claimant.runs_as_root, "it runs as root"),
        (claimant.has_privileged_step, "a step of it has RequiresPrivilege"),
        (claimant.can_open_engine, "its user may open the engine's socket"),
    )
    for is_so, reason in claims:
        if is_so:
            return Admission(True, reason)
    return Admission(
        False,
        refusal=(
            f"{name} may not use Docker: it has no claim to it. Add a dependency on "
            "aws.greengrass.DockerApplicationManager or a docker: artifact to its recipe, or set "
            "greendock.docker.access: all in its configuration"
        ),
    )
