"""What the ledger notes is there after a kill, and every note can be repeated."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.docker.keeping.ledger import ImageLedger, ImageUse, TagMove
from greendock.docker.reference import parse_image

USE = ImageUse("com.example.A", "1.0.0", "docker:a:1", "docker.io/library/a:1", "sha256:1")


@pytest.fixture
def ledger():
    database = Database(":memory:")
    yield ImageLedger(database, SystemClock())
    database.close()


def test_a_pull_of_what_was_not_there_is_ours(ledger):
    ledger.intend("docker.io/library/a:1", None, "pulled")
    ledger.arrived("docker.io/library/a:1", "sha256:1", 10)
    assert [(x.image_id, x.how, x.size_bytes) for x in ledger.view().brought] == [
        ("sha256:1", "pulled", 10)
    ]
    assert ledger.view().names == {"sha256:1": frozenset({"docker.io/library/a:1"})}
    assert ledger.intents() == ()


def test_a_pull_of_what_was_there_is_not_ours(ledger):
    ledger.intend("docker.io/library/a:1", "sha256:1", "pulled")
    ledger.arrived("docker.io/library/a:1", "sha256:1", 10)
    assert ledger.view().brought == ()


def test_the_first_of_two_tries_tells_what_was_there(ledger):
    ledger.intend("docker.io/library/a:1", None, "pulled")
    # The first try brought it and was cut off before its note.
    ledger.intend("docker.io/library/a:1", "sha256:1", "pulled")
    ledger.arrived("docker.io/library/a:1", "sha256:1", 10)
    assert len(ledger.view().brought) == 1


def test_uses_are_added_and_replaced_whole(ledger):
    ledger.add_uses([USE])
    ledger.add_uses([USE])
    assert ledger.uses() == (USE,)
    other = ImageUse("com.example.B", "1.0.0", "docker:b:1", "docker.io/library/b:1", "sha256:2")
    ledger.replace_uses([other])
    assert ledger.uses() == (other,)


def test_the_first_meaning_of_a_tag_counts(ledger):
    ledger.note_moves([TagMove("docker.io/library/a:1", "old", "new")])
    ledger.note_moves([TagMove("docker.io/library/a:1", "new", "newer")])
    assert ledger.moves() == (TagMove("docker.io/library/a:1", "old", "newer"),)


def test_an_archive_counts_by_its_content(ledger):
    ledger.record_archive("c", "1", "s3://b/a.tar", "etag-1", {"a:1": "sha256:1"})
    assert ledger.archive_images("c", "1", "s3://b/a.tar", "etag-1") == (("a:1", "sha256:1"),)
    assert ledger.archive_images("c", "1", "s3://b/a.tar", "etag-2") is None


def test_an_alias_tells_what_a_digest_means(ledger):
    reference = parse_image("a@sha256:" + "b" * 64)
    assert ledger.known_id(reference) is None
    ledger.alias(reference.canonical, "sha256:1")
    assert ledger.known_id(reference) == "sha256:1"
    ledger.forget("sha256:1")
    assert ledger.known_id(reference) is None


CHILD = """
import os, sys
from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.docker.keeping.ledger import ImageLedger
ledger = ImageLedger(Database(sys.argv[1]), SystemClock())
for number in range(1000000):
    ledger.intend(f"docker.io/library/a:{number}", None, "pulled")
    ledger.arrived(f"docker.io/library/a:{number}", f"sha256:{number}", 10)
    print(number, flush=True)
"""


def test_a_killed_process_loses_nothing_that_it_noted(tmp_path):
    path = str(tmp_path / "ledger.db")
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, path], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert child.stdout is not None
    last = -1
    for line in child.stdout:
        last = int(line)
        if last >= 20:
            child.send_signal(signal.SIGKILL)
            break
    child.wait(timeout=30)
    child.stdout.close()
    database = Database(path)
    view = ImageLedger(database, SystemClock()).view()
    database.close()
    assert {f"sha256:{n}" for n in range(last + 1)} <= {x.image_id for x in view.brought}
