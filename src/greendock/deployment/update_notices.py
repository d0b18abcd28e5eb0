"""Tells components that an update is ahead and over, and waits while they defer it.

Every subscriber is told, whether or not the update concerns it. Components that stay silent or
defer for ever hold a deployment up for the time of its policy, those that leave not at all.
Subscriptions and answers come over IPC; the executor announces. Lives on the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from greendock.base.clock import Clock
from greendock.base.errors import DeploymentError, UsageError
from greendock.deployment.deferral import (
    Deferral,
    UpdateAhead,
    UpdateOver,
    deferring,
    pause_s,
)
from greendock.deployment.occasion import Occasion
from greendock.deployment.questions import Moment, Question, Subscriber, Subscribers
from greendock.deployment.record import Asked, ComponentWaiting

UpdateEvent: TypeAlias = UpdateAhead | UpdateOver


class UpdateNotices:
    """Subscriptions, and the one update that may be ahead."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._subscribers: Subscribers[UpdateEvent] = Subscribers()
        self._question: Question[UpdateEvent, Deferral] | None = None
        self._announced: str | None = None

    def subscribe(self, component: str, tell: Callable[[UpdateEvent], bool]) -> Callable[[], None]:
        """Tell of every update from now on; the returned function ends that."""
        return self._subscribers.subscribe(component, tell, self._gone)

    def defer(self, component: str, deployment_id: str, answer: Deferral) -> None:
        """A component's answer to the update that is ahead.

        Raises UsageError when it has not subscribed, DeploymentError when it is not asked (any
        more).
        """
        if not self._subscribers.of(component):
            raise UsageError(
                f"cannot defer the update: {component} has not subscribed to component updates"
            )
        question = self._question
        if (
            question is None
            or question.deployment_id != deployment_id
            or component not in question.waiting
        ):
            raise DeploymentError(
                f"cannot defer the update: no answer of {component} to deployment "
                f"{deployment_id} is waited for",
                hint="each preUpdateEvent can be answered once, and only in time",
            )
        question.answer(component, answer)

    async def announce(self, occasion: Occasion) -> None:
        """Returns when the update may go ahead. `finished` has to be called afterwards."""
        end = Moment.now(self._clock).after(occasion.timeout_s)
        self._announced = occasion.deployment_id
        try:
            while await self._answered(occasion, end) and await self._deferred(occasion, end):
                pass
        finally:
            self._question = None
            occasion.tell(())

    def finished(self, deployment_id: str) -> None:
        """The update that was announced is over, whatever became of it."""
        if self._announced == deployment_id:
            self._announced = None
            for subscriber in self._subscribers.all():
                subscriber.tell(UpdateOver(deployment_id))

    def _gone(self, subscriber: Subscriber[UpdateEvent]) -> None:
        if self._question is not None:
            self._question.leave(subscriber)

    async def _answered(self, occasion: Occasion, end: Moment) -> bool:
        """Ask everybody; whether all that are still there have answered in time."""
        ahead = UpdateAhead(occasion.deployment_id)
        told = [one for one in self._subscribers.all() if one.tell(ahead)]
        question: Question[UpdateEvent, Deferral]
        self._question = question = Question(occasion.deployment_id, told, self._clock)
        while question.waiting:
            left_s = end.monotonic - self._clock.monotonic()
            if left_s <= 0:
                names = ", ".join(question.waiting)
                occasion.warn(f"{names} did not answer whether the update may go ahead")
                return False
            occasion.tell(
                [ComponentWaiting(name, Asked.UPDATE, end.epoch) for name in question.waiting]
            )
            await question.news(left_s)
        return True

    async def _deferred(self, occasion: Occasion, end: Moment) -> bool:
        """Wait as long as the answers say; whether everybody has to be asked again."""
        question = self._question
        began = Moment.now(self._clock)
        while question is not None:
            deferrals = deferring(question.present, question.answers)
            if not deferrals:
                break
            again = began.after(pause_s(deferrals))
            now = self._clock.monotonic()
            if now >= end.monotonic:
                occasion.warn(f"{', '.join(deferrals)} deferred the update for longer than it may")
                break
            if now >= again.monotonic:
                return True
            earlier = min(again, end, key=lambda moment: moment.monotonic)
            occasion.tell(_deferrals(deferrals, earlier))
            await question.news(earlier.monotonic - now)
        return False


def _deferrals(deferrals: Mapping[str, Deferral], until: Moment) -> list[ComponentWaiting]:
    return [
        ComponentWaiting(component, Asked.UPDATE, until.epoch, True, deferral.message)
        for component, deferral in deferrals.items()
    ]
