"""Who components are to the IPC server: a token for each generation, a socket folder for each.

Fills Identities of lifecycle from tokens, socket folders and the bus. Decides one thing: whether
the end of a generation takes its token back (somebody asked for that end) or leaves it to a
detached container. Called by the core, in the order of its methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from greendock.base.events import Bus
from greendock.ipc.socket_folders import SocketFolders
from greendock.ipc.tokens import Tokens
from greendock.lifecycle.model import ComponentSpec, ComponentStateChanged, State


class ComponentIdentities:
    """One per core. `version_of` gives the version that a component runs by now;
    `engine_exists`: containers are possible on this machine."""

    def __init__(
        self,
        tokens: Tokens,
        folders: SocketFolders,
        bus: Bus,
        version_of: Callable[[str], str],
        engine_exists: Callable[[], bool],
    ) -> None:
        self._tokens = tokens
        self._folders = folders
        self._version_of = version_of
        self._engine_exists = engine_exists
        self._dismissed: set[str] = set()
        self._components: tuple[str, ...] = ()
        bus.listen(self._changed, ComponentStateChanged)

    def load(self, deployed: Mapping[str, ComponentSpec]) -> None:
        """Before the core listens: containers of an earlier life are known again from the first
        connection on."""
        self._components = tuple(deployed)
        self._tokens.load({name: spec.version for name, spec in deployed.items()})

    def listens(self) -> None:
        """The core's socket is there; containers that have a folder of it mounted find it now."""
        self._folders.restore(self._components)

    # -- lifecycle.ports.Identities

    def issue(self, component: str, generation: int) -> str:
        self._folders.open(component)
        return self._tokens.issue(component, generation, self._version_of(component))

    def dismiss(self, component: str) -> None:
        self._dismissed.add(component)
        self._take_back_left(component)

    def revoke(self, component: str, generation: int) -> None:
        if component in self._dismissed or not self._engine_exists():
            self._tokens.revoke(component, generation)
        else:
            self._tokens.leave(component, generation)

    def _changed(self, change: ComponentStateChanged) -> None:
        if change.new in (State.NEW, State.STARTING, State.UNINSTALLED):
            self._dismissed.discard(change.component)
        if change.new is State.UNINSTALLED:
            self._take_back_left(change.component)
            self._folders.close(change.component)

    def _take_back_left(self, component: str) -> None:
        left = self._tokens.left
        self._tokens.revoke_left([one for one in left if one.principal == component])

    # -- the end of the core

    def end(self) -> None:
        """The core is about to stop its components: detached containers keep their tokens."""
        self._tokens.keep_record()

    def hang_up(self) -> None:
        """The core listens no more."""
        self._folders.hang_up()
