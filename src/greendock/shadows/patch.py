"""The document that an update sends, read and checked; pure.

Says nothing about the shadow it is for. Every refusal is a ShadowRefused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greendock.shadows.errors import ShadowRefused
from greendock.shadows.json_text import read_json

SECTIONS = ("desired", "reported")
_MOST_LEVELS = 6
_MOST_TOKEN_BYTES = 64


@dataclass(frozen=True, slots=True)
class Patch:
    """`state` has `desired`, `reported` or both; None as a section removes it."""

    state: Mapping[str, Any]
    version: int | None = None
    client_token: str | None = None


def read_members(payload: bytes) -> Mapping[str, Any]:
    """The JSON object that `payload` holds."""
    if not payload:
        raise ShadowRefused("cannot update the shadow: the payload is empty")
    try:
        members = read_json(payload)
    except ValueError as error:
        raise ShadowRefused(
            f"cannot update the shadow: the payload is not valid JSON: {error}"
        ) from None
    if not isinstance(members, dict):
        raise ShadowRefused("cannot update the shadow: the payload is not a JSON object")
    return members


def client_token(members: Mapping[str, Any]) -> str | None:
    token = members.get("clientToken")
    if token is None:
        return None
    if not isinstance(token, str) or len(token.encode()) > _MOST_TOKEN_BYTES:
        raise ShadowRefused(
            f"cannot use clientToken: it has to be a text of at most {_MOST_TOKEN_BYTES} bytes"
        )
    return token


def read_patch(members: Mapping[str, Any]) -> Patch:
    version = members.get("version")
    if version is not None and (type(version) is not int or version < 0):
        raise ShadowRefused("cannot use version: it has to be a whole number")
    return Patch(_state(members.get("state")), version, client_token(members))


def _state(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ShadowRefused("cannot use state: it has to be an object")
    state = {section: value[section] for section in SECTIONS if section in value}
    if not state:
        raise ShadowRefused("cannot use state: it has neither desired nor reported")
    for section, content in state.items():
        if content is not None and not isinstance(content, dict):
            raise ShadowRefused(f"cannot use state.{section}: it has to be an object or null")
        if _is_deeper_than(content, _MOST_LEVELS):
            raise ShadowRefused(
                f"cannot use state.{section}: it has more than {_MOST_LEVELS} levels"
            )
    return state


def _is_deeper_than(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if levels == 0:
        return True
    children = value.values() if isinstance(value, dict) else value
    return any(_is_deeper_than(child, levels - 1) for child in children)
