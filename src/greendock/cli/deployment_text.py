"""Deployments as text and as the JSON that the command line documents.

Pure: reply members in, lines or objects out. Lines are those of the official client; what this
core knows besides comes only when asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Members = Mapping[str, Any]


def from_greengrass(deployment: Members) -> dict[str, Any]:
    """`aws.greengrass#LocalDeployment` in the shape of `greendock#DescribeDeployment`."""
    details = deployment.get("deploymentStatusDetails") or {}
    return {
        "deploymentId": deployment.get("deploymentId"),
        "status": deployment.get("status"),
        "createdOn": deployment.get("createdOn"),
        "detailedStatus": details.get("detailedDeploymentStatus"),
        "errorStack": details.get("deploymentErrorStack") or [],
        "errorTypes": details.get("deploymentErrorTypes") or [],
        "cause": details.get("deploymentFailureCause"),
    }


def json_shape(deployment: Members) -> dict[str, Any]:
    """The documented members; phase, warnings and timings are there when the core gave them."""
    shape = {
        "deploymentId": deployment.get("deploymentId"),
        "status": deployment.get("status"),
        "detailedStatus": deployment.get("detailedStatus"),
        "createdOn": deployment.get("createdOn"),
        "errorStack": list(deployment.get("errorStack") or ()),
        "errorTypes": list(deployment.get("errorTypes") or ()),
        "cause": deployment.get("cause"),
    }
    for member in ("phase", "warnings", "timings", "waiting"):
        if member in deployment:
            shape[member] = deployment[member]
    return shape


def status_lines(deployment: Members) -> list[str]:
    """What `deployment status` prints."""
    lines = [f"{deployment.get('deploymentId')}: {deployment.get('status')}"]
    if deployment.get("createdOn"):
        lines.append(f"Created on: {deployment['createdOn']}")
    if deployment.get("status") == "FAILED":
        lines += failure_lines(deployment)
    return lines


def failure_lines(deployment: Members) -> list[str]:
    """Why it failed, in the labels of the official client."""
    lines = [f"Detailed Status: {deployment.get('detailedStatus')}"]
    for label, member in (
        ("Deployment Error Stack", "errorStack"),
        ("Deployment Error Types", "errorTypes"),
    ):
        if deployment.get(member):
            lines.append(f"{label}: {_joined(deployment[member])}")
    if deployment.get("cause"):
        lines.append(f"Deployment Failure Cause: {deployment['cause']}")
    return lines


def more_lines(deployment: Members) -> list[str]:
    """What --verbose adds."""
    lines: list[str] = []
    if deployment.get("status") == "CANCELED" and deployment.get("cause"):
        lines.append(f"Canceled: {deployment['cause']}")
    if deployment.get("phase"):
        lines.append(f"Phase: {deployment['phase']}")
    if deployment.get("status") != "FAILED" and deployment.get("detailedStatus"):
        lines.append(f"Detailed Status: {deployment['detailedStatus']}")
    lines += [f"Warning: {warning}" for warning in deployment.get("warnings") or ()]
    timings = deployment.get("timings") or {}
    if timings:
        parts = [f"{phase} {seconds:.2f} s" for phase, seconds in timings.items()]
        lines.append(f"Timings: {_joined(parts)}")
    return lines


def waiting_lines(deployment: Members, now: float) -> list[str]:
    """What a deployment in progress waits for. `now`: seconds since the epoch."""
    return [waiting_text(each, now) for each in deployment.get("waiting") or ()]


def waiting_text(wait: Members, now: float) -> str:
    if "component" in wait:
        return _component_text(wait, now)
    at = wait.get("nextTryAt")
    when = "next try when the engine is back"
    if at is not None:
        when = f"next try in {max(float(at) - now, 0):.0f} s"
    return (
        f"Waiting: {wait.get('image')}, attempt {wait.get('attempt')} failed, {when}: "
        f"{wait.get('lastError')}"
    )


def _component_text(wait: Members, now: float) -> str:
    left = f"{max(float(wait.get('until') or now) - now, 0):.0f} s"
    component = wait.get("component")
    if wait.get("about") == "health":
        more = f", {left} more" if wait.get("until") is not None else ""
        return f"Waiting: {component}: {wait.get('message')}{more}"
    if wait.get("deferred"):
        why = f": {wait['message']}" if wait.get("message") else ""
        return f"Waiting: {component} defers the update, goes on in {left}{why}"
    if wait.get("about") == "configuration":
        return f"Waiting: {component} checks its new configuration, at most {left}"
    return f"Waiting: {component} has to agree to the update, at most {left}"


def list_block(deployment: Members) -> list[str]:
    """One deployment as `deployment list` prints it."""
    return [
        f"Deployment ID: {deployment.get('deploymentId')}",
        f"Created on: {deployment.get('createdOn')}",
        f"Status: {deployment.get('status')}",
    ]


def _joined(parts: Iterable[object]) -> str:
    return ", ".join(str(part) for part in parts)
