"""The target of a request, read as the engine's router reads it; pure.

The engine takes percent-encoding off before it looks for a route, answers a path that is not in
its plain form with a redirect, and takes the first of several query values. So a path has one
meaning here or it is refused, and what is sent on is built anew from it. Called by `calls.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import quote, quote_plus, unquote_plus, unquote_to_bytes

_VERSION = re.compile(r"/v(?P<version>[0-9.]+)(?=/)")
_LIBPOD = "/libpod"
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLAIN = re.compile(r"[\x21-\x7e]+")
# Of these the engine reads every value; of all others the first one.
_LISTS = frozenset({"names", "t", "changes", "devices"})
_LONGEST = 64 * 1024


class AmbiguousTarget(Exception):  # noqa: N818 - says what is the case; never leaves the package
    """The text can be read in more than one way, or in none. The message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """`version`: of the API, empty when the client names none. `path`: decoded, without version.

    `is_libpod`: Podman's own API. `query`: decoded, in order.
    """

    version: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    is_libpod: bool = False

    def value(self, name: str) -> str:
        """What the engine takes `name` for; empty when it is not there."""
        return next((value for key, value in self.query if key == name), "")

    def values(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.query if key == name)

    def having(self, name: str, value: str) -> Target:
        """The same with this value, and no other, for `name`."""
        others = tuple(pair for pair in self.query if pair[0] != name)
        return replace(self, query=(*others, (name, value)))

    @property
    def text(self) -> str:
        """How it is sent."""
        version = f"/v{self.version}" if self.version else ""
        libpod = _LIBPOD if self.is_libpod else ""
        path = quote(self.path, safe="/:@!$&'()*+,;=~-._")
        query = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in self.query)
        return f"{version}{libpod}{path}" + (f"?{query}" if query else "")


def read_target(text: str) -> Target:
    """Raises AmbiguousTarget."""
    if len(text) > _LONGEST or not text.startswith("/") or _PLAIN.fullmatch(text) is None:
        raise AmbiguousTarget("it is no path, or holds characters that have to be encoded")
    raw_path, _, raw_query = text.partition("?")
    path = _decoded_path(raw_path)
    version = _VERSION.match(path)
    if version is not None:
        path = path[version.end() :]
    is_libpod = path.startswith(f"{_LIBPOD}/")
    if is_libpod:
        path = path[len(_LIBPOD) :]
    return Target(version["version"] if version else "", path, _read_query(raw_query), is_libpod)


def _decoded_path(raw: str) -> str:
    if _BAD_ESCAPE.search(raw):
        raise AmbiguousTarget("its percent-encoding is broken")
    try:
        path = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise AmbiguousTarget("its path is not UTF-8") from None
    if any(character < " " or character == "\x7f" for character in path):
        raise AmbiguousTarget("its path holds control characters")
    # The engine redirects such a path; what comes then is a request of its own.
    if any(part in ("", ".", "..") for part in path[1:].split("/")):
        raise AmbiguousTarget("its path is not plain (//, /., /.. or a slash at its end)")
    return path


def _read_query(raw: str) -> tuple[tuple[str, str], ...]:
    if ";" in raw or _BAD_ESCAPE.search(raw):
        raise AmbiguousTarget("its query is broken")
    pairs: list[tuple[str, str]] = []
    seen: set[str] = set()
    for part in raw.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        name = unquote_plus(name)
        if name not in seen or name in _LISTS:
            seen.add(name)
            pairs.append((name, unquote_plus(value)))
    return tuple(pairs)
