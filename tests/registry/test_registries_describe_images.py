"""Every kind of registry tells digest, platform and layers of an image before it is pulled."""

from __future__ import annotations

import shutil

import pytest

from greendock.base.errors import Retry
from greendock.docker.engine.model import RegistryAuth
from greendock.docker.errors import (
    ImageAccessDenied,
    ImageNotFound,
    PlatformMismatch,
    RegistryFailed,
    RegistryLoginFailed,
    RegistryUnreachable,
    RegistryUntrusted,
)
from greendock.net.proxy import ProxySettings, read_proxy
from lab import images
from lab.internet.addresses import ECR_HOST, PRIVATE_HOST

PRIVATE = f"{PRIVATE_HOST}/team/app:1.0"
ME = RegistryAuth("me", "secret-word")


def assert_is(found, image: images.Image) -> None:
    assert (found.manifest_digest, found.config.digest) == (image.digest, image.id)
    packed = [(images.digest_of(x.compressed), len(x.compressed)) for x in image.layers]
    assert [(x.digest, x.size_bytes) for x in found.layers] == packed
    assert found.diff_ids == tuple(images.digest_of(x.archive) for x in image.layers)
    assert str(found.platform) == f"linux/{image.architecture}"


@pytest.mark.parametrize(
    ("reference", "seeded"),
    [
        ("mysql:8.0", "library/mysql:8.0"),
        ("hello-world", "library/hello-world:latest"),
        (
            "public.ecr.aws/cloudwatch-agent/cloudwatch-agent",
            "cloudwatch-agent/cloudwatch-agent:latest",
        ),
        (PRIVATE, "team/app:1.0"),
    ],
)
def test_registries_that_everybody_may_read(lab, lab_asking, reference, seeded):
    found = lab_asking.describe(reference)
    assert_is(found, lab.seeded[seeded])
    assert found.digest == found.manifest_digest


def test_docker_hubs_token_is_got_once_for_each_repository(lab, lab_asking):
    async def action(registry):
        for image in ("mysql:8.0", "mysql:8.0", "mysql:latest", "hello-world"):
            await lab_asking.described(registry, image)

    lab_asking.run(action)
    assert [x["path"].partition("scope=")[2] for x in lab.requests("hub-token")] == [
        "repository:library/mysql:pull",
        "repository:library/hello-world:pull",
    ]
    assert {x["status"] for x in lab.requests("hub")} == {200, 401}
    assert all(x["method"] == "GET" for x in lab.requests("hub"))


def test_private_ecr(lab, lab_asking):
    auth = RegistryAuth("AWS", lab.ecr_password())
    found = lab_asking.describe(f"{ECR_HOST}/repository:1.0", auth)
    assert_is(found, lab.seeded["repository:1.0"])


@pytest.mark.parametrize("kind", ["none", "wrong", "expired"])
def test_private_ecr_without_a_valid_password(lab, lab_asking, kind):
    wrong = RegistryAuth("AWS", "wrong-password")
    auths = {"none": None, "wrong": wrong}
    auth = auths.get(kind, RegistryAuth("AWS", lab.ecr_password(lifetime_s=-1)))
    with pytest.raises(RegistryLoginFailed) as caught:
        lab_asking.describe(f"{ECR_HOST}/repository:1.0", auth)
    assert (caught.value.step, caught.value.retry) == ("manifest", Retry.NEVER)
    assert caught.value.codes[-1] == "DOCKER_LOGIN_ERROR"
    assert ("expired" in caught.value.explain()) is (kind == "expired")


@pytest.mark.parametrize("bearer", [False, True])
def test_a_private_registry_with_a_login(lab, lab_asking, bearer):
    lab.control(private_users={"me": "secret-word"}, private_bearer=bearer)
    assert_is(lab_asking.describe(PRIVATE, ME), lab.seeded["team/app:1.0"])
    for auth in (None, RegistryAuth("me", "other-word")):
        with pytest.raises(RegistryLoginFailed) as caught:
            lab_asking.describe(PRIVATE, auth)
        assert caught.value.step == ("token" if bearer else "manifest")
        assert "other-word" not in str(caught.value)


def test_a_private_repository_of_docker_hub(lab, lab_asking):
    lab.control(hub_private=["library/mysql"], hub_users={"me": "secret-word"})
    assert_is(lab_asking.describe("mysql:8.0", ME), lab.seeded["library/mysql:8.0"])
    with pytest.raises(ImageAccessDenied) as caught:
        lab_asking.describe("mysql:8.0")
    assert type(caught.value) is ImageAccessDenied
    with pytest.raises(RegistryLoginFailed, match="incorrect username") as caught:
        lab_asking.describe("mysql:8.0", RegistryAuth("me", "other-word"))
    assert caught.value.step == "token"


def test_a_repository_that_docker_hub_does_not_have(lab_asking):
    with pytest.raises(ImageAccessDenied, match="nosuch/thing") as caught:
        lab_asking.describe("nosuch/thing:1")
    assert caught.value.codes[-1] == "DOCKER_IMAGE_NOT_VALID"


def test_by_digest(lab, lab_asking):
    image = lab.seeded["library/mysql:8.0"]
    assert_is(lab_asking.describe(f"mysql@{image.digest}"), image)


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("mysql:9.9", "library/mysql at registry-1.docker.io has no tag 9.9"),
        (f"mysql@sha256:{'1' * 64}", f"has no digest sha256:{'1' * 64}"),
        (f"{PRIVATE_HOST}/team/app:9", "has no tag 9"),
    ],
)
def test_what_a_repository_does_not_have(lab_asking, reference, text):
    with pytest.raises(ImageNotFound, match=text) as caught:
        lab_asking.describe(reference)
    assert caught.value.codes[-1] == "DOCKER_IMAGE_NOT_VALID"


@pytest.mark.parametrize("oci", [False, True])
def test_an_index(lab, lab_asking, oci):
    index = lab.seed_index("private", "team/many", oci=oci)
    found = lab_asking.describe(f"{PRIVATE_HOST}/team/many")
    assert found.digest == index.digest
    assert_is(found, index.images[1])


def test_an_index_without_this_platform(lab, lab_asking):
    lab.seed_index("private", "team/foreign", architectures=("s390x", "ppc64le"))
    with pytest.raises(PlatformMismatch) as caught:
        lab_asking.describe(f"{PRIVATE_HOST}/team/foreign")
    own = images.own_architecture()
    assert f"has it for linux/s390x, linux/ppc64le, the engine runs linux/{own}" in str(
        caught.value
    )
    assert caught.value.codes[-1] == "DOCKER_IMAGE_NOT_VALID"


def test_an_image_for_another_platform(lab, lab_asking):
    lab.seed("private", "team/foreign", "1", architecture=images.other_architecture())
    with pytest.raises(PlatformMismatch, match="has it for linux/s390x"):
        lab_asking.describe(f"{PRIVATE_HOST}/team/foreign:1")


def test_how_large_layers_are_unpacked(lab, lab_asking):
    image = lab.seed("hub", "some/large", "1", random_layers=[200_000])

    async def action(registry):
        found = await lab_asking.described(registry, "some/large:1")
        return await lab_asking.unpacked(registry, "some/large:1", found, found.layers)

    expected = [max(len(x.archive), len(x.compressed)) for x in image.layers]
    assert lab_asking.run(action) == sum(expected)
    read = [x for x in lab.requests("hub") if "/blobs/" in x["path"]]
    assert [x["status"] for x in read] == [200, 206, 206]


def test_a_redirect_to_another_host_is_followed_without_the_token(lab, lab_asking):
    image = lab.seed("hub", "some/moved", "1")
    lab.registries.push("private", "some/moved", "1", image)
    target = f"https://{PRIVATE_HOST}"
    lab.control(hub={"step": "config", "mode": "redirect", "count": 1, "location": target})
    assert_is(lab_asking.describe("some/moved:1"), image)
    assert [x["authorization"] for x in lab.requests("hub")][1:] == ["Bearer", "Bearer"]
    assert [x["authorization"] for x in lab.requests("private")] == [""]


def test_who_refuses_after_a_redirect_is_named(lab, lab_asking):
    target = f"https://{PRIVATE_HOST}"
    lab.control(hub={"step": "config", "mode": "redirect", "count": 1, "location": target})
    lab.control(private={"step": "layer", "mode": "forbidden", "count": 1})
    with pytest.raises(ImageAccessDenied, match=f"{PRIVATE_HOST} answered 403"):
        lab_asking.describe("mysql:8.0")


def test_a_manifest_is_not_taken_from_a_redirect_out_of_tls(lab, lab_asking):
    for location, text in (
        ("http://registry-1.docker.io", "a redirect from HTTPS to plain HTTP"),
        ("https://registry-1.docker.io", "more than 5 redirects"),
    ):
        lab.control(hub={"step": "manifest", "mode": "redirect", "count": 9, "location": location})
        with pytest.raises(RegistryFailed, match=text) as caught:
            lab_asking.describe("mysql:8.0")
        assert caught.value.step == "manifest"


class TestTrust:
    """The lab's authority is none of the system's."""

    @pytest.fixture(autouse=True)
    def _no_system_authority(self, lab_asking, monkeypatch):
        monkeypatch.delenv("SSL_CERT_FILE")

    def test_an_unknown_authority(self, lab_asking):
        with pytest.raises(RegistryUntrusted, match="TLS failed") as caught:
            lab_asking.describe(PRIVATE)
        assert (caught.value.step, caught.value.retry) == ("manifest", Retry.NEVER)
        assert caught.value.codes[-1] == "TLS_HANDSHAKE_FAILURE"

    def test_the_engines_folder_of_certificates_counts(self, lab, lab_asking):
        folder = lab_asking.certificates / PRIVATE_HOST
        folder.mkdir(parents=True)
        shutil.copy(lab.certificate_authority, folder / "ca.crt")
        lab.control(private_users={"me": "secret-word"}, private_bearer=True)
        assert_is(lab_asking.describe(PRIVATE, ME), lab.seeded["team/app:1.0"])

    def test_an_insecure_registry_is_not_verified(self, lab, lab_asking):
        lab_asking.set_engine(insecure_hosts=(PRIVATE_HOST,))
        assert_is(lab_asking.describe(PRIVATE), lab.seeded["team/app:1.0"])


class TestTheWayThere:
    """No way, no name, nobody there: each says what it is."""

    def test_the_proxy_wants_a_login(self, lab, lab_asking):
        lab.control(proxy_credentials="user:password")
        with pytest.raises(RegistryUnreachable, match="the proxy wants a login") as caught:
            lab_asking.describe("mysql:8.0")
        assert caught.value.retry is Retry.NEVER
        assert caught.value.codes[-1] == "NETWORK_ERROR"

    def test_the_proxy_knows_no_such_host(self, lab_asking):
        with pytest.raises(RegistryUnreachable, match="the proxy answered 502") as caught:
            lab_asking.describe("nowhere.example.com/x:1")
        assert caught.value.retry is Retry.WHEN_ONLINE

    def test_the_proxy_is_down(self, lab_asking):
        proxy = read_proxy("http://127.0.0.1:1", "the test")
        lab_asking.proxies = ProxySettings(http=proxy, https=proxy)
        with pytest.raises(RegistryUnreachable, match=r"proxy http://127.*refused") as caught:
            lab_asking.describe("mysql:8.0")
        assert caught.value.retry is Retry.WHEN_ONLINE

    def test_no_name_service(self, lab_asking):
        lab_asking.proxies = ProxySettings()
        with pytest.raises(RegistryUnreachable, match="the name can't be resolved") as caught:
            lab_asking.describe("mysql:8.0")
        assert caught.value.retry is Retry.WHEN_ONLINE

    def test_nobody_listens(self, lab_asking):
        with pytest.raises(RegistryUnreachable, match="refused"):
            lab_asking.describe("localhost:1/x:1")
