"""How rules say no, and the words for whose something is; pure."""

from __future__ import annotations

from greendock.docker.containers.labels import Owner

FORBIDDEN = 403


class Refused(Exception):  # noqa: N818 - says what is the case; never leaves the package
    """The call is answered here with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def is_own(owner: Owner | None, mine: Owner) -> bool:
    """What an earlier life of the component left is its own."""
    return owner is not None and owner.core == mine.core and owner.component == mine.component


def in_words(owner: Owner, mine: Owner) -> str:
    """Whose it is, for people."""
    version = f" {owner.version}" if owner.version else ""
    where = "" if owner.core == mine.core else f" of another core ({owner.core})"
    return f"component {owner.component or 'without a name'}{version}{where}"


def foreign(verb: str, what: str, owner: Owner, mine: Owner) -> Refused:
    return Refused(FORBIDDEN, f"cannot {verb} {what}: it belongs to {in_words(owner, mine)}")
