"""The engine's proxy serves a core that has none, and a difference between them is explained."""

from __future__ import annotations

import dataclasses

import pytest

from greendock.docker.engine.model import EngineInfo
from greendock.docker.engine.proxy import engine_proxies, proxy_mismatch
from greendock.net.proxy import ProxySettings, read_proxy

INFO = EngineInfo(
    version="20.10",
    api_version="1.41",
    name="device",
    os="linux",
    architecture="amd64",
    data_root="/var/lib/docker",
    storage_driver="overlay2",
    is_podman=False,
    http_proxy="",
    https_proxy="",
    no_proxy="",
)


def info(https="", no_proxy=""):
    return dataclasses.replace(INFO, https_proxy=https, no_proxy=no_proxy)


def own(url):
    proxy = read_proxy(url, "networkProxy", username="user", password="secret") if url else None
    return ProxySettings(proxy, proxy)


@pytest.mark.parametrize(
    ("core", "engine"),
    [
        (None, ""),
        (None, "http://proxy:3128"),
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://proxy:3128", "http://***@proxy:3128/"),
        ("http://PROXY:3128", "proxy:3128"),
    ],
)
def test_the_same_proxy_needs_no_word(core, engine):
    assert proxy_mismatch(own(core), info(engine)) is None


@pytest.mark.parametrize("engine", ["", "http://other:3128", "http://proxy:8080"])
def test_a_difference_is_explained_without_the_login(engine):
    text = proxy_mismatch(own("http://proxy:3128"), info(engine))
    assert text is not None
    assert "http://proxy:3128" in text
    assert (engine or "none") in text
    assert "docker.service.d" in text
    assert "secret" not in text


def test_a_core_without_a_proxy_takes_the_engines():
    found = engine_proxies(info("http://proxy:3128", "localhost,.internal"))
    assert found.https is not None
    assert found.https.url == "http://proxy:3128"
    assert found.no_proxy == ("localhost", ".internal")


@pytest.mark.parametrize("url", ["", "http://***@proxy:3128", "socks5://proxy:1080"])
def test_a_proxy_that_the_core_cannot_use_is_left_out(url):
    assert engine_proxies(info(url)).https is None
