"""The lines of a pull add up to phase, bytes and outcome."""

from __future__ import annotations

import json

import pytest

from greendock.docker.engine.pull_stream import PullFold, read_pull_line


def line(status, layer="", current=None, total=None):
    detail = {} if current is None else {"current": current, "total": total}
    return json.dumps({"status": status, "id": layer, "progressDetail": detail}).encode()


def fold(*lines):
    folded = PullFold()
    for text in lines:
        folded.apply(read_pull_line(text))
    return folded


def test_a_whole_pull():
    lines = [
        line("Pulling from library/mysql", "8.0"),
        line("Pulling fs layer", "aaa"),
        line("Already exists", "bbb"),
        line("Downloading", "aaa", 10, 100),
        line("Downloading", "aaa", 90, 100),
    ]
    folded = fold(*lines)
    progress = folded.progress("mysql:8.0")
    assert (progress.phase, progress.current_bytes, progress.total_bytes) == (
        "downloading",
        90,
        100,
    )
    assert progress.layers == {"aaa": ("Downloading", 90, 100), "bbb": ("Already exists", 0, 0)}
    assert not folded.is_complete
    for text in (
        line("Download complete", "aaa"),
        line("Extracting", "aaa", 50, 100),
        line("Pull complete", "aaa"),
        line("Digest: sha256:00"),
        line("Status: Downloaded newer image for mysql:8.0"),
    ):
        folded.apply(read_pull_line(text))
    assert (folded.phase, folded.downloaded_bytes) == ("extracting", 100)
    assert (folded.digest, folded.is_complete) == ("sha256:00", True)


def test_a_resumed_layer_counts_what_it_had():
    folded = fold(
        line("Downloading", "aaa", 400, 1000),
        line("Retrying in 5 seconds", "aaa"),
        line("Downloading", "aaa", 100, 600),
    )
    assert folded.progress("x").layers["aaa"] == ("Downloading", 500, 1000)
    assert folded.note is None
    folded.apply(read_pull_line(line("Downloading", "aaa", 30, 1000)))
    assert folded.downloaded_bytes == 30


def test_a_retry_is_one_piece_of_news():
    folded = fold(line("Downloading", "aaa", 400, 1000))
    news = [
        folded.apply(read_pull_line(line(f"Retrying in {n} seconds", "aaa"))) for n in (3, 2, 1)
    ]
    assert news == [True, False, False]
    assert "aaa" in (folded.note or "")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b'{"errorDetail":{"message":"long"},"error":"short"}', "long"),
        (b'{"error":"short"}', "short"),
        (b'{"errorDetail":{"code":1,"message":"only"}}', "only"),
        (b'{"status":"Pulling from x","id":"1"}', None),
    ],
)
def test_errors_are_found_in_either_form(text, error):
    assert read_pull_line(text).error == error


@pytest.mark.parametrize(
    "text", [b"", b"not json", b"[]", b'{"status":7}', b"\xff", b'{"progressDetail":null}']
)
def test_a_line_of_another_kind_carries_no_news(text):
    assert not PullFold().apply(read_pull_line(text))


def test_extraction_is_known_since_engines_are_silent_then():
    assert fold(line("Extracting", "aaa", 1, 2)).is_extracting
    assert not fold(line("Pull complete", "aaa")).is_extracting
