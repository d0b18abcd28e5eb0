"""What people see of components' containers: fills `ContainerViews` of the IPC operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from greendock.daemon.owned_containers import ContainerOwnership
from greendock.docker.containers.view import ContainersView, UnownedContainer

if TYPE_CHECKING:
    from greendock.daemon.container_limits import ComponentLimits


class ComponentContainerViews:
    """`unowned`: containers of a component that went past its socket, as far as is known."""

    def __init__(
        self,
        ownership: ContainerOwnership,
        limits: Callable[[], ComponentLimits],
        unowned: Callable[[str], tuple[UnownedContainer, ...]],
    ) -> None:
        self._ownership = ownership
        self._limits = limits
        self._unowned = unowned

    def of(self, component: str) -> ContainersView | None:
        found = self._ownership.of_component(component)
        if found is None:
            return None
        life_id, life = found
        if not life.has_socket:
            return None
        return ContainersView(
            state=self._ownership.state(life_id),
            limits=self._limits().in_force(component),
            unowned=self._unowned(component),
        )
