"""A pull that fails ends in the right error, and is tried again only where that can help."""

from __future__ import annotations

import asyncio
import signal

import pytest

from greendock.docker import errors as e
from lab.waiting import wait_until

SMALL = "docker:mysql:8.0"


def attempts(scene):
    return scene.journal.events().count("docker-image-pull")


def layer_requests(lab):
    """Requests for layers that reached the hub's front (the small configuration blob apart)."""
    return [x for x in lab.requests("hub") if "/blobs/" in x["path"]]


@pytest.mark.parametrize(
    ("uri", "error", "code"),
    [
        ("docker:mysql:9.9", e.ImageNotFound, "DOCKER_IMAGE_NOT_VALID"),
        (f"docker:mysql@sha256:{'0' * 64}", e.ImageNotFound, "DOCKER_IMAGE_NOT_VALID"),
        ("docker:nosuch/thing:1", e.ImageAccessDenied, "DOCKER_IMAGE_NOT_VALID"),
    ],
)
def test_definite_failures_are_not_tried_again(scene, uri, error, code):
    with pytest.raises(error) as failed:
        scene.ensure(uri)
    assert type(failed.value) is error
    assert failed.value.codes == ("ARTIFACT_DOWNLOAD_ERROR", "DOCKER_ERROR", code)
    assert failed.value.hint
    assert attempts(scene) == 0, "the registry's answer is known before a pull"
    assert "docker-image-retry" not in scene.journal.events()
    assert scene.progress[-1].phase == "failed"
    assert scene.journal.events()[-1] == "docker-image-failed"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"mode": "too_many_requests", "count": 9999}, e.RateLimited),
        ({"mode": "unavailable", "count": 9999}, e.RegistryFailed),
    ],
)
def test_lasting_faults_end_in_their_error(scene, lab, fault, error):
    lab.control(hub=fault)
    scene.settings.pull_deadline_s = 2
    with pytest.raises(e.DockerError, match="given up after") as failed:
        scene.ensure(SMALL)
    assert type(failed.value) is error
    assert scene.journal.events().count("docker-image-retry") > 2


def test_damaged_content_is_tried_three_times(scene, lab):
    lab.control(hub={"mode": "corrupt", "count": 9999})
    with pytest.raises(e.ContentMismatch):
        scene.ensure(SMALL)
    assert attempts(scene) == scene.limits.damaged


def test_a_missing_layer_is_final(scene, lab):
    lab.control(hub={"step": "layer", "mode": "not_found", "count": 9999})
    with pytest.raises(e.PullFailed):
        scene.ensure(SMALL)
    assert attempts(scene) == 1


def test_a_passing_fault_is_got_over_visibly(scene, lab):
    lab.control(hub={"mode": "corrupt", "count": 1})
    assert scene.ensure(SMALL)[0].pulled
    assert attempts(scene) == 2
    waits = [progress.wait for progress in scene.progress if progress.wait]
    assert waits[0].attempt >= 1
    assert "layer verification failed" in waits[0].last_error
    assert waits[0].next_try_at is not None


def test_a_layer_that_the_engine_resumes_is_one_attempt(scene, lab):
    lab.control(hub={"mode": "cut", "count": 1})
    assert scene.ensure(SMALL)[0].pulled
    assert attempts(scene) == 1
    assert any("again" in (progress.note or "") for progress in scene.progress)
    size = sum(len(x.compressed) for x in lab.seeded["library/mysql:8.0"].layers)
    assert scene.progress[-1].current_bytes == size
    assert all(progress.current_bytes <= size for progress in scene.progress)


def test_a_pull_without_progress_is_started_anew(scene, lab):
    lab.control(hub={"mode": "hang", "count": 1})
    scene.settings.pull_stall_s = 1
    assert scene.ensure(SMALL)[0].pulled
    assert attempts(scene) == 2
    assert "no progress for 1 s" in scene.journal.text()


def test_a_pull_ends_at_its_deadline(scene, lab):
    lab.control(hub={"mode": "hang", "count": 1})
    scene.settings.pull_deadline_s = 1
    with pytest.raises(e.PullStalled, match="not done within 1 s"):
        scene.ensure(SMALL)
    assert attempts(scene) == 1


async def in_thread(condition, what):
    await asyncio.to_thread(wait_until, condition, what)


def hanging(lab):
    """Whether the fault has struck: a request for a layer has begun and doesn't end."""
    struck = lab._control("GET").json()["faults"]["hub"]["count"] == 0
    return struck and any(x.get("ended_s") is None for x in layer_requests(lab))


def test_cancelling_ends_the_pull_at_the_engine_too(scene, lab):
    lab.control(hub={"mode": "hang", "count": 1})

    async def action(_, images):
        task = asyncio.create_task(images.ensure(scene.requests(SMALL), scene.listen))
        await in_thread(lambda: hanging(lab), "the layer hangs")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    scene.run(action)
    assert scene.progress[-1].note == "cancelled"
    assert scene.journal.events()[-1] == "docker-image-cancelled"
    # An engine that still fetched the layer would join this pull to the one that hangs.
    assert scene.ensure(SMALL)[0].pulled
    assert attempts(scene) == 2


def test_the_first_failure_cancels_the_others(scene, lab):
    lab.control(hub={"mode": "hang", "count": 1})
    with pytest.raises(e.ImageNotFound, match=r"mysql:9\.9"):
        scene.ensure(SMALL, "docker:mysql:9.9")
    told = [progress for progress in scene.progress if progress.image == "mysql:8.0"]
    # The look for it may be over before the other one fails: then there is nothing to cancel.
    assert [(last.phase, last.note) for last in told[-1:]] in ([], [("failed", "cancelled")])
    assert lab.docker("image", "inspect", "mysql:8.0").returncode != 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_engine_that_restarts_in_the_middle_is_waited_for(scene, lab, number):
    lab.control(hub={"mode": "hang", "count": 1})

    async def action(_, images):
        task = asyncio.create_task(images.ensure(scene.requests(SMALL), scene.listen))
        await in_thread(lambda: hanging(lab), "the layer hangs")
        await asyncio.to_thread(lab.restart_engine, number)
        return await task

    found = scene.run(action)
    assert found[0].image_id == lab.seeded["library/mysql:8.0"].id
    assert "next when the engine is back" in scene.journal.text()


def test_an_engine_that_comes_up_later_is_used_at_once(scene, lab):
    lab.stop_engine()

    async def action(_, images):
        task = asyncio.create_task(images.ensure(scene.requests(SMALL), scene.listen))
        while not scene.progress:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(lab.start_engine)
        return await task

    assert scene.run(action)[0].pulled
    assert "waiting for the Docker engine" in (scene.progress[0].note or "")


def test_two_callers_of_one_image_share_its_pull(scene, lab):
    lab.seed("private", "shared/app", "1", random_layers=[400_000])
    lab.control(private={"rate_bytes_per_s": 2_000_000})
    request = scene.requests("docker:registry.lab.test:5443/shared/app:1")

    async def action(_, images):
        return await asyncio.gather(
            images.ensure(request, scene.listen), images.ensure(request, scene.listen)
        )

    first, second = scene.run(action)
    assert first[0].image_id == second[0].image_id
    assert attempts(scene) == 1
