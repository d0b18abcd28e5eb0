"""The configuration's proxy comes first, then the environment's, then the engine's."""

from __future__ import annotations

import logging
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from greendock.config.device_file import DeviceConfiguration
from greendock.daemon.core_settings import CoreSettings
from greendock.daemon.proxies import Proxies
from greendock.deployment.device_state import DeviceState
from greendock.docker.engine.model import read_info

ENGINE = read_info(
    b'{"HttpsProxy": "http://engine.test:1", "HttpProxy": "", "NoProxy": ""}',
    api_version="1.41",
    is_podman=False,
)


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def proxies(url="", engine=None):
    nothing = DeviceConfiguration("core-1", {}, {}, {})
    settings = replace(CoreSettings(nothing, DeviceState()).current, proxy_url=url)
    return Proxies(lambda: settings, lambda: engine)


def https_host(proxy):
    found = proxy().https
    return None if found is None else urlsplit(found.url).hostname


def test_without_any_there_is_none():
    assert https_host(proxies()) is None


def test_the_engines_is_taken_where_nothing_else_is_set():
    assert https_host(proxies(engine=ENGINE)) == "engine.test"
    assert proxies(engine=ENGINE).own().https is None


def test_the_environments_comes_before_it(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://environment.test:1")
    assert https_host(proxies(engine=ENGINE)) == "environment.test"


def test_the_configurations_comes_first(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://environment.test:1")
    assert https_host(proxies("http://own.test:1", ENGINE)) == "own.test"


def test_one_that_cannot_be_read_counts_as_unset_and_is_told_once(caplog):
    chosen = proxies("socks9://own.test:1")
    with caplog.at_level(logging.ERROR, "greendock"):
        assert https_host(chosen) is None
        assert https_host(chosen) is None
    assert len(caplog.records) == 1
