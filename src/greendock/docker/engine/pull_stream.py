"""Folds the lines of a pull into what it amounts to: phase, bytes, layers, outcome.

Pure and cheap: an engine sends hundreds of lines a second. Called by the engine client (reading
lines) and by image pulls (folding them).
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from greendock.docker.model import ImageProgress

_STATES = frozenset(
    {
        "Pulling fs layer",
        "Waiting",
        "Downloading",
        "Verifying Checksum",
        "Download complete",
        "Extracting",
        "Pull complete",
        "Already exists",
    }
)
_DOWNLOADED = frozenset({"Verifying Checksum", "Download complete", "Extracting", "Pull complete"})


@dataclass(frozen=True, slots=True)
class PullEvent:
    """One line. `layer`: short layer id, or the tag in the first line; bytes 0: not told."""

    status: str = ""
    layer: str = ""
    current_bytes: int = 0
    total_bytes: int = 0
    error: str | None = None


class _Detail(msgspec.Struct):
    current: int = 0
    total: int = 0


class _Error(msgspec.Struct):
    message: str = ""


class _Line(msgspec.Struct):
    status: str = ""
    id: str = ""
    detail: _Detail | None = msgspec.field(name="progressDetail", default=None)
    error_detail: _Error | None = msgspec.field(name="errorDetail", default=None)
    error: str = ""


_decoder = msgspec.json.Decoder(_Line)


def read_pull_line(line: bytes) -> PullEvent:
    """One line of the answer of POST /images/create. A line we can't read carries no news."""
    try:
        wire = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return PullEvent()
    error = (wire.error_detail.message if wire.error_detail else "") or wire.error or None
    detail = wire.detail
    if detail is None:
        return PullEvent(wire.status, wire.id, error=error)
    return PullEvent(wire.status, wire.id, detail.current, detail.total, error)


@dataclass(slots=True)
class _Layer:
    """`shown`: current and total bytes for people, of the download or of the extraction."""

    state: str = ""
    downloaded_bytes: int = 0
    total_bytes: int = 0
    shown: tuple[int, int] = (0, 0)


class PullFold:
    """What the lines of one pull say so far."""

    def __init__(self) -> None:
        self._layers: dict[str, _Layer] = {}
        self._retried = ""
        self.phase = "waiting"
        self.digest: str | None = None
        self.note: str | None = None
        self.is_complete = False
        """Whether the engine said that it is done; a stopped engine ends the stream without."""

    def apply(self, event: PullEvent) -> bool:
        """Take in one line; true when phase or note changed, so that people should see it."""
        before = (self.phase, self.note)
        if event.status in _STATES and event.layer:
            self._apply_layer(event)
        elif event.status.startswith("Digest: "):
            self.digest = event.status[len("Digest: ") :]
        elif event.status.startswith("Status: "):
            self.is_complete = True
        elif event.status.startswith("Retrying in ") and event.layer:
            # Counted down once a second: without the number it is one piece of news.
            self._retried = event.layer
            self.note = f"the engine fetches layer {event.layer} again"
        return (self.phase, self.note) != before

    @property
    def is_extracting(self) -> bool:
        """Whether a layer is being unpacked: engines send no lines then for a long time."""
        return any(layer.state == "Extracting" for layer in self._layers.values())

    @property
    def downloaded_bytes(self) -> int:
        return sum(layer.downloaded_bytes for layer in self._layers.values())

    def progress(self, image: str) -> ImageProgress:
        """The state now, for listeners."""
        layers = {
            name: (layer.state, layer.shown[0], layer.shown[1])
            for name, layer in self._layers.items()
        }
        total = sum(layer.total_bytes for layer in self._layers.values())
        return ImageProgress(
            image, self.phase, self.downloaded_bytes, total, layers=layers, note=self.note
        )

    def _apply_layer(self, event: PullEvent) -> None:
        layer = self._layers.setdefault(event.layer, _Layer())
        changed = layer.state != event.status
        if self._retried == event.layer:
            self._retried, self.note = "", None
        layer.state = event.status
        if event.status == "Downloading":
            self._count(layer, event)
        elif event.status in _DOWNLOADED:
            layer.downloaded_bytes = layer.total_bytes
            layer.shown = (
                (event.current_bytes, event.total_bytes)
                if event.total_bytes
                else (
                    layer.total_bytes,
                    layer.total_bytes,
                )
            )
        if changed:
            self.phase = self._phase()

    @staticmethod
    def _count(layer: _Layer, event: PullEvent) -> None:
        layer.total_bytes = max(layer.total_bytes, event.total_bytes)
        # A resumed download counts from zero again, towards what is left.
        resumed_at = layer.total_bytes - event.total_bytes if event.total_bytes else 0
        layer.downloaded_bytes = resumed_at + event.current_bytes
        layer.shown = (layer.downloaded_bytes, layer.total_bytes)

    def _phase(self) -> str:
        states = {layer.state for layer in self._layers.values()}
        if states & {"Pulling fs layer", "Waiting", "Downloading", "Verifying Checksum"}:
            return "downloading"
        if states & {"Extracting", "Download complete", "Pull complete"}:
            return "extracting"
        return self.phase
