"""Which containers' logs are read from the engine: those whose output no script brings.

Pure. Each line is to come once, from one source. While a main script runs and prints what its
containers print, the script is the source; in all other cases it is the engine. What a script
prints besides, by `docker logs -f`, is what its author asked for: it is the source then too.
"""

from __future__ import annotations

import re
from enum import StrEnum

from greendock.docker.containers.model import OwnedContainer, Phase


class ScriptOutput(StrEnum):
    """Of which containers the main script prints the output, as long as it runs.

    NONE: it doesn't run. ATTACHED: of those that it started in the foreground. COMPOSE: of these
    and of the services of `compose up`. ALL: of whatever the component has.
    """

    NONE = "none"
    ATTACHED = "attached"
    COMPOSE = "compose"
    ALL = "all"


_FLAGS = r"[^\n;&|]*?"
_LOGS = re.compile(
    rf"\b(?:docker|podman|compose)\b{_FLAGS}\slogs\s{_FLAGS}(?:-\w*f\w*|--follow)(?![\w-])"
)
_UP = re.compile(rf"\bcompose\b{_FLAGS}\sup\b(?P<options>[^\n;&|]*)")
_DETACHED = re.compile(r"(?<!\S)(?:-\w*d\w*|--detach|--wait|--no-start)(?![\w-])")


def output_of(script: str | None) -> ScriptOutput:
    """By the text of the main script that runs; None when none does."""
    if script is None:
        return ScriptOutput.NONE
    script = script.replace("\\\n", " ")
    if _LOGS.search(script):
        return ScriptOutput.ALL
    for up in _UP.finditer(script):
        if not _DETACHED.search(up["options"]):
            return ScriptOutput.COMPOSE
    return ScriptOutput.ATTACHED


def is_followed(container: OwnedContainer, script: ScriptOutput) -> bool:
    """Whether the engine is the source of its lines now."""
    if container.phase is Phase.CREATED:
        return False  # it has printed nothing
    match script:
        case ScriptOutput.ALL:
            return False
        case ScriptOutput.COMPOSE:
            return not (container.is_attached or container.compose_project)
        case ScriptOutput.ATTACHED:
            return not container.is_attached
        case ScriptOutput.NONE:
            return True
