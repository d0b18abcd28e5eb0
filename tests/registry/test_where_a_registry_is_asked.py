"""A registry is asked where the engine would ask it, and believed as the engine believes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from greendock.docker.engine.model import read_info
from greendock.docker.platform_match import Platform
from greendock.docker.registry.endpoints import (
    Endpoint,
    RegistryPlace,
    endpoints_for,
    is_insecure,
    may_carry_login,
    variant_of,
)
from greendock.docker.registry.trust import read_trust
from greendock.net.http import Trust

ENGINE = read_info(b'{"Architecture": "x86_64"}', api_version="1.48", is_podman=False)
PLACE = RegistryPlace(ENGINE, is_local=True)
HUB = "https://registry-1.docker.io"


def urls(registry: str, *, is_local: bool = True, **engine: object) -> list[str]:
    place = RegistryPlace(replace(ENGINE, **engine), is_local=is_local)
    return [endpoint.url for endpoint in endpoints_for(registry, place)]


def test_docker_hub_has_an_address_of_its_own():
    assert endpoints_for("docker.io", PLACE) == (Endpoint(HUB, verify=True, is_own=True),)


def test_mirrors_of_docker_hub_come_first_and_see_no_login():
    mirrors = ("https://mirror.test/", "http://10.0.0.1:5000", "ftp://x", "nonsense", "http://[")
    place = RegistryPlace(replace(ENGINE, mirrors=mirrors), is_local=True)
    assert endpoints_for("docker.io", place) == (
        Endpoint("https://mirror.test", verify=True, is_own=False),
        Endpoint("http://10.0.0.1:5000", verify=True, is_own=False),
        Endpoint(HUB, verify=True, is_own=True),
    )
    assert [x.url for x in endpoints_for("quay.io", place)] == ["https://quay.io"]


def test_a_mirror_on_the_engines_own_machine_is_not_ours_when_the_engine_is_elsewhere():
    assert urls("docker.io", is_local=False, mirrors=("http://127.0.0.1:5000",)) == [HUB]


@pytest.mark.parametrize(
    "registry", ["localhost:5000", "localhost", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"]
)
def test_this_machine_is_insecure_as_for_the_engine(registry):
    assert urls(registry) == [f"https://{registry}", f"http://{registry}"]
    assert all(not endpoint.verify for endpoint in endpoints_for(registry, PLACE))
    assert urls(registry, is_local=False) == []


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        ("plain.test:5000", True),
        ("PLAIN.test:5000", True),
        ("plain.test", False),
        ("plain.test:5001", False),
        ("10.1.2.3:5000", True),
        ("10.2.0.1:5000", False),
        ("[fd00::5]:5000", True),
        ("[fe80::5]", False),
        ("host.test", False),
        ("localhost.evil.test", False),
        ("127.0.0.1.evil.test", False),
    ],
)
def test_insecure_registries_are_those_of_the_engine(registry, expected):
    engine = replace(
        ENGINE,
        insecure_hosts=("plain.test:5000",),
        insecure_networks=("127.0.0.0/8", "10.1.0.0/16", "fd00::/8", "rubbish"),
    )
    assert is_insecure(registry, engine) is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://anywhere.test/x", True),
        ("http://localhost:5000", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:5000", True),
        ("http://anywhere.test", False),
        ("http://localhost.evil.test", False),
    ],
)
def test_where_a_login_may_travel(url, expected):
    assert may_carry_login(url) is expected


def test_variants_of_processors():
    names = ("armv6l", "armv7l", "aarch64", "x86_64")
    assert [variant_of(name) for name in names] == ["v6", "v7", "v8", ""]
    assert PLACE.platform == Platform("linux", ENGINE.architecture)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    host = tmp_path / "registry.test:5000"
    host.mkdir()
    for name in ("b.crt", "a.crt", "client.cert", "client.key", "alone.cert", "notes.txt"):
        (host / name).write_text("")
    return tmp_path


def test_the_engines_folder_of_certificates(folder):
    host = folder / "registry.test:5000"
    endpoint = Endpoint("https://registry.test:5000", verify=True, is_own=True)
    expected = Trust((host / "a.crt", host / "b.crt"), host / "client.cert", host / "client.key")
    assert read_trust(endpoint, folder) == expected
    assert read_trust(endpoint, None) == Trust()


@pytest.mark.parametrize("url", ["https://registry.test", "https://other.test:5000", HUB])
def test_certificates_are_for_one_host_and_port(folder, url):
    (folder / "registry-1.docker.io").mkdir()
    (folder / "registry-1.docker.io" / "x.crt").write_text("")
    assert read_trust(Endpoint(url, verify=True, is_own=True), folder) == Trust()


def test_insecure_means_unverified(folder):
    url = "https://registry.test:5000"
    assert read_trust(Endpoint(url, verify=False, is_own=True), folder) == Trust(verify=False)
