"""The version of the API is the newest one that both sides know, or the one that is forced."""

from __future__ import annotations

import pytest

from greendock.docker.engine.api_version import choose_version
from greendock.docker.errors import ApiVersionRefused, EngineTooOld


@pytest.mark.parametrize(
    ("engine", "forced", "chosen"),
    [
        ("1.21", None, (1, 21)),
        ("1.41", None, (1, 41)),
        ("1.55", None, (1, 51)),
        ("2.0", None, (1, 51)),
        ("1.41", "1.21", (1, 21)),
        ("1.41", "v1.30", (1, 30)),
    ],
)
def test_the_version_both_know_is_chosen(engine, forced, chosen):
    assert choose_version(engine, forced) == chosen


@pytest.mark.parametrize(
    ("engine", "forced", "error"),
    [
        ("1.20", None, EngineTooOld),
        ("1.9", None, EngineTooOld),
        ("1.41", "1.20", EngineTooOld),
        ("1.41", "1.42", ApiVersionRefused),
        ("1.41", "latest", ApiVersionRefused),
        ("", None, ApiVersionRefused),
        ("<html>", None, ApiVersionRefused),
    ],
)
def test_what_cannot_work_is_refused(engine, forced, error):
    with pytest.raises(error):
        choose_version(engine, forced)
