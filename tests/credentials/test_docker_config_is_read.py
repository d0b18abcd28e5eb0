"""Docker's config.json: which entry means which registry, and what a broken one says."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from credential_scene import SECRET
from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.credentials.docker_config import (
    DockerConfig,
    DockerConfigFile,
    HelperEntry,
    parse_docker_config,
    registry_of,
    server_of,
)
from greendock.docker.engine.model import RegistryAuth
from greendock.docker.errors import CredentialsFailed


def auth(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def parse(**members: Any) -> DockerConfig:
    return parse_docker_config(json.dumps(members).encode(), "/c.json")


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("https://index.docker.io/v1/", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("https://index.docker.io", "docker.io"),
        ("quay.io", "quay.io"),
        ("https://quay.io", "quay.io"),
        ("http://quay.io/v2/", "quay.io"),
        ("QUAY.io/v1/", "quay.io"),
        ("registry.test:5000", "registry.test:5000"),
        ("https://registry.test:5000/", "registry.test:5000"),
        ("localhost:5000", "localhost:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("https://index.docker.io.evil.tld/v1/", "index.docker.io.evil.tld"),
        ("", ""),
    ],
)
def test_keys_mean_registries(key: str, registry: str):
    assert registry_of(key) == registry
    found = parse(auths={key: {"auth": auth(f"ann:{SECRET}")}}).find(registry)
    assert found == RegistryAuth("ann", SECRET, server_of(registry))


def test_the_spelling_of_docker_counts_most():
    hub = {"auth": auth("ann:hub")}
    other = {"auth": auth("bob:other")}
    for auths in (
        {"docker.io": other, "https://index.docker.io/v1/": hub},
        {"https://index.docker.io/v1/": hub, "docker.io": other},
    ):
        assert parse(auths=auths).find("docker.io") == RegistryAuth(
            "ann", "hub", "https://index.docker.io/v1/"
        )


@pytest.mark.parametrize(
    ("entry", "login"),
    [
        ({"auth": auth("ann:p:w:d")}, RegistryAuth("ann", "p:w:d", "r.test")),
        ({"auth": auth("ann:pw\0\0")}, RegistryAuth("ann", "pw", "r.test")),
        ({"username": "ann", "password": "pw"}, RegistryAuth("ann", "pw", "r.test")),
        ({"identitytoken": "tok"}, RegistryAuth("", "", "r.test", "tok")),
        (
            {"auth": auth("00000000:"), "identitytoken": "tok"},
            RegistryAuth("00000000", "", "r.test", "tok"),
        ),
        ({}, None),
        ({"email": "ann@example.com"}, None),
        (None, None),
    ],
)
def test_entries_are_logins(entry: Any, login: RegistryAuth | None):
    assert parse(auths={"r.test": entry}).find("r.test") == login


def test_who_is_not_there_has_no_login():
    config = parse(auths={"r.test": {"auth": auth("a:b")}})
    assert config.find("other.test") is None
    assert config.find("r.test:5000") is None
    assert parse().find("r.test") is None
    assert parse_docker_config(b" \n", "/c.json").find("r.test") is None


def test_helpers_come_before_entries():
    config = parse(
        auths={"r.test": {"auth": auth("a:b")}, "s.test": {}},
        credHelpers={"r.test": "ecr-login", "https://index.docker.io/v1/": "hub"},
        credsStore="pass",
    )
    assert config.find("r.test") == HelperEntry("ecr-login", True)
    assert config.find("docker.io") == HelperEntry("hub", True)
    assert config.find("s.test") == HelperEntry("pass", False)
    assert config.find("unknown.test") == HelperEntry("pass", False)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'"' + SECRET.encode() + b'"',
        json.dumps({"auths": [SECRET]}).encode(),
        json.dumps({"auths": {"r.test": {"auth": [SECRET]}}}).encode(),
        b'{"auths": {"r.test": {"auth": "' + SECRET.encode() + b'"',
        b'{"auths": {"\xff' + SECRET.encode() + b'": {}}}',
    ],
)
def test_broken_files_are_named_and_not_shown(content: bytes):
    with pytest.raises(CredentialsFailed, match=r"/c\.json") as caught:
        parse_docker_config(content, "/c.json").find("r.test")
    chain = [caught.value, caught.value.__cause__]
    assert all(SECRET not in f"{x} {x!r}" for x in chain)


@pytest.mark.parametrize("text", ["%%%", SECRET, auth(SECRET.replace(":", "")), "/w==", auth("")])
def test_a_broken_auth_hurts_only_its_registry(text: str):
    config = parse(auths={"bad.test": {"auth": text or "="}, "good.test": {"auth": auth("a:b")}})
    assert isinstance(config.find("good.test"), RegistryAuth)
    if text:
        with pytest.raises(CredentialsFailed, match=r"bad\.test") as caught:
            config.find("bad.test")
        assert caught.value.__cause__ is None
        assert SECRET not in str(caught.value)


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.text(max_size=20),
        lambda inner: st.dictionaries(
            st.sampled_from(["auths", "credHelpers", "credsStore", "r.test", "auth"]) | st.text(),
            inner,
            max_size=4,
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_anything_is_read_or_refused(content: bytes):
    try:
        parse_docker_config(content, "/c.json").find("r.test")
    except CredentialsFailed as error:
        assert "/c.json" in str(error)


def test_a_file_is_read_again_when_it_changed(tmp_path: Path):
    path = tmp_path / "config.json"
    file = DockerConfigFile(str(path))
    assert file.read() is None
    path.write_text(json.dumps({"auths": {"r.test": {"auth": auth("a:one")}}}))
    first = file.read()
    assert first is not None
    assert file.read() is first
    new = tmp_path / "new"
    new.write_text(json.dumps({"auths": {"r.test": {"auth": auth("a:two")}}}))
    os.utime(new, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    new.rename(path)
    second = file.read()
    assert second is not None
    assert second.find("r.test") == RegistryAuth("a", "two", "r.test")
    path.unlink()
    assert file.read() is None


def test_what_is_no_plain_file_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CredentialsFailed, match="no regular file"):
        DockerConfigFile(str(tmp_path / "pipe")).read()
    with pytest.raises(CredentialsFailed, match=str(tmp_path)):
        DockerConfigFile(str(tmp_path)).read()
    (tmp_path / "large").write_bytes(b" " * (4 * 1024 * 1024 + 1))
    with pytest.raises(CredentialsFailed, match="larger than"):
        DockerConfigFile(str(tmp_path / "large")).read()


def test_nothing_secret_is_shown():
    config = parse(auths={"r.test": {"auth": auth(f"ann:{SECRET}"), "identitytoken": SECRET}})
    assert auth(f"ann:{SECRET}") not in repr(config)
    assert SECRET not in repr(config) + repr(config.find("r.test"))
