"""A question that several components are asked at once, and the answers as they come.

Knows who was told by which stream, who has not answered, and who is gone. What the answers mean
is decided in deferral.py and validity.py; update_notices.py and configuration_checks.py ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from greendock.base.clock import Clock
from greendock.lifecycle.bell import Bell

E = TypeVar("E")
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Moment:
    """One point in time on both clocks: for waits, and for people."""

    monotonic: float
    epoch: float

    @classmethod
    def now(cls, clock: Clock) -> Moment:
        return cls(clock.monotonic(), clock.now())

    def after(self, seconds: float) -> Moment:
        return Moment(self.monotonic + seconds, self.epoch + seconds)


@dataclass(frozen=True, slots=True, eq=False)
class Subscriber(Generic[E]):
    """One open stream of a component. `tell` is false when the event could not be sent."""

    component: str
    tell: Callable[[E], bool]


class Subscribers(Generic[E]):
    """The open streams, each component's oldest first."""

    def __init__(self) -> None:
        self._streams: dict[Subscriber[E], None] = {}

    def subscribe(
        self,
        component: str,
        tell: Callable[[E], bool],
        gone: Callable[[Subscriber[E]], None],
    ) -> Callable[[], None]:
        """A new stream. The returned function ends it, and then `gone` hears of it."""
        subscriber = Subscriber(component, tell)
        self._streams[subscriber] = None

        def end() -> None:
            self._streams.pop(subscriber, None)
            gone(subscriber)

        return end

    def of(self, component: str) -> list[Subscriber[E]]:
        return [one for one in self._streams if one.component == component]

    def all(self) -> list[Subscriber[E]]:
        return list(self._streams)


class Question(Generic[E, A]):
    """One question of one deployment, from the moment it was asked."""

    def __init__(self, deployment_id: str, told: Iterable[Subscriber[E]], clock: Clock) -> None:
        self.deployment_id = deployment_id
        self.answers: dict[str, A] = {}
        self._told: dict[str, set[Subscriber[E]]] = {}
        self._bell = Bell(clock)
        for subscriber in told:
            self._told.setdefault(subscriber.component, set()).add(subscriber)

    @property
    def present(self) -> list[str]:
        """Who was asked and is still connected."""
        return list(self._told)

    @property
    def waiting(self) -> list[str]:
        """Who was asked, is still connected, and has not answered."""
        return [component for component in self._told if component not in self.answers]

    def answer(self, component: str, answer: A) -> None:
        self.answers[component] = answer
        self._bell.ring()

    def leave(self, subscriber: Subscriber[E]) -> None:
        """The stream is over. A component without any of the streams it was asked by is gone."""
        streams = self._told.get(subscriber.component, set())
        streams.discard(subscriber)
        if not streams:
            self._told.pop(subscriber.component, None)
        self._bell.ring()

    async def news(self, at_most_s: float) -> None:
        """Until an answer, a departure, or the time is up."""
        await self._bell.wait(at_most_s=at_most_s)
