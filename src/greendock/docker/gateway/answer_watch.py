"""Reads from the engine's answers which images a load or a build brought, while they pass.

Blocks nothing and holds back nothing; what it found is told when the answer is complete. Called by
the transport for calls of `image_rules.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from greendock.docker.engine.load_stream import LoadedNames
from greendock.docker.gateway.exchange import AnswerHead
from greendock.docker.gateway.ports import Told

_LONGEST_LINE_BYTES = 1 << 20
_OK = (200, 201)


class LoadWatch:
    """Implements exchange.Heed for POST /images/load."""

    def __init__(self, tell: Told) -> None:
        self._tell = tell
        self._names = LoadedNames()
        self._counts = False

    def begins(self, head: AnswerHead) -> None:
        self._counts = head.status in _OK

    def passes(self, piece: bytes) -> None:
        if self._counts:
            self._names.add(piece)

    async def ended(self) -> None:
        names, _ = self._names.end()
        if names:
            await self._tell(names)


class _Aux(msgspec.Struct):
    image_id: str = msgspec.field(name="ID", default="")


class _Line(msgspec.Struct):
    """`aux`: of a build; `status`: of an import; `Id`: of a commit."""

    aux: _Aux | None = None
    status: str = ""
    image_id: str = msgspec.field(name="Id", default="")


class BuildWatch:
    """Implements exchange.Heed for builds, imports and commits: the id of what came of it.

    `names` are those that the client asked for; they count only when there is an id.
    """

    def __init__(self, tell: Told, names: Sequence[str] = ()) -> None:
        self._tell = tell
        self._names = tuple(names)
        self._id = ""
        self._rest = b""
        self._counts = False

    def begins(self, head: AnswerHead) -> None:
        self._counts = head.status in _OK

    def passes(self, piece: bytes) -> None:
        if not self._counts:
            return
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._read(line)
        if len(self._rest) > _LONGEST_LINE_BYTES:
            self._rest = b""

    async def ended(self) -> None:
        self._read(self._rest)
        if self._id:
            await self._tell((self._id, *self._names))

    def _read(self, line: bytes) -> None:
        try:
            wire = msgspec.json.decode(line, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        found = wire.image_id or (wire.aux.image_id if wire.aux is not None else "")
        if not found and wire.status.startswith("sha256:"):
            found = wire.status
        self._id = found or self._id
