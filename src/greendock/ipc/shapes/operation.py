"""One row of the table of operations.

Pure data; the rows are in the other files of this folder, the whole table in `table.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from greendock.ipc.kinds import Structure
from greendock.ipc.rpc import NAMESPACE

ARGUMENTS = "InvalidArgumentsError"
CONFLICT = "ConflictError"
NOT_FOUND = "ResourceNotFoundError"
SERVICE = "ServiceError"
UNAUTHORIZED = "UnauthorizedError"


@dataclass(frozen=True, slots=True)
class Access:
    """Which policy a caller needs. `resource` names the request member whose value is tested;
    None tests the text `*`. `by_handler`: the handler tests, by `Call.allow`, since the resource
    does not stand in the request as such. `is_topic`: patterns may hold MQTT wildcards."""

    service: str
    resource: str | None = None
    by_handler: bool = False
    is_topic: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One row. `access` None: every component may, for what is its own. `errors` are bare names,
    as the model lists them; any operation may also answer InvalidArgumentsError,
    UnauthorizedError and ServiceError, which every client can map."""

    name: str
    request: Structure
    access: Access | None
    errors: tuple[str, ...] = ()
    event: str | None = None
    """Full name of the event union of a subscription; None: one answer only."""
    deadline_s: float = 60

    @property
    def response(self) -> str:
        return f"{self.name}Response"


def operation(
    name: str, request: Structure, access: Access | None, *errors: str, event: str | None = None
) -> Operation:
    """A row of the Greengrass model; `name` and `event` without namespace."""
    union = None if event is None else f"{NAMESPACE}{event}"
    return Operation(f"{NAMESPACE}{name}", request, access, errors, union)
