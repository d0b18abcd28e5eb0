"""Says when a component is going to use Docker and its user may not.

Looks at the socket that the docker command would use; an engine that isn't there, or isn't on this
machine, says nothing. A warning only: the recipe may know another way.
"""

from __future__ import annotations

import grp
import os
import re
import stat
from pathlib import Path

from greendock.base.errors import GreendockError
from greendock.docker.engine.lookup import find_engine_address
from greendock.docker.engine.socket_access import SocketOwner, may_open
from greendock.lifecycle.model import ComponentSpec
from greendock.lifecycle.run_as import Account
from greendock.recipe.model import Steps

_COMMAND = re.compile(r"(?<![\w./-])docker(?:-compose)?(?![\w./-])")


def docker_warning(spec: ComponentSpec, account: Account, host: str | None) -> str | None:
    """What to tell about `spec`, which runs as `account`; None when there is nothing to tell."""
    if not _runs_docker(spec):
        return None
    try:
        path = find_engine_address(host, os.environ).socket_path
        status = Path(path).stat() if path else None
    except (GreendockError, OSError):
        return None
    if path is None or status is None or not stat.S_ISSOCK(status.st_mode):
        return None
    socket = SocketOwner(status.st_mode, status.st_uid, status.st_gid)
    if may_open(socket, account.uid, (account.gid, *account.groups)):
        return None
    return (
        f"{spec.name} {spec.version} runs docker commands as {account.name}, who may not use the "
        f"engine at {path}: run `usermod -aG {_group(status.st_gid)} {account.name}`, or give the "
        "step RequiresPrivilege"
    )


def names_docker(steps: Steps) -> bool:
    """Whether a step names the docker command."""
    found = (steps.install, steps.startup, steps.run)
    return any(step is not None and _COMMAND.search(step.script) for step in found)


def _runs_docker(spec: ComponentSpec) -> bool:
    """Whether a step that runs as the component's user names the docker command."""
    steps = (spec.steps.install, spec.steps.startup, spec.steps.run)
    return any(
        step is not None and not step.requires_privilege and _COMMAND.search(step.script)
        for step in steps
    )


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def engine_exists(host: str | None) -> bool:
    """Whether the docker command's socket is there, or stands for another machine."""
    try:
        path = find_engine_address(host, os.environ).socket_path
    except GreendockError:
        return False
    return path is None or Path(path).exists()
