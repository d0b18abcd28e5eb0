"""A wait for a container's health has no end that could be shown."""

from __future__ import annotations

from greendock.cli.deployment_text import waiting_text


def test_no_time_is_shown_where_time_does_not_decide():
    wait = {
        "component": "C",
        "about": "health",
        "deferred": False,
        "message": "container web is not healthy yet",
    }
    assert waiting_text(wait, 1.0) == "Waiting: C: container web is not healthy yet"
