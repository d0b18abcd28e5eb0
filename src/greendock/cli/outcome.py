"""How a followed deployment ended, as the error to show and the JSON object to print.

Pure. Says where to look: the log of each component that failed, and the command that reads it.
"""

from __future__ import annotations

import shlex
from typing import Any

from greendock.cli.deployment_text import json_shape
from greendock.cli.errors import CliError
from greendock.cli.output import error_object
from greendock.cli.progress_state import Progress

_CORE_LOG = "greengrass"
_DOCKER_LOG = "aws.greengrass.DockerApplicationManager"


def failure(progress: Progress, root: str) -> CliError | None:
    """None when the deployment succeeded."""
    deployment = progress.deployment
    status = deployment.get("status")
    if status == "SUCCEEDED":
        return None
    name = f"deployment {deployment.get('deploymentId')}"
    if status == "CANCELED":
        return CliError(f"{name} was canceled")
    detailed = deployment.get("detailedStatus")
    cause = deployment.get("cause") or "the core gave no cause"
    return CliError(
        f"{name} failed{f' ({detailed})' if detailed else ''}: {cause}",
        codes=tuple(deployment.get("errorStack") or ()),
        hint=_where_to_look(progress, root),
    )


def final_object(progress: Progress, error: CliError | None) -> dict[str, Any]:
    """The one object that `deploy --json` and `deployment create --wait --json` print."""
    shape = json_shape(progress.deployment)
    shape["components"] = [
        {
            "componentName": name,
            "version": component.version,
            "state": component.state,
            "statusCode": component.status_code,
            "statusReason": component.status_reason,
        }
        for name, component in progress.components.items()
    ]
    if error is not None:
        shape["error"] = error_object(error)
    return shape


def goes_on(deployment_id: str, root: str) -> str:
    """What to type about a deployment that nobody waits for any more."""
    rest = f"--root {shlex.quote(root)} -i {deployment_id}"
    return (
        f"see it with `greendock deployment status {rest}`, "
        f"cancel it with `greendock deployment cancel {rest}`"
    )


def _where_to_look(progress: Progress, root: str) -> str:
    names = list(progress.failed)
    if not names:
        codes = progress.deployment.get("errorStack") or ()
        docker = any(str(code).startswith("DOCKER") for code in codes)
        names = [_DOCKER_LOG if docker else _CORE_LOG]
    files = [f"{root}/logs/{name}.log" for name in names]
    arguments = " ".join(f"-lf {shlex.quote(file)}" for file in files)
    return f"see {', '.join(files)}: `greendock logs get {arguments}`"
