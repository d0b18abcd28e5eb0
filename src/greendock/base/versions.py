"""Component versions and npm-style version ranges, as recipes write them.

The grammar is npm's (node-semver), measured against npm itself. Greengrass's Java library differs
in corners that are defects (`>=1.2` excluding 1.2.0 and the like), which we do not copy.
Pure and cached: a range is parsed once.
"""

from __future__ import annotations

import re
from functools import lru_cache, total_ordering
from typing import Any

_VERSION = re.compile(
    r"(0*\d{1,9})\.(0*\d{1,9})\.(0*\d{1,9})"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?",
    re.ASCII,
)


@total_ordering
class Version:
    """A semantic version; ordered by semver precedence (build metadata does not count)."""

    __slots__ = ("_key", "major", "minor", "patch", "prerelease", "text")

    def __init__(self, text: str) -> None:
        match = _VERSION.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a version of the form MAJOR.MINOR.PATCH")
        self.text = text.strip()
        self.major, self.minor, self.patch = (int(part) for part in match.group(1, 2, 3))
        self.prerelease = tuple(match.group(4).split(".")) if match.group(4) else ()
        self._key = (self.major, self.minor, self.patch, *self._prerelease_key())

    def _prerelease_key(self) -> tuple[Any, ...]:
        if not self.prerelease:
            return (1,)
        parts = tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in self.prerelease)
        return (0, parts)

    @property
    def normal(self) -> str:
        """The text without leading zeros and build metadata, as ranges compare it."""
        base = f"{self.major}.{self.minor}.{self.patch}"
        return f"{base}-{'.'.join(self.prerelease)}" if self.prerelease else base

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key == other._key

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Version({self.text!r})"


_GROUP = re.compile(r"\(([^()]*)\)")


def _as_npm(text: str) -> str:
    """`text` without what Greengrass accepts beyond npm: `==`, `latest`, grouping parentheses.

    Raises ValueError where a group with alternatives is joined with something else, since npm
    ranges can't say that.
    """
    wanted = re.sub(r"(?<![<>=])==(?=\s*v?\d)", "=", text.strip())
    if wanted == "latest":
        return "*"
    while (group := _GROUP.search(wanted)) is not None:
        before, after = wanted[: group.start()].strip(), wanted[group.end() :].strip()
        alone = (before in ("", "(") or before.endswith("||")) and (
            after in ("", ")") or after.startswith("||")
        )
        if "||" in group.group(1) and not alone:
            raise ValueError("alternatives in parentheses can't be joined with another range")
        wanted = f"{before} {group.group(1).strip()} {after}".strip()
    return wanted


@lru_cache(maxsize=4096)
def _range(text: str) -> Any:
    import nodesemver

    return nodesemver.make_range(_as_npm(text), loose=False)


def range_error(text: str) -> str | None:
    """Why `text` is not a version range, or None when it is one."""
    try:
        _range(text)
    except (ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        return str(error) or "not a version range"
    return None


@lru_cache(maxsize=65536)
def satisfies(version: str, wanted: str) -> bool:
    """True when `version` lies in the range `wanted`; raises ValueError for text of neither kind.

    `*`, empty and `latest` take pre-releases too, as Greengrass does.
    """
    candidate = Version(version)
    if wanted.strip() in ("", "*", "latest"):
        return True
    return bool(_range(wanted).test(_parsed(candidate.normal)))


@lru_cache(maxsize=65536)
def _parsed(version: str) -> Any:
    import nodesemver

    return nodesemver.make_semver(version, loose=False)
