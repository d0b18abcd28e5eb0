"""What the core says of itself (`greendock#GetCoreStatus`)."""

from __future__ import annotations

from typing import Any

from greendock.ipc.calls import Call, Handler, Members
from greendock.ipc.ports import Components, CoreStatus, EngineView
from greendock.ipc.rpc import EXTENSION_NAMESPACE


class CoreOperations:
    """Handlers over the `CoreStatus` port."""

    def __init__(self, core: CoreStatus, components: Components) -> None:
        self._core = core
        self._components = components

    def handlers(self) -> dict[str, Handler]:
        return {f"{EXTENSION_NAMESPACE}GetCoreStatus": self.status}

    def status(self, _call: Call) -> Members:
        view = self._core.status()
        members: dict[str, Any] = {
            "version": view.version,
            "rootPath": str(view.root),
            "pid": view.pid,
            "startedAt": view.started_at,
            "componentCount": len(self._components.views()),
        }
        if view.engine is not None:
            members["engine"] = _engine(view.engine)
        return members


def _engine(engine: EngineView) -> dict[str, str]:
    members = {"address": engine.address, "state": engine.state}
    if engine.version is not None:
        members["version"] = engine.version
    if engine.api_version is not None:
        members["apiVersion"] = engine.api_version
    return members
