"""A file is fetched until it is there whole and right, or can't be had; no byte comes twice."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from download_bench import (
    CHUNK_BYTES,
    URI,
    Bench,
    StoreError,
    artifact,
    content,
    wanted,
)

from greendock.artifacts.download_retry import DownloadLimits, FailedTry, pause_after
from greendock.base.errors import ArtifactError, DeviceError, GreendockError, Retry

DATA = content(5 * 1024 * 1024 + 7)
HALF = 40 * CHUNK_BYTES


@pytest.mark.parametrize(
    ("faults", "offsets", "sent"),
    [
        ([], [0], len(DATA)),
        ([StoreError(Retry.BACK_OFF)], [0, 0], len(DATA)),
        ([StoreError(Retry.WHEN_ONLINE)], [0, 0], len(DATA)),
        ([HALF], [0, HALF], len(DATA)),
        ([(HALF, StoreError(Retry.WHEN_ONLINE))], [0, HALF], len(DATA)),
        ([HALF, CHUNK_BYTES, 5], [0, HALF, HALF + CHUNK_BYTES, HALF + CHUNK_BYTES + 5], len(DATA)),
        (["more"], [0, 0], 2 * len(DATA)),
        ([(HALF, StoreError(Retry.NEVER, changed=True))], [0, 0], HALF + len(DATA)),
    ],
)
def test_what_breaks_off_is_resumed(bench: Bench, faults, offsets, sent) -> None:
    bench.store.objects[URI] = DATA
    bench.store.faults = list(faults)
    asyncio.run(bench.fetch(wanted(artifact(DATA))))
    assert bench.finished().read_bytes() == DATA
    assert bench.folders == (bench.paths.downloads,)
    assert [offset for _, offset in bench.store.reads] == offsets
    assert bench.store.sent_bytes == sent
    assert len(bench.time.slept) + len(bench.time.paused) == len(faults)
    assert bench.parts() == []


def test_waiting_for_the_network_and_for_the_store_differ(bench: Bench) -> None:
    bench.store.objects[URI] = DATA
    bench.store.faults = [StoreError(Retry.WHEN_ONLINE), StoreError(Retry.BACK_OFF, 33)]
    asyncio.run(bench.fetch(wanted(artifact(DATA))))
    assert len(bench.time.paused) == 1
    assert bench.time.slept == [33]


def test_each_wait_is_told(bench: Bench) -> None:
    bench.store.objects[URI] = DATA
    bench.store.describe_faults = [StoreError(Retry.WHEN_ONLINE)]
    bench.store.faults = [StoreError(Retry.BACK_OFF)]
    asyncio.run(bench.fetch(wanted(artifact(DATA))))
    waits = [news for news in bench.news if news.phase == "waiting"]
    assert [w.attempt for w in waits] == [1, 1]
    assert {w.last_error for w in waits} == {"cannot read it: told so"}
    assert all(w.next_try_at is not None for w in waits)
    last = bench.news[-1]
    assert (last.phase, last.current_bytes, last.total_bytes) == ("pulled", len(DATA), len(DATA))
    assert last.last_error is None


@pytest.mark.parametrize("where", ["describe", "read"])
def test_what_can_never_work_fails_at_once(bench: Bench, where: str) -> None:
    bench.store.objects[URI] = DATA
    error = StoreError(Retry.NEVER)
    (bench.store.describe_faults if where == "describe" else bench.store.faults).append(error)
    with pytest.raises(StoreError) as caught:
        asyncio.run(bench.fetch(wanted(artifact(DATA))))
    assert caught.value is error
    assert bench.time.slept == bench.time.paused == []


def test_an_object_that_changes_is_fetched_from_the_start(bench: Bench) -> None:
    other = content(3 * 1024 * 1024, seed=2)
    bench.store.objects[URI] = DATA

    async def scenario() -> None:
        bench.store.faults = [(HALF, StoreError(Retry.NEVER))]
        with pytest.raises(StoreError):
            await bench.fetch(wanted(artifact()))
        bench.store.objects[URI] = other
        await bench.fetch(wanted(artifact()))

    asyncio.run(scenario())
    assert bench.finished().read_bytes() == other
    assert bench.store.reads[-1] == (URI, 0)


def test_the_wrong_content_is_fetched_three_times(bench: Bench) -> None:
    bench.store.objects[URI] = content(len(DATA), seed=3)
    with pytest.raises(ArtifactError) as caught:
        asyncio.run(bench.fetch(wanted(artifact(DATA))))
    assert "ARTIFACT_CHECKSUM_MISMATCH" in caught.value.codes
    assert caught.value.retry is Retry.NEVER
    assert [offset for _, offset in bench.store.reads] == [0, 0, 0]
    assert bench.left() == []


def test_after_the_deadline_the_last_error_counts(bench: Bench) -> None:
    bench.store.objects[URI] = DATA
    bench.store.faults = [StoreError(Retry.BACK_OFF) for _ in range(500)]
    with pytest.raises(StoreError) as caught:
        asyncio.run(bench.fetch(wanted(artifact(DATA))))
    assert "given up after" in caught.value.message
    assert 3600 - 120 < sum(bench.time.slept) < 3600
    assert bench.news[-1].phase == "failed"


def test_a_store_that_falls_silent_is_asked_again(bench: Bench) -> None:
    bench.limits = replace(bench.limits, stall_s=0.05)
    bench.again()
    bench.store.objects[URI] = DATA
    bench.store.faults = [(HALF, "hang")]
    asyncio.run(bench.fetch(wanted(artifact(DATA))))
    assert bench.finished().read_bytes() == DATA
    assert bench.store.sent_bytes == len(DATA)


def test_what_is_cancelled_goes_on_the_next_time(bench: Bench) -> None:
    bench.store.objects[URI] = DATA + DATA

    async def scenario() -> None:
        both = wanted(artifact(DATA + DATA))
        plan = await bench.look(both)
        bench.store.faults = [(len(DATA), "hang")]
        task = asyncio.create_task(bench.downloads.fetch(plan, bench.news.append))
        await asyncio.wait_for(bench.store.hangs.wait(), 10)
        task.cancel()
        async with asyncio.timeout(1):
            with pytest.raises(asyncio.CancelledError):
                await task
        assert [p.stat().st_size for p in bench.parts()] == [len(DATA)]
        bench.again()
        plan = await bench.fetch(both)
        assert plan.needed_bytes == len(DATA)

    asyncio.run(scenario())
    assert bench.finished().read_bytes() == DATA + DATA
    assert bench.store.sent_bytes == 2 * len(DATA)


LIFE = """
import asyncio, sys
from pathlib import Path
from download_bench import *

bench = Bench(Path(sys.argv[1]))
data = content(int(sys.argv[2]))
bench.store.objects[URI] = data
bench.store.faults = [(int(sys.argv[3]), "hang")]
asyncio.run(bench.fetch(wanted(artifact(data))))
"""


def test_a_core_killed_in_mid_download_goes_on_where_it_was(bench: Bench) -> None:
    bytes_before = 3 * 1024 * 1024
    arguments = [str(bench.paths.root), str(len(DATA)), str(bytes_before + CHUNK_BYTES)]
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)]),
    }
    child = subprocess.Popen([sys.executable, "-c", LIFE, *arguments], env=environ)
    try:
        ends_at = time.monotonic() + 20
        while not any(p.stat().st_size >= bytes_before for p in bench.parts()):
            assert time.monotonic() < ends_at
            assert child.poll() is None
            time.sleep(0.01)
    finally:
        child.kill()
        child.wait()
    there = bench.parts()[0].stat().st_size
    bench.store.objects[URI] = DATA
    plan = asyncio.run(bench.fetch(wanted(artifact(DATA))))
    assert plan.needed_bytes == bench.store.sent_bytes == len(DATA) - there
    assert bench.store.reads == [(URI, there)]
    assert bench.finished().read_bytes() == DATA


def test_a_finished_download_is_not_fetched_again(bench: Bench) -> None:
    bench.store.objects[URI] = DATA
    asyncio.run(bench.fetch(wanted(artifact(DATA))))
    bench.again()
    plan = asyncio.run(bench.fetch(wanted(artifact(DATA))))
    assert plan.needed_bytes == 0
    assert len(bench.store.reads) == 1
    assert bench.finished().read_bytes() == DATA


def test_an_empty_object_is_a_file_too(bench: Bench) -> None:
    bench.store.objects[URI] = b""
    asyncio.run(bench.fetch(wanted(artifact(b""))))
    assert bench.finished().read_bytes() == b""


def test_three_files_at_a_time(bench: Bench) -> None:
    files = [artifact(DATA, f"s3://bucket/{number}.bin") for number in range(8)]
    bench.store.objects = {file.uri: DATA for file in files}
    asyncio.run(bench.fetch(wanted(*files)))
    assert bench.store.most_open == 3
    assert len(list(bench.finished().parent.iterdir())) == 8


@pytest.mark.root
def test_a_disk_that_fills_up_is_said_and_not_left_full(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", small], check=True)
    try:
        bench = Bench(small / "root")
        data = content(15 * 1024 * 1024)
        bench.store.objects[URI] = data

        async def scenario() -> None:
            plan = await bench.look(wanted(artifact(data)))
            bench.store.faults = [(2 * 1024 * 1024, "hang")]
            task = asyncio.create_task(bench.downloads.fetch(plan, bench.news.append))
            await asyncio.wait_for(bench.store.hangs.wait(), 10)
            task.cancel()
            await asyncio.wait([task])
            with pytest.raises(DeviceError) as caught:
                (small / "other").write_bytes(bytes(30 * 1024 * 1024))
                await bench.look(wanted(artifact(data)))
            assert "DISK_SPACE_CRITICAL" in caught.value.codes
            assert str(13 * 1024 * 1024) in caught.value.message
            (small / "other").unlink()
            plan = await bench.look(wanted(artifact(data)))
            bench.store.on_read = lambda: _fill(small / "other")
            with pytest.raises(DeviceError) as caught:
                await bench.downloads.fetch(plan, bench.news.append)
            assert "DISK_SPACE_CRITICAL" in caught.value.codes
            assert bench.parts() == []

        asyncio.run(scenario())
    finally:
        subprocess.run(["umount", small], check=True)


def _fill(path: Path) -> None:
    """Leave less than a piece free."""
    with path.open("wb") as file:
        free = os.statvfs(path).f_bavail * os.statvfs(path).f_frsize
        file.write(bytes(free - 512 * 1024))


@pytest.mark.parametrize(
    ("failures", "chance", "asked", "left", "pause"),
    [
        (1, 1.0, None, 100.0, 1.0),
        (1, 0.0, None, 100.0, 0.5),
        (4, 1.0, None, 100.0, 8.0),
        (7, 1.0, None, 100.0, 60.0),
        (4000, 1.0, None, 100.0, 60.0),
        (1, 1.0, 90.0, 100.0, 90.0),
        (1, 1.0, 100.0, 100.0, None),
        (7, 1.0, None, 10.0, None),
    ],
)
def test_pauses_double_and_never_undercut_what_the_store_asks(
    failures: int, chance: float, asked: float | None, left: float, pause: float | None
) -> None:
    failed = FailedTry(StoreError(Retry.BACK_OFF, asked), failures, left)
    assert pause_after(failed, DownloadLimits(), chance) == pause


def test_other_errors_are_not_tried_again() -> None:
    for retry in (Retry.NEVER, Retry.WHEN_ENGINE_IS_BACK):
        failed = FailedTry(GreendockError("no", retry=retry), 1, 100)
        assert pause_after(failed, DownloadLimits(), 0.5) is None
