"""The engine is found where the docker command finds it."""

from __future__ import annotations

import hashlib
import json

import pytest

from greendock.docker.engine.address import parse_engine_address
from greendock.docker.engine.lookup import find_engine_address
from greendock.docker.errors import EngineAddressError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("unix:///run/d.sock", "unix:///run/d.sock"),
        ("/run/d.sock", "unix:///run/d.sock"),
        ("unix://", "unix:///var/run/docker.sock"),
        ("tcp://10.0.0.1:1234", "tcp://10.0.0.1:1234"),
        ("tcp://10.0.0.1", "tcp://10.0.0.1:2375"),
        ("http://host:80/", "tcp://host:80"),
        ("host:2375", "tcp://host:2375"),
        ("tcp://[::1]:2375", "tcp://[::1]:2375"),
        ("tcp://", "tcp://localhost:2375"),
    ],
)
def test_addresses_are_read_in_the_forms_of_docker_host(text, shown):
    assert str(parse_engine_address(text, source="a test")) == shown


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ssh://user@host", "ssh"),
        ("npipe:////./pipe/docker_engine", "npipe"),
        ("unix://relative.sock", "not absolute"),
        ("unix:///" + "x" * 120, "107 bytes"),
        ("tcp://host:port", "Port"),
        ("tcp://host:99999", "Port"),
        ("https://host", "certificates"),
        ("tcp://user:secret@host", "only a host"),
    ],
)
def test_other_forms_are_refused_with_the_reason(text, word):
    with pytest.raises(EngineAddressError, match=word) as refused:
        parse_engine_address(text, source="DOCKER_HOST")
    assert "secret" not in refused.value.explain()


@pytest.fixture
def docker_config(tmp_path):
    """A folder of the docker command with the context `edge`."""
    key = hashlib.sha256(b"edge").hexdigest()
    meta = tmp_path / "contexts" / "meta" / key
    meta.mkdir(parents=True)
    endpoint = {"Host": "unix:///run/edge.sock", "SkipTLSVerify": False}
    (meta / "meta.json").write_text(json.dumps({"Endpoints": {"docker": endpoint}}))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "edge"}))
    return tmp_path


@pytest.mark.parametrize(
    ("configured", "environ", "shown", "source"),
    [
        ("unix:///c", {"DOCKER_HOST": "unix:///e"}, "unix:///c", "docker.host"),
        (None, {"DOCKER_HOST": "unix:///e"}, "unix:///e", "DOCKER_HOST"),
        (None, {}, "unix:///run/edge.sock", "the docker context 'edge'"),
        (None, {"DOCKER_CONTEXT": "default"}, "unix:///var/run/docker.sock", "the default"),
    ],
)
def test_the_nearest_source_counts(docker_config, configured, environ, shown, source):
    environ = {"DOCKER_CONFIG": str(docker_config), **environ}
    found = find_engine_address(configured, environ)
    assert (str(found), found.source) == (shown, source)


def test_without_any_setting_it_is_the_default_socket(tmp_path):
    found = find_engine_address(None, {"HOME": str(tmp_path)})
    assert str(found) == "unix:///var/run/docker.sock"


def test_an_unknown_context_is_an_error(docker_config):
    environ = {"DOCKER_CONFIG": str(docker_config), "DOCKER_CONTEXT": "gone"}
    with pytest.raises(EngineAddressError, match="'gone'"):
        find_engine_address(None, environ)


def test_tls_is_used_as_the_environment_says(tmp_path):
    environ = {"DOCKER_HOST": "tcp://host", "DOCKER_TLS_VERIFY": "1"}
    found = find_engine_address(None, {**environ, "DOCKER_CERT_PATH": str(tmp_path)})
    assert found.port == 2376
    assert found.base_url == "https://host:2376"
    assert found.tls is not None
    assert (found.tls.folder, found.tls.verify) == (tmp_path, True)
