"""What is likely to go wrong with a component's use of Docker, told at its deployment.

Who names the docker command and gets no Docker socket hears how to claim one; ways around the
socket are named. Warnings only: the recipe may know another way. Asks no engine.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from greendock.base.errors import GreendockError
from greendock.config.container_settings import Access
from greendock.docker.engine.lookup import find_engine_address
from greendock.docker.engine.socket_access import SocketOwner, may_open
from greendock.docker.gateway.access import Claimant, admit
from greendock.lifecycle.model import ComponentSpec
from greendock.lifecycle.run_as import Account
from greendock.recipe.model import Step, Steps
from greendock.recipe.shell.docker_bypass import Bypass, bypasses, environment_bypasses
from greendock.recipe.shell.docker_command import names_docker


def docker_warnings(
    spec: ComponentSpec, account: Account, host: str | None, access: Access
) -> list[str]:
    """What to tell about `spec`, which runs as `account`. `access`: as it is set for it."""
    who = f"{spec.name} {spec.version}"
    warnings = [f"{who}: {bypass.what}; {bypass.fix}" for bypass in ways_around(spec.steps)]
    if not names_docker(spec.steps):
        return warnings
    admission = admit(claimant_of(spec, account, host), access)
    if not admission.has_socket:
        as_whom = f"{who} runs docker commands as {account.name}, but gets no Docker socket"
        warnings.append(f"{as_whom}: {admission.refusal}")
    return warnings


def claimant_of(spec: ComponentSpec, account: Account, host: str | None) -> Claimant:
    """What `spec`, which runs as `account`, has to show for a Docker socket."""
    return Claimant(
        spec.name,
        uses_docker=spec.uses_docker,
        runs_as_root=account.uid == 0,
        has_privileged_step=any(step.requires_privilege for step in _all(spec.steps)),
        # Without an engine nobody can tell: an install may bring one.
        can_open_engine=_reaches_engine(account, host) is not False,
    )


def ways_around(steps: Steps) -> list[Bypass]:
    """How the scripts reach the engine past the component's socket."""
    found = dict.fromkeys(environment_bypasses(tuple(steps.environment)))
    for step in _all(steps):
        found |= dict.fromkeys(environment_bypasses(tuple(step.environment)))
        found |= dict.fromkeys(bypasses(step.script))
    return list(found)


def _all(steps: Steps) -> Iterator[Step]:
    for step in (steps.install, steps.startup, steps.run, steps.shutdown, steps.recover):
        if step is not None:
            yield step


def _reaches_engine(account: Account, host: str | None) -> bool | None:
    """None where that can't be told: there is no engine on this machine."""
    try:
        path = find_engine_address(host, os.environ).socket_path
        status = Path(path).stat() if path else None
    except (GreendockError, OSError):
        return None
    if status is None or not stat.S_ISSOCK(status.st_mode):
        return None
    socket = SocketOwner(status.st_mode, status.st_uid, status.st_gid)
    return may_open(socket, account.uid, (account.gid, *account.groups))


def engine_exists(host: str | None) -> bool:
    """Whether the docker command's socket is there, or stands for another machine."""
    try:
        path = find_engine_address(host, os.environ).socket_path
    except GreendockError:
        return False
    return path is None or Path(path).exists()
