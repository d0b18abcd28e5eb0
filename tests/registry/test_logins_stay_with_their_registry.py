"""Logins and tokens are shown to their registry and its token server, and to nobody else."""

from __future__ import annotations

import base64

import pytest
from aiohttp import web

from greendock.docker.engine.model import RegistryAuth
from greendock.docker.errors import RegistryFailed, RegistryLoginFailed, RegistryUnreachable
from greendock.net.proxy import ProxySettings, read_proxy
from lab import images

PASSWORD = "correct-horse"
AUTH = RegistryAuth("me", PASSWORD)
BASIC = "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()
BEARER = 'Bearer realm="http://localhost:{port}/token",service="small",scope="repository:x:push"'


@pytest.fixture
def image() -> images.Image:
    return images.image([images.layer({"a": (b"1" * 1000, 0o644)})], ["/a"])


@pytest.fixture
def ask(asking, small, image):
    """Describe team/app:1.0 of the small registry, as often as there are logins."""

    def ask(*logins: RegistryAuth | None, before=lambda number: None):
        async def action(registry):
            async with small.open():
                small.put("1.0", image)
                found = []
                for number, auth in enumerate(logins):
                    before(number)
                    found.append(
                        await asking.described(registry, f"{small.host}/team/app:1.0", auth)
                    )
                return found

        return asking.run(action)

    return ask


def test_nobody_is_shown_a_login_that_nobody_asks_for(ask, small, image):
    (found,) = ask(AUTH)
    assert found.config.digest == image.id
    assert {shown for _, shown in small.seen} == {None}


def test_an_identity_token_is_exchanged_in_a_form_and_never_in_an_address(ask, small, image):
    small.challenge, small.allow = BEARER, {"Bearer exchanged"}
    small.tokens = [{"access_token": "exchanged"}]
    (found,) = ask(RegistryAuth("<token>", "", identity_token=PASSWORD))
    assert found.config.digest == image.id
    assert [form["refresh_token"] for form in small.forms] == [PASSWORD]
    assert small.forms[0]["grant_type"] == "refresh_token"
    assert small.forms[0]["scope"] == "repository:team/app:pull"
    assert all(PASSWORD not in path for path, _ in small.seen)
    assert small.authorizations("/token") == [None]


def test_a_basic_login(ask, small, image):
    small.allow = {BASIC}
    first, second = ask(AUTH, AUTH)
    assert first == second
    assert first.manifest_digest == image.digest
    # Asked once, then shown at once.
    assert small.authorizations("/v2/") == [None, BASIC, BASIC, BASIC, BASIC]


def test_a_basic_login_that_is_missing(ask, small):
    small.allow = {BASIC}
    with pytest.raises(RegistryLoginFailed, match="none is configured") as caught:
        ask(None)
    assert caught.value.step == "manifest"


def test_a_wrong_login_is_shown_once_and_never_in_texts(ask, small):
    small.allow = {"Basic other"}
    with pytest.raises(RegistryLoginFailed) as caught:
        ask(AUTH)
    assert small.authorizations("/v2/") == [None, BASIC]
    everything = f"{caught.value!r} {caught.value.explain()} {caught.value.__cause__!r}"
    assert PASSWORD not in everything
    assert BASIC[6:] not in everything


def test_a_token_is_got_with_the_login_and_kept(ask, small):
    small.allow, small.challenge = {"Bearer one"}, BEARER
    small.tokens = [{"token": "one", "expires_in": 300}]
    ask(AUTH, AUTH)
    ((path, shown),) = [x for x in small.seen if x[0].startswith("/token")]
    assert path == "/token?service=small&scope=repository:team/app:pull"
    assert shown == BASIC
    assert set(small.authorizations("/v2/")) == {None, "Bearer one"}


def test_a_token_is_for_one_login(ask, small):
    small.allow, small.challenge = {"Bearer one", "Bearer two"}, BEARER
    small.tokens = [{"token": "one"}, {"access_token": "two"}]
    ask(AUTH, None)
    assert small.authorizations("/token") == [BASIC, None]


@pytest.mark.parametrize(("passed_s", "tokens"), [(285, 1), (295, 2)])
def test_a_token_is_renewed_shortly_before_it_expires(ask, asking, small, passed_s, tokens):
    small.allow, small.challenge = {"Bearer one", "Bearer two"}, BEARER
    small.tokens = [{"token": "one", "expires_in": 300}, {"token": "two", "expires_in": 300}]

    def before(number):
        asking.clock.forward_s = number * passed_s

    ask(AUTH, AUTH, before=before)
    assert len(small.authorizations("/token")) == tokens


def test_a_token_that_no_longer_counts_is_replaced(ask, small):
    small.challenge = BEARER
    small.tokens = [{"token": "one"}, {"token": "two"}]

    def before(number):
        small.allow = {("Bearer one", "Bearer two")[number]}

    assert len(ask(AUTH, AUTH, before=before)) == 2
    assert len(small.authorizations("/token")) == 2


@pytest.mark.parametrize(
    "answer",
    [{}, {"token": ""}, {"token": "a\r\nX-Evil: 1"}, {"token": 7}, {"token": "é"}, []],
)
def test_a_token_server_that_gives_none(ask, small, answer):
    small.allow, small.challenge, small.tokens = {"Bearer one"}, BEARER, [answer]
    with pytest.raises(RegistryFailed, match="cannot get a token") as caught:
        ask(AUTH)
    assert caught.value.step == "token"


@pytest.mark.parametrize(
    "realm", ["", "file:///etc/passwd", "nonsense", "http://", "http://[", "http://u:p@host/"]
)
def test_a_token_server_without_an_address(ask, small, realm):
    small.allow, small.challenge = {"Bearer one"}, f'Bearer realm="{realm}"'
    with pytest.raises((RegistryFailed, RegistryLoginFailed)):
        ask(AUTH)
    assert small.authorizations("/token") == []


def test_a_token_server_elsewhere_without_tls_sees_no_login(ask, small):
    small.allow, small.challenge = {"Bearer one"}, 'Bearer realm="http://127.0.0.1:{port}/token"'
    with pytest.raises(RegistryLoginFailed, match="not sent over plain HTTP"):
        ask(AUTH)
    assert small.authorizations("/token") == []


def test_a_redirect_to_another_host_takes_no_login_along(asking, small, image):
    small.allow = {BASIC}
    other = type(small)()

    async def action(registry):
        async with small.open(), other.open():
            small.put("1.0", image)
            other.put("1.0", image)
            blob = f"/v2/team/app/blobs/{image.id}"
            target = f"http://127.0.0.1:{other.port}{blob}"
            small.answers[image.id] = web.Response(status=307, headers={"Location": target})
            return await asking.described(registry, f"{small.host}/team/app:1.0", AUTH)

    assert asking.run(action).config.digest == image.id
    assert small.authorizations("/blobs/") == [BASIC]
    assert other.authorizations("/blobs/") == [None]


def test_a_redirect_within_the_host_keeps_the_login(ask, small, image):
    small.allow = {BASIC}
    small.answers["app/manifests/1.0"] = web.Response(
        status=302, headers={"Location": f"/v2/moved/manifests/{image.digest}"}
    )
    ask(AUTH)
    assert small.authorizations("/v2/moved/") == [BASIC]


@pytest.mark.parametrize("target", ["{0}", "file:///etc/passwd", "http://[", "//"])
def test_redirects_that_lead_nowhere(ask, small, target):
    location = target.format("/v2/team/app/manifests/1.0")
    small.answers["1.0"] = web.Response(status=302, headers={"Location": location})
    with pytest.raises(RegistryFailed):
        ask(None)
    assert len(small.authorizations("/manifests/")) <= 6


class TestOverPlainHttp:
    """The small registry answers for plain.test through a proxy, without TLS."""

    @pytest.fixture
    def ask(self, asking, small, image):
        asking.set_engine(insecure_hosts=("plain.test:5000",))

        def ask(auth):
            async def action(registry):
                async with small.open():
                    proxy = read_proxy(f"http://127.0.0.1:{small.port}", "the test")
                    asking.proxies = ProxySettings(http=proxy, https=proxy)
                    small.put("1.0", image)
                    return await asking.described(registry, "plain.test:5000/team/app:1.0", auth)

            return asking.run(action)

        return ask

    def test_an_insecure_registry_is_read(self, ask, small, image):
        assert ask(AUTH).config.digest == image.id
        assert {shown for _, shown in small.seen} == {None}

    @pytest.mark.parametrize(
        "challenge", ['Basic realm="x"', 'Bearer realm="http://t.test/token"']
    )
    def test_it_is_shown_no_login(self, ask, small, challenge):
        small.allow, small.challenge = {"Bearer two"}, challenge
        small.tokens = [{"token": "one"}]
        with pytest.raises(RegistryLoginFailed, match="not sent over plain HTTP"):
            ask(AUTH)
        assert BASIC not in {shown for _, shown in small.seen}


class TestMirrors:
    """The small registry is the engine's mirror of Docker Hub."""

    @pytest.fixture
    def ask(self, asking, small, image):
        def ask():
            async def action(registry):
                async with small.open():
                    mirror = f"http://127.0.0.1:{small.port}"
                    asking.set_engine(mirrors=(mirror,))
                    proxy = read_proxy(mirror, "the test")
                    asking.proxies = ProxySettings(http=proxy, https=proxy)
                    small.put("8.0", image)
                    return await asking.described(registry, "mysql:8.0", AUTH)

            return asking.run(action)

        return ask

    def test_a_mirror_is_asked_first(self, ask, small, image):
        assert ask().config.digest == image.id
        assert small.authorizations("/v2/library/mysql/") == [None, None]

    def test_a_mirror_sees_no_login_even_when_it_wants_one(self, ask, small):
        small.allow = {BASIC}
        with pytest.raises(RegistryUnreachable, match=r"registry-1\.docker\.io"):
            ask()
        assert {shown for _, shown in small.seen} == {None}

    @pytest.mark.parametrize("status", [404, 403, 429, 500])
    def test_docker_hub_is_asked_when_a_mirror_fails(self, ask, small, status):
        small.answers["8.0"] = status
        with pytest.raises(RegistryUnreachable, match=r"registry-1\.docker\.io"):
            ask()
