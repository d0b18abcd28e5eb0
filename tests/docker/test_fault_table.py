"""Each failure of a registry, at each step, ends in its error, its code and its number of tries.

The registry's front answers wrongly at the token, the manifest, the configuration or a layer; the
whole way is walked, from the name to the engine. `lasting` faults never end, `passing` ones do.
"""

from __future__ import annotations

import asyncio
import itertools

import pytest

from greendock.base.errors import Retry
from greendock.docker import errors as e
from greendock.docker.pull_policy import RetryLimits
from lab.waiting import wait_until

NOT_VALID, LOGIN = "DOCKER_IMAGE_NOT_VALID", "DOCKER_LOGIN_ERROR"
PULL, SERVICE, NETWORK = "DOCKER_PULL_ERROR", "DOCKER_SERVICE_UNAVAILABLE", "NETWORK_ERROR"
_numbers = itertools.count()


@pytest.fixture
def uri(lab):
    """A new image on the hub, that no engine has any layer of."""
    tag = str(next(_numbers))
    lab.seed("hub", "fault/image", tag, random_layers=[150_000])
    return f"docker:fault/image:{tag}"


# At the steps that the core asks itself: a definite answer ends it at once, all others are tried
# until the time is over.
DEFINITE = [
    ("token", "unauthorized", e.RegistryLoginFailed, LOGIN),
    ("token", "forbidden", e.ImageAccessDenied, NOT_VALID),
    ("manifest", "unauthorized", e.RegistryLoginFailed, LOGIN),
    ("manifest", "forbidden", e.ImageAccessDenied, NOT_VALID),
    ("manifest", "not_found", e.ImageNotFound, NOT_VALID),
    ("manifest", "repository_unknown", e.ImageNotFound, NOT_VALID),
    ("config", "unauthorized", e.RegistryLoginFailed, LOGIN),
    ("config", "forbidden", e.ImageAccessDenied, NOT_VALID),
    ("config", "not_found", e.PullFailed, PULL),
]


@pytest.mark.parametrize(("step", "mode", "error", "code"), DEFINITE)
def test_a_definite_answer_is_final(scene, lab, uri, step, mode, error, code):
    lab.control(hub={"step": step, "mode": mode, "count": 9999})
    with pytest.raises(e.DockerError) as failed:
        scene.ensure(uri)
    assert type(failed.value) is error
    assert failed.value.codes[-1] == code
    assert failed.value.codes[0] == "ARTIFACT_DOWNLOAD_ERROR"
    assert failed.value.retry is Retry.NEVER
    assert failed.value.hint or error is e.PullFailed
    assert "docker-image-retry" not in scene.journal.events()


LASTING = [
    (step, mode, error, code)
    for step in ("token", "manifest", "config")
    for mode, error, code in (
        ("too_many_requests", e.RateLimited, PULL),
        ("unavailable", e.RegistryFailed, SERVICE),
        ("server_error", e.RegistryFailed, SERVICE),
        ("bad_gateway", e.RegistryFailed, SERVICE),
        ("reset", e.ConnectionLost, NETWORK),
        ("eof", e.ConnectionLost, NETWORK),
        ("garbage", e.RegistryFailed, SERVICE),
    )
    # A configuration that breaks off is the engine's to try; garbage in it has no right digest.
    if (step, mode) not in {("config", "reset"), ("config", "eof"), ("config", "garbage")}
]


@pytest.mark.parametrize(("step", "mode", "error", "code"), LASTING)
def test_a_failure_that_may_pass_is_tried_until_the_time_is_over(
    scene, lab, uri, step, mode, error, code
):
    scene.settings.pull_deadline_s = 1
    lab.control(hub={"step": step, "mode": mode, "count": 9999})
    with pytest.raises(e.DockerError, match="given up after") as failed:
        scene.ensure(uri)
    assert type(failed.value) is error
    assert failed.value.codes[-1] == code
    assert failed.value.retry is Retry.BACK_OFF
    assert scene.journal.events().count("docker-image-retry") >= 2
    assert "docker-image-pull" not in scene.journal.events()


PASSING = [
    (step, mode)
    for step in ("token", "manifest", "config", "layer")
    for mode in ("too_many_requests", "unavailable", "bad_gateway", "reset", "eof", "garbage")
]


@pytest.mark.parametrize(("step", "mode"), PASSING)
def test_a_failure_that_passes_is_got_over(scene, lab, uri, step, mode):
    lab.control(hub={"step": step, "mode": mode, "count": 2})
    assert scene.ensure(uri)[0].pulled


@pytest.mark.parametrize("step", ["token", "manifest", "config", "layer"])
def test_a_registry_that_says_nothing_is_not_waited_for(scene, lab, uri, step):
    scene.settings.pull_stall_s = 0.5
    lab.control(hub={"step": step, "mode": "hang", "count": 2})
    assert scene.ensure(uri)[0].pulled
    lab.control(hub={})


@pytest.mark.parametrize(
    ("mode", "error", "code"),
    [
        ("not_found", e.PullFailed, PULL),
        ("corrupt", e.ContentMismatch, PULL),
        ("unavailable", e.RegistryFailed, SERVICE),
    ],
)
def test_a_layer_that_never_comes(scene, lab, uri, mode, error, code):
    # The engine itself tries a layer again after five and after ten seconds.
    scene.settings.pull_deadline_s = 16
    lab.control(hub={"step": "layer", "mode": mode, "count": 9999})
    with pytest.raises(e.DockerError) as failed:
        scene.ensure(uri)
    assert type(failed.value) is error
    assert failed.value.codes[-1] == code


def test_retry_after_is_obeyed(scene, lab, uri):
    lab.control(
        hub={"step": "manifest", "mode": "too_many_requests", "count": 1, "retry_after": "1"}
    )
    assert scene.ensure(uri)[0].pulled
    asked = [x["began_s"] for x in lab.requests("hub") if "/manifests/" in x["path"]]
    waits = [later - earlier for earlier, later in itertools.pairwise(sorted(asked))]
    assert any(wait >= 1 for wait in waits), waits
    wait = next(progress.wait for progress in scene.progress if progress.wait)
    assert wait.attempt == 1
    assert "429" in wait.last_error


def test_a_wait_beyond_the_time_is_not_begun(scene, lab, uri):
    scene.settings.pull_deadline_s = 30
    lab.control(
        hub={"step": "manifest", "mode": "too_many_requests", "count": 1, "retry_after": "300"}
    )
    with pytest.raises(e.RateLimited, match="wants to be asked in 300 s"):
        scene.ensure(uri)


def test_the_return_of_the_network_ends_a_long_pause(scene, lab, uri):
    scene.limits = RetryLimits(first_pause_s=600, longest_pause_s=600)
    scene.settings.pull_deadline_s = 3600
    lab.control(hub={"step": "manifest", "mode": "reset", "count": 9999})

    def waits():
        return any(progress.wait for progress in scene.progress)

    def mend():
        wait_until(waits, "the image waits")
        lab.control(hub={})
        lab.run_inside("ip", "address", "add", "198.51.100.7/32", "dev", "lo")

    async def action(_, images):
        mending = asyncio.create_task(asyncio.to_thread(mend))
        found = await images.ensure(scene.requests(uri), scene.listen)
        await mending
        return found

    try:
        assert scene.run(action)[0].pulled
    finally:
        lab.run_inside("ip", "address", "delete", "198.51.100.7/32", "dev", "lo")
