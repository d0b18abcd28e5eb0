"""Who may have the device's AWS credentials; pure.

Upstream gives them to every component. Here it is those that depend on the service, as the
documents' recipes do, unless the configuration lists others; people at the command line, who may
deploy what they like, may have them always.
"""

from __future__ import annotations

from collections.abc import Set

from greendock.config.token_exchange import EVERYBODY
from greendock.token_exchange.ports import Caller

_SERVICE = "aws.greengrass.TokenExchangeService"


def refusal(caller: Caller, dependers: Set[str], allowed: tuple[str, ...] | None) -> str | None:
    """Why `caller` gets nothing, with what would allow it; None when it may have them."""
    if caller.is_client:
        return None
    name = caller.name
    if allowed is None:
        if name in dependers:
            return None
        return (
            f"{name} gets no AWS credentials: its recipe does not name {_SERVICE} in its "
            f"ComponentDependencies, which would allow it, as would {_entry(name)}"
        )
    if name in allowed or EVERYBODY in allowed:
        return None
    return f"{name} gets no AWS credentials: it is not in the list; {_entry(name)} would allow it"


def _entry(name: str) -> str:
    return f'"{name}" in greendock.allow of the configuration of {_SERVICE}'
