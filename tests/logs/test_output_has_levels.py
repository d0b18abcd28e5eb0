"""Lines of containers have the level that they name in JSON, else their stream's."""

from __future__ import annotations

import pytest

from greendock.base.output_levels import output_level


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("hello", None),
        ("ERROR something", None),
        ('{"level":"error","msg":"x"}', "ERROR"),
        ('{"severity": "Warning", "message": "x"}', "WARN"),
        ('{"lvl":"dbug","msg":"x"}', None),
        ('{"lvl":"debug"}', "DEBUG"),
        ('{"level":50}', "ERROR"),
        ('{"level":30}', "INFO"),
        ('{"level":10}', "TRACE"),
        ('{"level":3}', None),
        ('{"level":true}', None),
        ('{"level":NaN}', None),
        ('{"level":null,"severity":"CRITICAL"}', "ERROR"),
        ('{"a":{"level":"error"}}', None),
        ('{"level":"error"', None),
        ('{"level":' + "[" * 5000, None),
        ('["level"]', None),
    ],
)
def test_levels(text, level):
    assert output_level("stdout", text) == (level or "INFO")
    assert output_level("stderr", text) == (level or "WARN")
