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


def test_an_unknown_fault_is_refused(lab):
    with pytest.raises(AssertionError, match="no fault 'nonsense'"):
        lab.control(hub={"mode": "nonsense", "count": 1})
    with pytest.raises(AssertionError, match="no setting is called 'nonsense'"):
        lab.control(nonsense=1)


def test_each_test_begins_on_a_good_day(lab, pull):
    assert lab.requests("proxy") == []
    assert pull()[-1]["status"].startswith("Status: Downloaded")
