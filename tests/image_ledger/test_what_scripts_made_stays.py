"""Images that a component's script loaded or built are needed while the component is deployed."""

from __future__ import annotations

from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.docker.engine.model import StoredImage
from greendock.docker.keeping.cleanup import decide
from greendock.docker.keeping.ledger import ImageLedger, ImageUse

MADE = "sha256:" + "a" * 64
LISTED = ImageUse("com.example.B", "1.0.0", "docker:b:1", "docker.io/library/b:1", "sha256:b")


def ledger_with_both() -> ImageLedger:
    ledger = ImageLedger(Database(":memory:"), SystemClock())
    ledger.bring(MADE, "loaded", 5, ["docker.io/library/a:1"])
    ledger.note_made("com.example.A", "1.0.0", "docker.io/library/a:1", MADE)
    ledger.add_uses([LISTED])
    return ledger


def fate_of(ledger: ImageLedger) -> str:
    stored = [StoredImage(MADE, ("a:1",), (), 5)]
    return decide(ledger.view(), stored, [], set())[0].why


def test_a_deployment_that_lists_other_images_leaves_it():
    ledger = ledger_with_both()
    ledger.replace_uses([LISTED])
    assert fate_of(ledger) == "needed by com.example.A 1.0.0"


def test_nothing_needs_it_when_its_component_is_gone():
    ledger = ledger_with_both()
    ledger.forget_made({("com.example.A", "1.0.0")})
    assert fate_of(ledger) == "needed by com.example.A 1.0.0"
    ledger.forget_made({("com.example.A", "2.0.0"), ("com.example.B", "1.0.0")})
    assert fate_of(ledger) == "nothing needs it"
    assert ledger.uses() == (LISTED,)


def test_it_can_be_noted_again():
    ledger = ledger_with_both()
    ledger.note_made("com.example.A", "1.0.0", "docker.io/library/a:1", MADE)
    assert len(ledger.uses()) == 2


def test_putting_uses_back_keeps_it():
    ledger = ledger_with_both()
    before = ledger.uses()
    ledger.replace_uses([])
    ledger.replace_uses(before)
    assert ledger.uses() == before
