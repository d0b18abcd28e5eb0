"""Operations on components: list, details, restart, stop, and our fuller descriptions.

Restart and stop answer when the request is accepted; they don't wait for its end.
"""

from __future__ import annotations

from collections.abc import Callable

from greendock.base.errors import UsageError
from greendock.ipc.calls import Call, Handler, Members
from greendock.ipc.errors import invalid_arguments, not_found
from greendock.ipc.operations.component_shape import component_details, described_component
from greendock.ipc.ports import Components, ContainerViews
from greendock.ipc.rpc import EXTENSION_NAMESPACE, NAMESPACE
from greendock.lifecycle.model import ComponentView


class ComponentOperations:
    """Handlers over the `Components` and `ContainerViews` ports."""

    def __init__(self, components: Components, containers: ContainerViews | None = None) -> None:
        self._components = components
        self._containers = containers

    def handlers(self) -> dict[str, Handler]:
        return {
            f"{NAMESPACE}ListComponents": self.list,
            f"{NAMESPACE}GetComponentDetails": self.details,
            f"{NAMESPACE}RestartComponent": self.restart,
            f"{NAMESPACE}StopComponent": self.stop,
            f"{EXTENSION_NAMESPACE}DescribeComponents": self.describe_all,
            f"{EXTENSION_NAMESPACE}DescribeComponent": self.describe,
        }

    def list(self, _call: Call) -> Members:
        return {"components": [component_details(view) for view in self._components.views()]}

    def details(self, call: Call) -> Members:
        return {"componentDetails": component_details(self._view(call))}

    def describe_all(self, _call: Call) -> Members:
        return {"components": [self._described(view) for view in self._components.views()]}

    def describe(self, call: Call) -> Members:
        return {"component": self._described(self._view(call))}

    def restart(self, call: Call) -> Members:
        return self._ask(call, self._components.restart, "restartStatus")

    def stop(self, call: Call) -> Members:
        return self._ask(call, self._components.stop, "stopStatus")

    def _ask(self, call: Call, action: Callable[[str], None], status: str) -> Members:
        name = self._view(call).name
        try:
            action(name)
        except UsageError as error:
            return {status: "FAILED", "message": error.explain()}
        return {status: "SUCCEEDED"}

    def _described(self, view: ComponentView) -> Members:
        found = self._containers.of(view.name) if self._containers is not None else None
        return described_component(view, found)

    def _view(self, call: Call) -> ComponentView:
        name = call.members["componentName"]
        if not name:
            raise invalid_arguments("componentName is empty")
        view = self._components.view(name)
        if view is None:
            raise not_found("Component", name, f"cannot find component {name} on this core")
        return view
