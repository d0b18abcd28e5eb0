"""What the core does for components of the system and for consoles: passwords, metrics, tokens.

Built once; `passwords` is for the console, `metrics` for who sends them on.
"""

from __future__ import annotations

from greendock.base.clock import Clock
from greendock.ipc.component_metrics import ComponentMetrics
from greendock.ipc.debug_passwords import DebugPasswords
from greendock.ipc.operations.system import SystemPorts
from greendock.ipc.tokens import Tokens


def system_ports(tokens: Tokens, clock: Clock) -> SystemPorts:
    return SystemPorts(
        passwords=DebugPasswords(clock),
        metrics=ComponentMetrics(clock),
        is_token=lambda token: tokens.authenticate(token) is not None,
        pause=clock.sleep,
    )
