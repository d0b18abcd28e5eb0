"""Asks components whether the configuration that a deployment would give them is valid.

A component is asked on the oldest of its open streams. One that rejects fails the deployment at
once; one that stays silent or leaves lets it go on. Subscriptions and reports come over IPC; the
executor asks, before anything is changed. Lives on the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from greendock.base.clock import Clock
from greendock.base.errors import UsageError
from greendock.deployment.occasion import Occasion
from greendock.deployment.questions import Moment, Question, Subscriber, Subscribers
from greendock.deployment.record import Asked, ComponentWaiting
from greendock.deployment.validity import ConfigurationAhead, ValidityReport, rejection


class ConfigurationChecks:
    """Subscriptions, and the one question that may be open."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._subscribers: Subscribers[ConfigurationAhead] = Subscribers()
        self._question: Question[ConfigurationAhead, ValidityReport] | None = None

    def subscribe(
        self, component: str, tell: Callable[[ConfigurationAhead], bool]
    ) -> Callable[[], None]:
        """Ask `component` from now on; the returned function ends that."""
        return self._subscribers.subscribe(component, tell, self._gone)

    def report(self, component: str, deployment_id: str, report: ValidityReport) -> None:
        """A component's answer; UsageError when none is waited for."""
        question = self._question
        if (
            question is None
            or question.deployment_id != deployment_id
            or component not in question.waiting
        ):
            raise UsageError(
                f"cannot take the report: none of {component} on deployment {deployment_id} is "
                "waited for",
                hint="each validateConfigurationUpdateEvent can be answered once, and only in "
                "time",
            )
        question.answer(component, report)

    async def check(
        self, occasion: Occasion, configurations: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Returns when no component rejects its configuration; DeploymentError when one does."""
        end = Moment.now(self._clock).after(occasion.timeout_s)
        self._question = question = self._ask(occasion.deployment_id, configurations)
        try:
            while True:
                error = rejection(question.answers)
                if error is not None:
                    raise error
                waiting = question.waiting
                if not waiting:
                    return
                left_s = end.monotonic - self._clock.monotonic()
                if left_s <= 0:
                    names = ", ".join(waiting)
                    occasion.warn(f"{names} did not say whether the new configuration is valid")
                    return
                occasion.tell(
                    [ComponentWaiting(name, Asked.CONFIGURATION, end.epoch) for name in waiting]
                )
                await question.news(left_s)
        finally:
            self._question = None
            occasion.tell(())

    def _gone(self, subscriber: Subscriber[ConfigurationAhead]) -> None:
        if self._question is not None:
            self._question.leave(subscriber)

    def _ask(
        self, deployment_id: str, configurations: Mapping[str, Mapping[str, Any]]
    ) -> Question[ConfigurationAhead, ValidityReport]:
        told = []
        for component, configuration in configurations.items():
            ahead = ConfigurationAhead(deployment_id, configuration)
            told += [one for one in self._subscribers.of(component)[:1] if one.tell(ahead)]
        return Question(deployment_id, told, self._clock)
