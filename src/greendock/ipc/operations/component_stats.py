"""What components use (`greendock#GetComponentStats`): CPU, memory, restarts.

Used CPU is a sum since the beginning: who asks twice can tell the share between, by
`clockSeconds`, which never jumps. Measuring is behind the `ComponentStats` port.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from greendock.ipc.calls import Call, Handler, Members
from greendock.ipc.errors import not_found, service_error
from greendock.ipc.ports import Components, ComponentStats, ComponentUsage
from greendock.ipc.rpc import EXTENSION_NAMESPACE
from greendock.lifecycle.model import ComponentView


class ComponentStatsOperations:
    """Handlers over the `ComponentStats` port; a core may lack it."""

    def __init__(self, components: Components, stats: ComponentStats | None) -> None:
        self._components = components
        self._stats = stats

    def handlers(self) -> dict[str, Handler]:
        return {f"{EXTENSION_NAMESPACE}GetComponentStats": self.stats}

    async def stats(self, call: Call) -> Members:
        if self._stats is None:
            raise service_error("component statistics are not available on this core")
        views = self._views(call.members.get("componentNames") or ())
        before = time.monotonic()
        found = await self._stats.measure([view.name for view in views])
        return {
            # The engine may take its time to answer: the middle is nearest to the measurement.
            "clockSeconds": (before + time.monotonic()) / 2,
            "components": [_row(view, found[view.name]) for view in views if view.name in found],
        }

    def _views(self, names: Sequence[str]) -> list[ComponentView]:
        if not names:
            return list(self._components.views())
        views: list[ComponentView] = []
        for name in dict.fromkeys(names):
            view = self._components.view(name)
            if view is None:
                raise not_found("Component", name, f"cannot find component {name} on this core")
            views.append(view)
        return views


def _row(view: ComponentView, usage: ComponentUsage) -> Members:
    return {
        "componentName": view.name,
        "version": view.version,
        "state": view.state.value,
        "cpuSeconds": usage.cpu_s,
        "memoryBytes": usage.memory_bytes,
        "memoryLimitBytes": usage.memory_limit_bytes,
        "cpuLimit": usage.cpu_limit,
        "restarts": view.restarts,
        "containerRestarts": usage.container_restarts,
        "processes": usage.processes,
        "containers": usage.containers,
        "missing": usage.missing,
    }
