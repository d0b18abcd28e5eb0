"""Processes that belong to no running component: ended at the start and at the end of the core.

A core that was killed leaves its components' scripts running; a second start of the same component
would collide with them. They are known by their control group and by their mark.
"""

from __future__ import annotations

import asyncio
import logging
import signal

from greendock.lifecycle.cgroups import ControlGroups
from greendock.lifecycle.orphans import foreign_children, reap_orphans
from greendock.lifecycle.process_tree import (
    ProcessTree,
    end_processes,
    marked_processes,
    send_signal,
)

_log = logging.getLogger("greendock.lifecycle")
_GRACE_S = 5.0


async def end_earlier_life(core_id: str, groups: ControlGroups) -> None:
    """End what an earlier life of this core left running."""
    async with asyncio.TaskGroup() as tasks:
        for name in groups.leftovers():
            tasks.create_task(_end_group(core_id, name, groups))
    groups.sweep_containers()
    marked = marked_processes(core_id)
    if marked:
        pids = [process.pid for process in marked]
        _log.warning("ending processes that an earlier life of the core left: pids %s", pids)
        for process in marked:
            if process.stopped:
                send_signal(process, signal.SIGCONT)
        await end_processes(marked, _GRACE_S)


async def _end_group(core_id: str, component: str, groups: ControlGroups) -> None:
    group = groups.group(component)
    if group is None:
        return
    # A core that was killed may have left it frozen: no signal would be heard.
    group.thaw()
    if group.members():
        _log.warning("ending processes of %s that an earlier life of the core left", component)
        await ProcessTree(core_id, component, group).end(_GRACE_S)
    group.remove()


async def end_strays(spared: frozenset[int]) -> None:
    """Once all components are stopped: end children that nobody claims any more.

    Needed only without control groups, where a process that changed its session, lost its parent
    and cleared its environment can't be told apart. `spared` were there before the core.
    """
    strays = [process for process in foreign_children() if process.pid not in spared]
    if strays:
        _log.warning("ending unclaimed processes: pids %s", [stray.pid for stray in strays])
        await end_processes(strays, 0.0)
    reap_orphans()
