"""What has been seen of a deployment so far: its status, images, components and notes.

Pure: folds the events of `greendock#SubscribeToDeployment` into one picture that the views draw
and the outcome is told from. Unknown events and members are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELED"})
FAILING_STATES = frozenset({"ERRORED", "BROKEN"})
DONE_PHASES = frozenset({"present", "pulled", "failed"})


class Layer(NamedTuple):
    """`total_bytes` 0 means unknown."""

    state: str
    current_bytes: int
    total_bytes: int


class Image(NamedTuple):
    phase: str
    current_bytes: int
    total_bytes: int
    layers: dict[str, Layer]

    @property
    def is_done(self) -> bool:
        return self.phase in DONE_PHASES


class Component(NamedTuple):
    version: str
    state: str
    status_code: str
    status_reason: str


class Note(NamedTuple):
    level: str
    text: str


class Progress:
    """The picture; `apply` each event in the order of arrival."""

    def __init__(self) -> None:
        self.deployment: Mapping[str, Any] = {}
        self.images: dict[str, Image] = {}
        self.components: dict[str, Component] = {}
        self.failed: dict[str, Component] = {}
        """Components by the last failing state they were in, even if rolled back since."""
        self.notes: list[Note] = []

    @property
    def phase(self) -> str:
        return str(self.deployment.get("phase") or "queued")

    @property
    def is_final(self) -> bool:
        return self.deployment.get("status") in FINAL

    def apply(self, event: Mapping[str, Any]) -> None:
        for kind, members in event.items():
            reader = _READERS.get(kind)
            if reader is not None and isinstance(members, dict):
                reader(self, members)

    def _status(self, members: Mapping[str, Any]) -> None:
        known = self.deployment.get("warnings") or []
        for warning in members.get("warnings") or []:
            note = Note("warning", str(warning))
            # Most have been told already, when they came up.
            if warning not in known and note not in self.notes:
                self.notes.append(note)
        self.deployment = members

    def _note(self, members: Mapping[str, Any]) -> None:
        self.notes.append(Note(str(members.get("level", "info")), str(members.get("text", ""))))

    def _image(self, members: Mapping[str, Any]) -> None:
        layers = {
            str(layer): Layer(str(parts[0]), int(parts[1] or 0), int(parts[2] or 0))
            for layer, parts in (members.get("layers") or {}).items()
        }
        self.images[str(members.get("image"))] = Image(
            str(members.get("phase", "")),
            int(members.get("currentBytes") or 0),
            int(members.get("totalBytes") or 0),
            layers,
        )

    def _component(self, members: Mapping[str, Any]) -> None:
        name = str(members.get("componentName"))
        component = Component(
            str(members.get("version") or ""),
            str(members.get("state") or ""),
            str(members.get("statusCode") or ""),
            str(members.get("statusReason") or ""),
        )
        self.components[name] = component
        if component.state in FAILING_STATES:
            self.failed[name] = component


_READERS = {
    "status": Progress._status,
    "note": Progress._note,
    "image": Progress._image,
    "component": Progress._component,
}


def size_text(count: int) -> str:
    """Bytes as Docker writes them: 12.3 MB, decimal units."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.2f} GB"
