"""What components say of their own state (`UpdateState`)."""

from __future__ import annotations

from greendock.ipc.calls import Call, Handler, Members
from greendock.ipc.errors import not_found, service_error
from greendock.ipc.ports import Components, StateReports
from greendock.ipc.rpc import NAMESPACE
from greendock.lifecycle.model import State


class StateOperations:
    """Handler over the `StateReports` port."""

    def __init__(self, components: Components, reports: StateReports | None) -> None:
        self._components = components
        self._reports = reports

    def handlers(self) -> dict[str, Handler]:
        return {f"{NAMESPACE}UpdateState": self.update}

    def update(self, call: Call) -> Members:
        if self._reports is None:
            raise service_error("Reports of states are not available on this core")
        if self._components.view(call.principal) is None:
            raise not_found(
                "Component", call.principal, f"cannot find component {call.principal} on this core"
            )
        self._reports.request_state(call.principal, State(call.members["state"]))
        return {}
