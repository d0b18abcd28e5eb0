"""What the cases of the conformance programs share: how they are kept, and how they check."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from awsiot.greengrasscoreipc import model
from caller import WAIT_S

SELF = "com.example.Conformance"
TARGET = "com.example.Target"
SECRET = "conformance"
NOBODY = "com.example.Nobody"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


class Case(NamedTuple):
    run: Callable[[Any], None]
    group: str
    proves: tuple[str, ...]
    fails: tuple[str, ...]


CASES: list[Case] = []


def case(
    *proves: str, fails: tuple[str, ...] = (), group: str = "allowed"
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """`proves`: operations that succeed in it; `fails`: those that it makes fail."""

    def kept(run: Callable[[Any], None]) -> Callable[[Any], None]:
        CASES.append(Case(run, group, proves, fails))
        return run

    return kept


def refused(error: type[Exception], call: Callable[..., Any], *args: Any, **members: Any) -> Any:
    """The error that the call fails with; anything else fails the case."""
    try:
        call(*args, **members)
    except error as found:
        assert getattr(found, "message", None), f"{error.__name__} without a message"
        return found
    raise AssertionError(f"{args} succeeded and had to be refused with {error.__name__}")


def until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("the condition did not come true in time")


def unique(client: Any, text: str) -> str:
    return f"{text}/{client.name}/{os.getpid()}/{time.monotonic_ns()}"


def binary(content: bytes) -> Any:
    return model.PublishMessage(binary_message=model.BinaryMessage(message=content))


def state_of(client: Any, name: str) -> str:
    answer = client.call("get_component_details", component_name=name)
    return str(answer.component_details.state)
