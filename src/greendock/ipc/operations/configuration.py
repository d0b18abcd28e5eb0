"""A component's configuration: read by anybody, changed by its owner, watched.

Values are found by names in any case of their letters. Rules of what an update may change are in
config/own_update.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from greendock.base.events import Bus
from greendock.config.changes import ConfigurationChanged
from greendock.config.lookup import Found, is_below, look_up, without_hidden
from greendock.config.own_update import OwnUpdate
from greendock.ipc.authorization import is_client
from greendock.ipc.calls import Call, EventSink, Handler, Members, Subscription
from greendock.ipc.errors import OperationError, not_found, service_error, unauthorized
from greendock.ipc.rpc import NAMESPACE


class Configurations(Protocol):
    """The configurations of this core's components."""

    def read(self, component: str) -> tuple[str, Mapping[str, Any]] | None:
        """The component's name as it is stored, and its configuration."""

    async def update(self, component: str, update: OwnUpdate) -> bool:
        """Returns once it is durable; False when a newer value stood in its way.

        Raises UsageError and DeviceError; nothing has changed then.
        """


class ConfigurationOperations:
    """Handlers over the `Configurations` port."""

    def __init__(self, configurations: Configurations | None, bus: Bus) -> None:
        self._configurations = configurations
        self._bus = bus

    def handlers(self) -> dict[str, Handler]:
        return {
            f"{NAMESPACE}GetConfiguration": self.get,
            f"{NAMESPACE}UpdateConfiguration": self.update,
            f"{NAMESPACE}SubscribeToConfigurationUpdate": self.subscribe,
        }

    def get(self, call: Call) -> Members:
        component, found = self._find(call)
        value = without_hidden(found.value)
        if not isinstance(value, Mapping):
            value = {found.path[-1]: value}
        return {"componentName": component, "value": value}

    async def update(self, call: Call) -> Members:
        if is_client(call.principal):
            raise unauthorized(
                f"cannot update the configuration of {call.principal}: it is no component, and "
                "that of a component is changed by itself or by a deployment"
            )
        update = OwnUpdate(
            tuple(call.members.get("keyPath", ())),
            call.members["valueToMerge"],
            _milliseconds(call.members["timestamp"]),
        )
        if not await self._port().update(call.principal, update):
            raise OperationError(
                "FailedUpdateConditionCheckError",
                "cannot update the whole configuration: a value there is newer than the request",
            )
        return {}

    def subscribe(self, call: Call) -> Subscription:
        component, found = self._find(call)
        return Subscription(lambda sink: self._watch(sink, component, found.path), {})

    def _watch(
        self, sink: EventSink, component: str, container: tuple[str, ...]
    ) -> Callable[[], None]:
        def tell(event: ConfigurationChanged) -> None:
            if event.component != component:
                return
            for path in event.key_paths:
                change = {"componentName": component, "keyPath": list(path)}
                if is_below(path, container) and not sink.send(
                    {"configurationUpdateEvent": change}, droppable=True
                ):
                    # A reader so slow would not learn that an event is missing, but of this.
                    return sink.close()

        return self._bus.listen(tell, ConfigurationChanged)

    def _find(self, call: Call) -> tuple[str, Found]:
        name = call.members.get("componentName") or call.principal
        key_path = call.members.get("keyPath", [])
        known = self._port().read(name)
        found = None if known is None else look_up(known[1], key_path)
        if known is None or found is None:
            raise not_found("Key", "/".join((name, *key_path)), "Key not found")
        return known[0], found

    def _port(self) -> Configurations:
        if self._configurations is None:
            raise service_error("Configurations are not available on this core")
        return self._configurations


def _milliseconds(seconds: float) -> int:
    try:
        return round(seconds * 1000)
    except OverflowError:
        return -1
