"""The lab's faults are what engines meet in the field, and they end when a test resets them."""

from __future__ import annotations

import threading

import docker
import pytest
from docker.errors import APIError

from lab.waiting import wait_until


@pytest.fixture
def pull(lab):
    """Pull mysql:8.0 anew; the progress lines."""
    lab.reset()
    client = docker.DockerClient(base_url=lab.docker_host, timeout=60)
    yield lambda: list(client.api.pull("mysql", tag="8.0", stream=True, decode=True))
    client.close()


@pytest.mark.parametrize(
    ("mode", "text"), [("blob_missing", "unknown blob"), ("corrupt", "verification failed")]
)
def test_errors_inside_the_stream(lab, pull, mode, text):
    lab.control(hub={"mode": mode, "count": 9})
    assert text in pull()[-1]["error"]


@pytest.mark.parametrize(
    ("mode", "text"), [("too_many_requests", "toomanyrequests"), ("unavailable", "503")]
)
def test_errors_before_the_stream(lab, pull, mode, text):
    lab.control(hub={"mode": mode, "count": 99})
    with pytest.raises(APIError, match=text):
        pull()


def test_a_cut_layer_is_resumed(lab, pull):
    lab.control(hub={"mode": "cut", "count": 1})
    events = pull()
    assert any("Retrying in" in event["status"] for event in events)
    assert events[-1]["status"].startswith("Status: Downloaded")


def test_a_hanging_layer_goes_on_when_it_is_let_go(lab, pull):
    lab.control(hub={"mode": "hang", "count": 1})
    events = []
    thread = threading.Thread(target=lambda: events.extend(pull()))
    thread.start()
    wait_until(
        lambda: lab._control("GET").json()["faults"]["hub"]["count"] == 0, "the layer hangs"
    )
    assert thread.is_alive()
    lab.reset_faults()
    thread.join(timeout=30)
    assert events[-1]["status"].startswith("Status: Downloaded")


def test_the_proxy_can_ask_for_a_login(lab, pull):
    lab.control(proxy_credentials="user:password")
    with pytest.raises(APIError, match="Proxy Authentication Required"):
        pull()


@pytest.mark.parametrize(
    ("step", "mode", "text"),
    [
        ("token", "unauthorized", "401|unauthorized|incorrect"),
        ("token", "server_error", "500"),
        ("manifest", "forbidden", "denied"),
        ("manifest", "not_found", "manifest unknown"),
        ("manifest", "repository_unknown", "name unknown"),
        ("manifest", "reset", "reset by peer|EOF"),
        ("manifest", "garbage", "."),
    ],
)
def test_faults_of_a_step_before_the_stream(lab, pull, step, mode, text):
    lab.control(hub={"step": step, "mode": mode, "count": 99})
    with pytest.raises(APIError, match=text):
        pull()


@pytest.mark.parametrize(
    ("step", "mode"),
    [("config", "unavailable"), ("layer", "reset"), ("layer", "eof"), ("layer", "cut")],
)
def test_the_engine_gets_over_one_fault_of_a_blob(lab, pull, step, mode):
    lab.control(hub={"step": step, "mode": mode, "count": 1})
    assert pull()[-1]["status"].startswith("Status: Downloaded")
    assert lab._control("GET").json()["faults"]["hub"]["count"] == 0


def test_the_private_registry_can_want_a_login(lab):
    lab.control(private_users={"me": "secret"})
    client = docker.DockerClient(base_url=lab.docker_host, timeout=60)
    try:
        for bearer in (False, True):
            lab.remove_image("registry.lab.test:5443/team/app:1.0")
            lab.control(private_bearer=bearer)
            with pytest.raises(APIError):
                client.images.pull("registry.lab.test:5443/team/app", tag="1.0")
            login = {"username": "me", "password": "secret"}
            client.images.pull("registry.lab.test:5443/team/app", tag="1.0", auth_config=login)
    finally:
        client.close()


def test_the_engine_takes_its_platform_of_an_index(lab):
    index = lab.seed_index("hub", "some/many")
    client = docker.DockerClient(base_url=lab.docker_host, timeout=60)
    try:
        assert client.images.pull("some/many", tag="latest").id == index.images[1].id
    finally:
        client.close()


def test_an_unknown_fault_is_refused(lab):
    with pytest.raises(AssertionError, match="no step 'nonsense'"):
        lab.control(hub={"step": "nonsense", "mode": "reset", "count": 1})
    with pytest.raises(AssertionError, match="no fault 'cut'"):
        lab.control(hub={"step": "manifest", "mode": "cut", "count": 1})
    with pytest.raises(AssertionError, match="no fault 'nonsense'"):
        lab.control(hub={"mode": "nonsense", "count": 1})
    with pytest.raises(AssertionError, match="no setting is called 'nonsense'"):
        lab.control(nonsense=1)


def test_each_test_begins_on_a_good_day(lab, pull):
    assert lab.requests("proxy") == []
    assert pull()[-1]["status"].startswith("Status: Downloaded")
