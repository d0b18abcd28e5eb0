"""Names of things and shadows, and the topics that belong to them; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from greendock.shadows.errors import ShadowRefused

_NAME = re.compile(r"[a-zA-Z0-9:_-]+", re.ASCII)
_MOST_THING_CHARACTERS = 128
_MOST_SHADOW_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class ShadowName:
    """`shadow` "" is the thing's classic shadow, which has no name."""

    thing: str
    shadow: str = ""

    @property
    def resource(self) -> str:
        """What policies name; the shadow's topics begin with it too."""
        base = f"$aws/things/{self.thing}/shadow"
        return f"{base}/name/{self.shadow}" if self.shadow else base

    @property
    def title(self) -> str:
        """For people."""
        what = f"shadow {self.shadow}" if self.shadow else "the classic shadow"
        return f"{what} of thing {self.thing}"


def shadow_name(thing: str, shadow: str | None) -> ShadowName:
    """Raises ShadowRefused."""
    return ShadowName(thing_name(thing), _checked(shadow, "shadowName", _MOST_SHADOW_CHARACTERS))


def thing_name(thing: str) -> str:
    """Raises ShadowRefused."""
    if not thing:
        raise ShadowRefused("cannot use thingName: it is empty")
    return _checked(thing, "thingName", _MOST_THING_CHARACTERS)


def _checked(name: str | None, member: str, most: int) -> str:
    if not name:
        return ""
    if len(name) > most:
        raise ShadowRefused(f"cannot use {member}: it is longer than {most} characters")
    if _NAME.fullmatch(name) is None:
        raise ShadowRefused(
            f"cannot use {member}: it may have the letters a to z and A to Z, digits, and : _ -"
        )
    return name
