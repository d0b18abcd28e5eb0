"""Progress of a deployment as plain lines: one per change, for files, pipes and simple terminals.

Pure: takes the picture after each event and the time, gives the lines to print. An image gets at
most one line per second while it is on its way.
"""

from __future__ import annotations

from greendock.cli.progress_state import FAILING_STATES, Component, Image, Progress, size_text

_IMAGE_INTERVAL_S = 1.0


class ProgressLines:
    """Remembers what has been printed."""

    def __init__(self) -> None:
        self._phase = ""
        self._notes = 0
        self._images: dict[str, tuple[str, float]] = {}
        self._components: dict[str, Component] = {}

    def lines(self, progress: Progress, now_s: float) -> list[str]:
        """What is new in `progress`. `now_s` is monotonic."""
        lines = []
        if progress.phase != self._phase:
            self._phase = progress.phase
            lines.append(f"deployment: {progress.phase}")
        lines += [f"{note.level.lower()}: {note.text}" for note in progress.notes[self._notes :]]
        self._notes = len(progress.notes)
        for name, image in progress.images.items():
            lines += self._image(name, image, now_s)
        for name, component in progress.components.items():
            if self._components.get(name) != component:
                self._components[name] = component
                lines.append(_component_line(name, component))
        return lines

    def _image(self, name: str, image: Image, now_s: float) -> list[str]:
        line = _image_line(name, image)
        last, printed_at_s = self._images.get(name, ("", now_s - _IMAGE_INTERVAL_S))
        if line == last or (now_s - printed_at_s < _IMAGE_INTERVAL_S and not image.is_done):
            return []
        self._images[name] = (line, now_s)
        return [line]


def _image_line(name: str, image: Image) -> str:
    if image.is_done or not (image.current_bytes or image.total_bytes):
        return f"image {name}: {image.phase}"
    amount = size_text(image.current_bytes)
    if image.total_bytes:
        amount += f" of {size_text(image.total_bytes)}"
    return f"image {name}: {image.phase}, {amount}"


def _component_line(name: str, component: Component) -> str:
    line = f"component {name} {component.version}: {component.state}"
    if component.state in FAILING_STATES and (component.status_reason or component.status_code):
        line += f" ({component.status_reason or component.status_code})"
    return line
