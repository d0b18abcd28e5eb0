"""Components check the configuration that a deployment would give them.

SubscribeToValidateConfigurationUpdates and SendConfigurationValidityReport act for the caller
alone. Who is asked and what a report leads to is decided behind the port.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from greendock.deployment.validity import ConfigurationAhead, ValidityReport
from greendock.ipc.calls import Call, EventSink, Handler, Members, Subscription
from greendock.ipc.errors import service_error
from greendock.ipc.operations.own_words import own_words
from greendock.ipc.rpc import NAMESPACE


class ConfigurationValidity(Protocol):
    """The question that may be open, and who answers such questions."""

    def subscribe(
        self, component: str, tell: Callable[[ConfigurationAhead], bool]
    ) -> Callable[[], None]:
        """`tell` is false when the event could not be sent; the result ends the subscription."""

    def report(self, component: str, deployment_id: str, report: ValidityReport) -> None:
        """UsageError when no report of this component is waited for."""


class ConfigurationValidityOperations:
    """Handlers over the `ConfigurationValidity` port."""

    def __init__(self, checks: ConfigurationValidity | None) -> None:
        self._checks = checks

    def handlers(self) -> dict[str, Handler]:
        return {
            f"{NAMESPACE}SubscribeToValidateConfigurationUpdates": self.subscribe,
            f"{NAMESPACE}SendConfigurationValidityReport": self.report,
        }

    def subscribe(self, call: Call) -> Subscription:
        checks = self._port()

        def start(sink: EventSink) -> Callable[[], None]:
            return checks.subscribe(call.principal, lambda event: sink.send(_wire(event)))

        return Subscription(start, {})

    def report(self, call: Call) -> Members:
        members = call.members["configurationValidityReport"]
        report = ValidityReport(members["status"] == "ACCEPTED", own_words(members.get("message")))
        self._port().report(call.principal, members["deploymentId"], report)
        return {}

    def _port(self) -> ConfigurationValidity:
        if self._checks is None:
            raise service_error("configuration checks are not available on this core")
        return self._checks


def _wire(event: ConfigurationAhead) -> Members:
    return {
        "validateConfigurationUpdateEvent": {
            "deploymentId": event.deployment_id,
            "configuration": event.configuration,
        }
    }
