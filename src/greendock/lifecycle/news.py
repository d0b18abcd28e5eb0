"""Tells the core's listeners and logs that a component is in another state.

component.py calls it at every transition; nothing is decided here.
"""

from __future__ import annotations

import logging

from greendock.lifecycle.host import Host
from greendock.lifecycle.model import ComponentSpec, ComponentStateChanged, State
from greendock.lifecycle.status import Failure

_log = logging.getLogger("greendock.lifecycle")


def announce(host: Host, spec: ComponentSpec, old: State, new: State, status: Failure) -> None:
    """Publish the change and log it as Greengrass does. `status` is what is shown from now on."""
    now = host.clock.now()
    change = ComponentStateChanged(
        spec.name, spec.version, old, new, status.code, status.reason, now
    )
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
