"""Progress of a deployment as a live picture on a terminal, drawn with rich.

The only module that imports rich, and it is imported only when there is a terminal to draw on.
Draws what progress_state.py holds and decides nothing. Texts are never read as markup.
"""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.control import strip_control_codes
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from greendock.cli.progress_state import Component, Image, Layer, Progress, size_text

_REFRESH_S = 0.125
_BAR_WIDTH = 24
_ROWS_KEPT = 4
"""Lines of the terminal that the picture leaves free."""
_STYLES = {
    "RUNNING": "green",
    "FINISHED": "green",
    "ERRORED": "red",
    "BROKEN": "bold red",
    "pulled": "green",
    "present": "green",
    "failed": "red",
}
_QUIET_LAYERS = ("pull complete", "already exists", "waiting", "pulling fs layer")


class LiveView:
    """Use it with `with`; `show` after each event and `tick` when nothing came."""

    tick_s = 0.25

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._live = Live(console=self._console, auto_refresh=False)
        self._drawn_at_s = float("-inf")
        self._notes = 0
        self._latest: Progress | None = None

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._latest is not None:
            self._live.update(picture(self._latest, self._console.height), refresh=True)
        self._live.stop()

    def show(self, progress: Progress, now_s: float) -> None:
        self._latest = progress
        for note in progress.notes[self._notes :]:
            style = "yellow" if note.level.lower().startswith("warn") else ""
            self._live.console.print(_text(f"{note.level.lower()}: {note.text}", style))
        self._notes = len(progress.notes)
        self.tick(now_s)

    def tick(self, now_s: float) -> None:
        if self._latest is not None and now_s - self._drawn_at_s >= _REFRESH_S:
            self._drawn_at_s = now_s
            self._live.update(picture(self._latest, self._console.height), refresh=True)


def picture(progress: Progress, height: int) -> RenderableType:
    """All images, the layers that move as far as they fit, then the components."""
    table = Table.grid(padding=(0, 1))
    for _ in range(4):
        table.add_column(no_wrap=True, overflow="ellipsis")
    fixed = len(progress.images) + len(progress.components)
    room = max(0, height - _ROWS_KEPT - fixed)
    for name, image in progress.images.items():
        table.add_row(*_image_row(name, image))
        if not image.is_done:
            moving = [item for item in image.layers.items() if _moves(item[1])][:room]
            room -= len(moving)
            for layer_id, layer in moving:
                table.add_row(*_layer_row(layer_id, layer))
    for name, component in progress.components.items():
        table.add_row(*_component_row(name, component))
    return Group(_text(f"deployment: {progress.phase}", "bold"), table)


def _image_row(name: str, image: Image) -> list[RenderableType]:
    state = _text(image.phase, _STYLES.get(image.phase, "cyan"))
    if image.is_done:
        return [_text(name), state, Text(), Text()]
    return [_text(name), state, *_bar(image.current_bytes, image.total_bytes)]


def _layer_row(layer_id: str, layer: Layer) -> list[RenderableType]:
    state = _text(layer.state, "dim")
    return [_text(f"  {layer_id}", "dim"), state, *_bar(layer.current_bytes, layer.total_bytes)]


def _component_row(name: str, component: Component) -> list[RenderableType]:
    reason = component.status_reason if component.state in ("ERRORED", "BROKEN") else ""
    style = _STYLES.get(component.state, "cyan")
    return [_text(name), _text(component.state, style), _text(component.version), _text(reason)]


def _bar(current: int, total: int) -> tuple[RenderableType, RenderableType]:
    if not total:
        return Text(), _text(size_text(current) if current else "")
    amount = f"{size_text(current)} / {size_text(total)}"
    return ProgressBar(total=total, completed=min(current, total), width=_BAR_WIDTH), _text(amount)


def _moves(layer: Layer) -> bool:
    return layer.state.lower() not in _QUIET_LAYERS


def _text(text: str, style: str = "") -> Text:
    """Without control characters, which could redraw the terminal."""
    visible = strip_control_codes(text).replace("\x1b", "\\x1b").replace("\n", " ")
    return Text(visible, style=style)
