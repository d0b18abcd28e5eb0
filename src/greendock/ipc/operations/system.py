"""Operations for components of the system and for people: tokens, metrics, debug passwords."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from greendock.ipc.calls import Call, Handler, Members
from greendock.ipc.component_metrics import ComponentMetrics, Measurement
from greendock.ipc.debug_passwords import DebugPasswords
from greendock.ipc.errors import OperationError, invalid_arguments, service_error, unauthorized
from greendock.ipc.rpc import NAMESPACE

STREAM_MANAGER = "aws.greengrass.StreamManager"
_SYSTEM_PREFIX = "aws."
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class SystemPorts:
    """`is_token`: whether a token opens this core's socket, in constant time. `pause` waits for so
    many seconds."""

    passwords: DebugPasswords
    metrics: ComponentMetrics
    is_token: Callable[[str], bool]
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


class SystemOperations:
    """Handlers over `SystemPorts`."""

    def __init__(self, ports: SystemPorts | None) -> None:
        self._ports = ports
        self._one_wrong_at_a_time = asyncio.Lock()

    def handlers(self) -> dict[str, Handler]:
        return {
            f"{NAMESPACE}CreateDebugPassword": self.create_debug_password,
            f"{NAMESPACE}ValidateAuthorizationToken": self.validate_token,
            f"{NAMESPACE}PutComponentMetric": self.put_metrics,
        }

    def create_debug_password(self, _call: Call) -> Members:
        made = self._available().passwords.create()
        return {
            "username": made.user,
            "password": made.password,
            "passwordExpiration": made.expires_at,
        }

    async def validate_token(self, call: Call) -> Members:
        """A right token is confirmed at once; wrong ones wait for their turn, however many streams
        and connections they come by, so that tokens can't be tried out."""
        if call.principal != STREAM_MANAGER:
            raise unauthorized(
                f"{call.principal} is not authorized to validate tokens: only {STREAM_MANAGER} is"
            )
        ports = self._available()
        if not ports.is_token(call.members["token"]):
            async with self._one_wrong_at_a_time:
                await ports.pause(_PAUSE_S)
            raise OperationError("InvalidTokenError", "Invalid token used")
        return {"isValid": True}

    def put_metrics(self, call: Call) -> Members:
        """All of the request's metrics, or none."""
        if not call.principal.startswith(_SYSTEM_PREFIX):
            raise unauthorized(
                f"{call.principal} is not authorized to put metrics: only components are whose "
                f"names begin with {_SYSTEM_PREFIX}"
            )
        metrics = self._available().metrics
        if not call.members["metrics"]:
            raise invalid_arguments("metrics is empty")
        measured = []
        for number, member in enumerate(call.members["metrics"]):
            try:
                measured.append(Measurement(member["name"], member["unit"], member["value"]))
            except ValueError as error:
                raise invalid_arguments(f"metrics[{number}]: {error}") from error
        if call.principal != STREAM_MANAGER:
            for name in dict.fromkeys(one.name for one in measured):
                call.allow(name)
        metrics.add(call.principal, measured)
        return {}

    def _available(self) -> SystemPorts:
        if self._ports is None:
            raise service_error("This operation is not available on this core")
        return self._ports
