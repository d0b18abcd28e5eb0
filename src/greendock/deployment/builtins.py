"""The components that are part of the core: their versions and what requirements they meet.

Recipes of the documents depend on `~2.0.0` of the Docker application manager; an offline core has
to resolve that, so a built-in answers for every version of its line up to its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from greendock.base.versions import satisfies

NUCLEUS = "aws.greengrass.Nucleus"
CLI = "aws.greengrass.Cli"
DOCKER_APPLICATION_MANAGER = "aws.greengrass.DockerApplicationManager"
SECRET_MANAGER = "aws.greengrass.SecretManager"  # noqa: S105 - a component name
SHADOW_MANAGER = "aws.greengrass.ShadowManager"
TOKEN_EXCHANGE_SERVICE = "aws.greengrass.TokenExchangeService"  # noqa: S105 - a component name

_OLDER_PATCHES = 15
"""More than any of the older lines has."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """`stands_for` lists the versions it answers for; `resident` ones count as RUNNING."""

    name: str
    version: str
    stands_for: tuple[str, ...]
    resident: bool
    always: bool

    def meets(self, wanted: str) -> bool:
        return any(satisfies(version, wanted) for version in self.stands_for)


def built_ins(nucleus_version: str) -> dict[str, BuiltIn]:
    """By name. `always` ones exist without a deployment."""
    return {
        built_in.name: built_in
        for built_in in (
            BuiltIn(NUCLEUS, nucleus_version, (nucleus_version,), resident=False, always=True),
            BuiltIn(CLI, nucleus_version, (nucleus_version,), resident=True, always=True),
            BuiltIn(DOCKER_APPLICATION_MANAGER, "2.0.16", _line(16), resident=True, always=False),
            BuiltIn(TOKEN_EXCHANGE_SERVICE, "2.0.3", _line(3), resident=True, always=False),
            BuiltIn(SECRET_MANAGER, "2.2.0", _lines(2, 0), resident=True, always=False),
            BuiltIn(SHADOW_MANAGER, "2.3.12", _lines(3, 12), resident=True, always=False),
        )
    }


def _line(last_patch: int) -> tuple[str, ...]:
    return tuple(f"2.0.{patch}" for patch in range(last_patch, -1, -1))


def _lines(last_minor: int, last_patch: int) -> tuple[str, ...]:
    """2.`last_minor`.`last_patch` and all before it."""
    newest = tuple(f"2.{last_minor}.{patch}" for patch in range(last_patch, -1, -1))
    older = (
        f"2.{minor}.{patch}"
        for minor in range(last_minor - 1, -1, -1)
        for patch in range(_OLDER_PATCHES, -1, -1)
    )
    return (*newest, *older)
