"""Progress as plain lines and as a picture on a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest
from rich.console import Console

from greendock.cli.progress_lines import ProgressLines
from greendock.cli.progress_live import LiveView, picture
from greendock.cli.progress_state import Progress, size_text
from greendock.deployment.record import DeploymentChanged, ImageProgressed, Phase
from greendock.lifecycle.model import ComponentStateChanged, State

ID = "11111111-2222-4333-8444-555555555555"


def image(phase: str, current: int = 0, total: int = 0, **layers: list) -> dict:
    members = {"image": "a/b:1", "phase": phase, "currentBytes": current, "totalBytes": total}
    return {"image": {**members, "layers": layers}}


def component(state: str, reason: str = "") -> dict:
    return {
        "component": {
            "componentName": "C",
            "version": "1.0.0",
            "state": state,
            "statusCode": "RUN_ERROR" if reason else "NONE",
            "statusReason": reason,
        }
    }


def lines_of(*timed: tuple[float, dict]) -> list[str]:
    progress, lines, printed = Progress(), ProgressLines(), []
    for at_s, event in timed:
        progress.apply(event)
        printed += lines.lines(progress, at_s)
    return printed[1:]


def test_an_image_on_its_way_has_a_line_a_second():
    steps = [(step / 10, image("downloading", step, 100)) for step in range(30)]
    assert lines_of(*steps) == [
        "image a/b:1: downloading, 0 B of 100 B",
        "image a/b:1: downloading, 10 B of 100 B",
        "image a/b:1: downloading, 20 B of 100 B",
    ]


def test_the_end_of_an_image_is_shown_at_once_and_once():
    steps = [(0.0, image("downloading", 1)), (0.1, image("pulled")), (0.2, image("pulled"))]
    assert lines_of(*steps) == ["image a/b:1: downloading, 1 B", "image a/b:1: pulled"]


def test_each_state_of_a_component_has_a_line():
    steps = [
        (0, component("STARTING")),
        (0, component("STARTING")),
        (0, component("ERRORED", "x")),
    ]
    assert lines_of(*steps) == [
        "component C 1.0.0: STARTING",
        "component C 1.0.0: ERRORED (x)",
    ]


def test_each_warning_is_shown_once():
    first = {"status": {"phase": "queued", "warnings": ["a"]}}
    second = {"status": {"phase": "queued", "warnings": ["a", "b {0} %s"]}}
    assert lines_of((0, first), (1, second), (2, second)) == ["warning: a", "warning: b {0} %s"]


def test_a_warning_that_was_told_when_it_came_up_is_not_told_again():
    told = {"note": {"level": "warning", "text": "a"}}
    status = {"status": {"phase": "preparing", "warnings": ["a", "b"]}}
    lines = lines_of((0, told), (1, status))
    assert lines == ["warning: a", "deployment: preparing", "warning: b"]


def test_unknown_events_change_nothing():
    progress = Progress()
    progress.apply({"weather": {"sun": True}})
    progress.apply({"note": "no object"})
    assert (progress.notes, progress.images, progress.components) == ([], {}, {})


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (12_340_000, "12.3 MB"),
        (2_500_000_000, "2.50 GB"),
    ],
)
def test_sizes(count, text):
    assert size_text(count) == text


def drawn(progress: Progress, height: int = 24) -> str:
    console = Console(width=100, height=height, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(picture(progress, height))
    return capture.get()


def test_the_picture_has_images_layers_that_move_and_components():
    progress = Progress()
    progress.apply({"status": {"status": "IN_PROGRESS", "phase": "preparing"}})
    layers = {"aaa": ["Downloading", 500, 1000], "bbb": ["Pull complete", 0, 0]}
    progress.apply(image("downloading", 1_000_000, 4_000_000, **layers))
    progress.apply(component("BROKEN", "[red]exit\x1b[2J 100% {0}"))
    text = drawn(progress)
    assert "deployment: preparing" in text
    assert "1.0 MB / 4.0 MB" in text
    assert "500 B / 1.0 kB" in text
    assert "bbb" not in text
    assert "\x1b[2J" not in text
    assert "[red]exit" in text
    assert "100% {0}" in text


def test_layers_give_way_when_the_terminal_is_low():
    progress = Progress()
    layers = {f"layer{number:02d}": ["Downloading", 1, 2] for number in range(50)}
    progress.apply(image("downloading", 1, 2, **layers))
    assert len(drawn(progress, height=10).splitlines()) < 10


def test_notes_are_printed_above_the_picture(tmp_path):
    with (tmp_path / "out").open("w+") as file:
        view = LiveView(Console(file=file, force_terminal=True, width=80, height=20))
        progress = Progress()
        progress.apply({"note": {"level": "WARNING", "text": "low disk [bold]"}})
        with view:
            view.show(progress, 1.0)
        file.seek(0)
        assert "warning: low disk [bold]" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.read())


def read_all(terminal: int, is_over) -> str:
    """What is written to a terminal until the process is over."""
    data, end = b"", time.monotonic() + 20
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                break
            if not part:
                break
            data += part
        elif is_over():
            break
    return data.decode(errors="replace")


def test_deploy_draws_on_a_terminal(core, program, write_recipe, tmp_path, deployment_record):
    recipe = write_recipe(tmp_path / "web.yaml", "com.example.Web")
    layers = {"abc": ("Downloading", 1, 2)}
    core.bus.script = [
        DeploymentChanged(deployment_record(phase=Phase.PREPARING)),
        ImageProgressed(ID, "nginx:1.25", "downloading", 1_000_000, 2_000_000, layers),
        ImageProgressed(ID, "nginx:1.25", "pulled", 2_000_000, 2_000_000, {}),
        ComponentStateChanged(
            "com.example.Web", "1.0.0", State.NEW, State.RUNNING, "NONE", "", 0.0
        ),
        core.ends(),
    ]
    ours, theirs = pty.openpty()
    process = program.start("deploy", str(recipe), stdout=theirs)
    os.close(theirs)
    try:
        text = read_all(ours, lambda: process.poll() is not None)
    finally:
        os.close(ours)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert "\x1b[?25l" in text, "the cursor is hidden while the picture moves"
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "and shown again"
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "nginx:1.25" in plain
    assert "pulled" in plain
    assert "RUNNING" in plain
    assert f"Deployment {ID} SUCCEEDED" in plain


WITHOUT_RICH = """
import sys
sys.modules["rich"] = None
from greendock.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "xterm"}])
def test_terminals_get_lines_when_nothing_can_be_drawn(core, write_recipe, tmp_path, environment):
    recipe = write_recipe(tmp_path / "web.yaml", "com.example.Web")
    core.bus.script = [core.ends()]
    start = ["-m", "greendock"] if environment["TERM"] == "dumb" else ["-c", WITHOUT_RICH]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *start, "deploy", str(recipe)],
        stdout=theirs,
        env={**os.environ, **environment},
    )
    os.close(theirs)
    try:
        text = read_all(ours, lambda: process.poll() is not None)
    finally:
        os.close(ours)
        process.wait(20)
    assert process.returncode == 0
    assert "\x1b" not in text
    assert "deployment: done" in text
