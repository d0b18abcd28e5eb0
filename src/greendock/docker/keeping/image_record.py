"""Notes pulls in the ledger: fills the port of the image fetch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from greendock.docker.engine.model import ImageInfo
from greendock.docker.keeping.ledger import ImageLedger
from greendock.docker.reference import ImageReference


class LedgerRecord:
    """Implements ports.PullRecord."""

    def __init__(self, ledger: ImageLedger) -> None:
        self._ledger = ledger
        self._active: Counter[str] = Counter()

    @property
    def active(self) -> frozenset[str]:
        """Canonical names that are being pulled; what comes of them is still open."""
        return frozenset(+self._active)

    @contextmanager
    def fetching(self, reference: ImageReference) -> Iterator[None]:
        name = _name(reference)
        self._active[name] += 1
        try:
            yield
        finally:
            self._active[name] -= 1

    def begin(self, reference: ImageReference, present: ImageInfo | None) -> None:
        self._ledger.intend(_name(reference), present.id if present else None, "pulled")

    def end(self, reference: ImageReference, image: ImageInfo) -> None:
        self._ledger.arrived(_name(reference), image.id, image.size_bytes)

    def named(self, reference: ImageReference, image: ImageInfo) -> None:
        self._ledger.named(_name(reference), image.id)


def _name(reference: ImageReference) -> str:
    return reference.canonical
