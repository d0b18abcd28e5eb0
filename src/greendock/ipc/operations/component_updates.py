"""Components learn of updates that are ahead, and may defer them.

SubscribeToComponentUpdates and DeferComponentUpdate act for the caller alone. When everybody is
asked and whose answer counts is decided behind the port.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from greendock.deployment.deferral import Deferral, UpdateAhead
from greendock.deployment.update_notices import UpdateEvent
from greendock.ipc.calls import Call, EventSink, Handler, Members, Subscription
from greendock.ipc.errors import service_error
from greendock.ipc.operations.own_words import own_words
from greendock.ipc.rpc import NAMESPACE

_LONGEST_MS = 2**53


class ComponentUpdates(Protocol):
    """The update that may be ahead, and who wants to know of it."""

    def subscribe(self, component: str, tell: Callable[[UpdateEvent], bool]) -> Callable[[], None]:
        """`tell` is false when the event could not be sent; the result ends the subscription."""

    def defer(self, component: str, deployment_id: str, answer: Deferral) -> None:
        """UsageError when it has not subscribed, DeploymentError when it is not asked."""


class ComponentUpdateOperations:
    """Handlers over the `ComponentUpdates` port."""

    def __init__(self, updates: ComponentUpdates | None) -> None:
        self._updates = updates

    def handlers(self) -> dict[str, Handler]:
        return {
            f"{NAMESPACE}SubscribeToComponentUpdates": self.subscribe,
            f"{NAMESPACE}DeferComponentUpdate": self.defer,
        }

    def subscribe(self, call: Call) -> Subscription:
        updates = self._port()

        def start(sink: EventSink) -> Callable[[], None]:
            return updates.subscribe(call.principal, lambda event: sink.send(_wire(event)))

        return Subscription(start, {})

    def defer(self, call: Call) -> Members:
        members = call.members
        # An answer without a time lets the update go ahead, as the documentation says.
        recheck_ms = max(0, min(members.get("recheckAfterMs", 0), _LONGEST_MS))
        answer = Deferral(recheck_ms, own_words(members.get("message")))
        self._port().defer(call.principal, members["deploymentId"], answer)
        return {}

    def _port(self) -> ComponentUpdates:
        if self._updates is None:
            raise service_error("component updates are not available on this core")
        return self._updates


def _wire(event: UpdateEvent) -> Members:
    if isinstance(event, UpdateAhead):
        return {
            "preUpdateEvent": {
                "deploymentId": event.deployment_id,
                "isGgcRestarting": event.restarts_core,
            }
        }
    return {"postUpdateEvent": {"deploymentId": event.deployment_id}}
