"""Tells the core's listeners and logs that a component is in another state.

component.py calls it at every transition; nothing is decided here.
"""

from __future__ import annotations

import logging

from greendock.lifecycle.host import Host
from greendock.lifecycle.model import ComponentStateChanged, State

_log = logging.getLogger("greendock.lifecycle")


def announce(host: Host, change: ComponentStateChanged) -> None:
    """Publish the change and log it as Greengrass does."""
    host.bus.publish(change)
    contexts = {
        "serviceName": change.component,
        "currentState": change.old,
        "newState": change.new,
    }
    _log.info("", extra={"event": "service-set-state", "contexts": contexts})
    if change.new is State.BROKEN:
        name, last = change.component, change.status_reason
        _log.error("%s is given up after repeated errors, the last: %s", name, last)
