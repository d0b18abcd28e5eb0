"""Each failure at each step of asking a registry has its class, its retry and its code."""

from __future__ import annotations

import pytest

from greendock.base.errors import Retry
from greendock.docker import errors as e
from greendock.docker.engine.model import RegistryAuth
from lab.internet.addresses import ECR_HOST, PRIVATE_HOST

IMAGES = {
    "hub": "mysql:8.0",
    "public": "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:latest",
    "private": f"{PRIVATE_HOST}/team/app:1.0",
    "ecr": f"{ECR_HOST}/repository:1.0",
}
NEVER, BACK_OFF = Retry.NEVER, Retry.BACK_OFF
LOGIN, INVALID = "DOCKER_LOGIN_ERROR", "DOCKER_IMAGE_NOT_VALID"
SERVICE, PULL, NETWORK = "DOCKER_SERVICE_UNAVAILABLE", "DOCKER_PULL_ERROR", "NETWORK_ERROR"
# Mode of the fault; class, retry, code; text.
ANYWHERE = [
    ("unauthorized", e.RegistryLoginFailed, NEVER, LOGIN, "answered 401"),
    ("forbidden", e.ImageAccessDenied, NEVER, INVALID, "answered 403"),
    ("too_many_requests", e.RateLimited, BACK_OFF, PULL, "answered 429"),
    ("unavailable", e.RegistryFailed, BACK_OFF, SERVICE, "answered 503"),
    ("server_error", e.RegistryFailed, BACK_OFF, SERVICE, "answered 500"),
    ("bad_gateway", e.RegistryFailed, BACK_OFF, SERVICE, "answered 502"),
    ("reset", e.ConnectionLost, BACK_OFF, NETWORK, "the connection was reset"),
    ("eof", e.ConnectionLost, BACK_OFF, NETWORK, "ended in the middle of the answer"),
    ("hang", e.PullStalled, BACK_OFF, NETWORK, "no answer in time"),
]
AT_STEP = [
    ("token", "not_found", e.RegistryFailed, BACK_OFF, SERVICE, "answered 404"),
    ("manifest", "not_found", e.ImageNotFound, NEVER, INVALID, "has no tag"),
    ("manifest", "repository_unknown", e.ImageNotFound, NEVER, INVALID, "has no repository"),
    ("config", "not_found", e.PullFailed, NEVER, PULL, "answered 404"),
    ("token", "garbage", e.RegistryFailed, BACK_OFF, SERVICE, "can't be read"),
    ("manifest", "garbage", e.RegistryFailed, BACK_OFF, SERVICE, "can't be read"),
    ("config", "garbage", e.ContentMismatch, BACK_OFF, PULL, "has not the digest"),
]
STEPS = {"token": "token", "manifest": "manifest", "config": "blob", "layer": "blob"}
CASES = [(step, *case) for step in ("token", "manifest", "config") for case in ANYWHERE] + AT_STEP


@pytest.fixture
def fails(lab, lab_asking):
    """What describing the image of a registry ends with, while a fault strikes."""

    def fails(registry: str, step: str, mode: str, auth=None, **more) -> e.DockerError:
        # Twice: aiohttp asks anew when a connection ends before any answer.
        lab_asking.stall_s = 0.5 if mode == "hang" else 20
        lab.control(**{registry: {"step": step, "mode": mode, "count": 2, **more}})
        with pytest.raises(e.DockerError) as caught:
            lab_asking.describe(IMAGES[registry], auth)
        return caught.value

    return fails


@pytest.mark.parametrize(("step", "mode", "kind", "retry", "code", "text"), CASES)
def test_a_failure_of_docker_hub(fails, step, mode, kind, retry, code, text):
    error = fails("hub", step, mode)
    assert type(error) is kind
    assert (error.retry, error.codes[-1], error.step) == (retry, code, STEPS[step])
    assert text in error.message
    assert "mysql:8.0" in error.message


@pytest.mark.parametrize(("mode", "kind", "retry", "code", "text"), ANYWHERE)
def test_a_failure_of_a_token_server_beside_its_registry(
    lab, fails, mode, kind, retry, code, text
):
    lab.control(private_users={"me": "secret-word"}, private_bearer=True)
    error = fails("private", "token", mode, RegistryAuth("me", "secret-word"))
    assert type(error) is kind
    assert (error.retry, error.codes[-1], error.step) == (retry, code, "token")
    assert text in error.message


@pytest.mark.parametrize("registry", ["public", "private"])
@pytest.mark.parametrize(
    ("mode", "kind"), [(mode, kind) for mode, kind, *_ in ANYWHERE if mode != "unauthorized"]
)
def test_a_failure_of_a_registry_without_tokens(fails, registry, mode, kind):
    assert type(fails(registry, "manifest", mode)) is kind


@pytest.mark.parametrize("step", ["token", "manifest", "config"])
@pytest.mark.parametrize("mode", ["too_many_requests", "unavailable"])
def test_the_wish_for_a_pause_comes_along(fails, step, mode):
    assert fails("hub", step, mode, retry_after="2").retry_after_s == 2
    assert fails("hub", step, mode).retry_after_s is None
    late = fails("hub", step, mode, retry_after="Fri, 31 Dec 2100 23:59:59 GMT")
    assert late.retry_after_s == 3600


@pytest.mark.parametrize(
    ("step", "permission"),
    [("manifest", "ecr:BatchGetImage"), ("config", "ecr:GetDownloadUrlForLayer")],
)
def test_the_permission_that_a_role_lacks_at_ecr(lab, fails, step, permission):
    error = fails("ecr", step, "forbidden", RegistryAuth("AWS", lab.ecr_password()))
    assert type(error) is e.ImageAccessDenied
    assert permission in error.explain()


@pytest.mark.parametrize("mode", [case[0] for case in ANYWHERE if case[0] != "hang"])
def test_a_layer_that_can_not_be_read(lab, lab_asking, mode):
    async def action(registry):
        found = await lab_asking.described(registry, IMAGES["hub"])
        lab.control(hub={"step": "layer", "mode": mode, "count": 3})
        return await lab_asking.unpacked(registry, IMAGES["hub"], found, found.layers)

    _, kind, retry, *_ = next(case for case in ANYWHERE if case[0] == mode)
    packed = sum(len(x.compressed) for x in lab.seeded["library/mysql:8.0"].layers)
    if retry is NEVER:  # nobody knows the size then: the usual ratio
        assert lab_asking.run(action) == 3 * packed
        return
    with pytest.raises(kind) as caught:
        lab_asking.run(action)
    assert caught.value.step == "blob"


@pytest.mark.parametrize("step", ["token", "manifest", "config"])
def test_it_is_over_when_it_is_over(lab, lab_asking, step):
    for mode in ("unavailable", "eof", "garbage"):
        lab.control(hub={"step": step, "mode": mode, "count": 1})
        with pytest.raises(e.DockerError):
            lab_asking.describe(IMAGES["hub"])
        assert lab_asking.describe(IMAGES["hub"]).is_told


def test_a_new_token_is_not_tried_again_but_a_kept_one_is_replaced(lab, lab_asking):
    lab.control(hub={"step": "manifest", "mode": "unauthorized", "count": 1})

    with pytest.raises(e.RegistryLoginFailed):
        lab_asking.describe(IMAGES["hub"])

    async def again(registry):
        await lab_asking.described(registry, IMAGES["hub"])
        lab.control(hub={"step": "manifest", "mode": "unauthorized", "count": 1})
        return await lab_asking.described(registry, IMAGES["hub"])

    assert lab_asking.run(again).is_told
