"""PauseComponent and ResumeComponent: answered when the component stands still, or goes on.

Tests what the request says, in the order that clients know from other cores; whether the component
can be paused is for the core to say.
"""

from __future__ import annotations

from greendock.ipc.calls import Call, Handler, Members
from greendock.ipc.errors import invalid_arguments, not_found, service_error
from greendock.ipc.ports import ComponentPauses, Components
from greendock.ipc.rpc import NAMESPACE


class PauseOperations:
    """Handlers over the ports `Components` and `ComponentPauses`."""

    def __init__(self, components: Components, pauses: ComponentPauses | None) -> None:
        self._components = components
        self._pauses = pauses

    def handlers(self) -> dict[str, Handler]:
        return {
            f"{NAMESPACE}PauseComponent": self.pause,
            f"{NAMESPACE}ResumeComponent": self.resume,
        }

    async def pause(self, call: Call) -> Members:
        name = self._name(call)
        await self._port().pause(name)
        return {}

    async def resume(self, call: Call) -> Members:
        name = self._name(call)
        await self._port().resume(name)
        return {}

    def _name(self, call: Call) -> str:
        name: str = call.members["componentName"]
        if not name:
            raise invalid_arguments("componentName is empty")
        call.allow(name)
        if self._components.view(name) is None:
            raise not_found("Component", name, f"cannot find component {name} on this core")
        return name

    def _port(self) -> ComponentPauses:
        if self._pauses is None:
            raise service_error("pausing components is not available on this core")
        return self._pauses
