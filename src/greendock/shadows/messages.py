"""What is answered and what is told on a shadow's topics, as JSON values; pure.

Time stamps are seconds since the epoch, as AWS IoT has them.
"""

from __future__ import annotations

from typing import Any

from greendock.shadows.document import ShadowDocument, time_stamps
from greendock.shadows.patch import Patch


def current(document: ShadowDocument, now_s: int) -> dict[str, Any]:
    """The answer to a get."""
    state = dict(document.state)
    if document.delta:
        state["delta"] = document.delta
    return {
        "state": state,
        "metadata": document.metadata,
        "version": document.version,
        "timestamp": now_s,
    }


def accepted(patch: Patch, document: ShadowDocument, now_s: int) -> dict[str, Any]:
    """The answer to an update: what was sent, and what became of it."""
    told = {
        "state": patch.state,
        "metadata": time_stamps(patch.state, now_s),
        "version": document.version,
        "timestamp": now_s,
    }
    return _with_token(told, patch.client_token)


def delta(patch: Patch, document: ShadowDocument, now_s: int) -> dict[str, Any] | None:
    """None when desired and reported agree."""
    if not document.delta:
        return None
    told = {
        "version": document.version,
        "timestamp": now_s,
        "state": document.delta,
        "metadata": document.delta_metadata,
    }
    return _with_token(told, patch.client_token)


def documents(
    patch: Patch, before: ShadowDocument | None, after: ShadowDocument, now_s: int
) -> dict[str, Any]:
    """Both versions; a new shadow has no `previous`."""
    told: dict[str, Any] = {"current": _whole(after), "timestamp": now_s}
    if before is not None:
        told["previous"] = _whole(before)
    return _with_token(told, patch.client_token)


def deleted(version: int, now_s: int) -> dict[str, Any]:
    return {"version": version, "timestamp": now_s}


def rejected(code: int, text: str, token: str | None, now_s: int) -> dict[str, Any]:
    return _with_token({"code": code, "message": text, "timestamp": now_s}, token)


def _whole(document: ShadowDocument) -> dict[str, Any]:
    return {
        "state": document.state,
        "metadata": document.metadata,
        "version": document.version,
    }


def _with_token(told: dict[str, Any], token: str | None) -> dict[str, Any]:
    return told if token is None else {**told, "clientToken": token}
