"""How the URI of a docker artifact is read, as the documented object and as text; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greendock.docker.errors import ImageReferenceError
from greendock.docker.reference import parse_artifact_uri

_PARTS = ("registry", "repository", "tag", "digest", "kind", "account", "region")
_LABELS = {
    "registry": "Registry",
    "repository": "Repository",
    "tag": "Tag",
    "digest": "Digest",
    "kind": "Kind",
    "account": "AWS account",
    "region": "AWS region",
}
_SHOWN = 120


def explain_uri(uri: str) -> dict[str, Any]:
    """All members, those that don't apply null. Nothing is asked of anybody."""
    shape: dict[str, Any] = {"valid": False, "error": None, **dict.fromkeys(_PARTS)}
    shape |= {"warnings": [], "present": None, "imageId": None, "credentials": None}
    try:
        image = parse_artifact_uri(uri)
    except ImageReferenceError as error:
        shape["error"] = {
            "part": error.part,
            "reason": error.reason,
            "position": error.position,
            "message": error.message,
            "fix": error.hint,
        }
        return shape
    return shape | {
        "valid": True,
        "registry": image.registry,
        "repository": image.repository,
        "tag": image.tag,
        "digest": image.digest,
        "kind": image.kind.value,
        "account": image.account,
        "region": image.region,
        "warnings": list(image.warnings),
    }


def explanation_lines(uri: str, shape: Mapping[str, Any]) -> list[str]:
    """The object for people; of an invalid URI what is wrong, and where."""
    if not shape["valid"]:
        return _error_lines(uri, shape["error"])
    lines = [f"{label}: {shape[part]}" for part, label in _LABELS.items() if shape[part]]
    if shape["present"] is not None:
        where = f"yes, {shape['imageId']}" if shape["present"] else "no"
        lines.append(f"On this device: {where}")
    if shape["credentials"] is not None:
        lines.append(f"Login: {shape['credentials']}")
    return [*lines, *(f"Warning: {warning}" for warning in shape["warnings"])]


def _error_lines(uri: str, error: Mapping[str, Any]) -> list[str]:
    lines = [f"error: {error['message']}"]
    if uri.isprintable() and len(uri) <= _SHOWN:
        lines += [f"  {uri}", f"  {' ' * error['position']}^ {error['part']}"]
    if error["fix"]:
        lines.append(f"hint: {error['fix']}")
    return lines
