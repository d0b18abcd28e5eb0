"""A component's container in a bridge network gets AWS credentials, its neighbours get nothing.

The host's address 169.254.170.2 is on Docker's bridge; botocore takes it as it is.
"""

from __future__ import annotations

import json
import re

import pytest
from exchange_containers import (
    ADDRESS,
    FOREVER,
    NAME,
    RUN,
    SAY,
    botocores,
    change,
    core_log,
    in_container,
    recipe,
    said,
    talk,
)
from exchange_scene import PATH, SERVICE

from lab.waiting import wait_until

KEYS = {
    "AccessKeyId": "ASIALAB",
    "SecretAccessKey": "secret-of-the-lab",
    "Token": "session-of-the-lab",
    "Expiration": "2037-01-01T00:00:00Z",
}


@pytest.fixture
def config(tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(KEYS))
    return {"greendock": {"credentials": {"source": "static", "staticFile": str(keys)}}}


@pytest.fixture
def running(make_core, config):
    return make_core(config)


def addresses(lab):
    return lab.run_inside("ip", "-4", "-o", "address", "show", "to", ADDRESS)


def test_in_the_default_and_in_a_network_of_its_own(lab, running, tmp_path):
    networks = ("", "--network own", "--network host")
    make = "docker network create own"
    run = "; ".join([SAY, make, *map(in_container, networks), FOREVER])
    running.deploy(recipe(tmp_path, run))
    running.wait_state(SERVICE, ["RUNNING"])
    wait_until(lambda: running.log(NAME).count("wget ended") == 3, lambda: running.log(NAME), 60)
    log = running.log(NAME)
    assert log.count("wget ended with 0") == 3, log
    assert log.count(KEYS["Token"]) == 3, log
    assert f"uri http://{ADDRESS}:" in log
    assert "docker0" in addresses(lab)


def test_on_the_host_the_same_variable_works(lab, running, tmp_path):
    running.deploy(recipe(tmp_path, RUN))
    uri, token = said(running, "uri"), said(running, "token")
    assert re.fullmatch(rf"http://{re.escape(ADDRESS)}:[0-9]+{PATH}", uri)
    local = uri.replace(ADDRESS, "127.0.0.1")
    with lab.namespaces.network():
        for place in (uri, local):
            found = botocores(place, token)
            assert found.get_frozen_credentials().token == KEYS["Token"]


@pytest.fixture
def neighbour(lab):
    """A network namespace beside the host's, with a route to the address by way of it."""
    commands = (
        "ip netns add gdneighbour",
        "ip link add gdlan0 type veth peer name gdlan1 netns gdneighbour",
        "ip address add 198.51.100.1/24 dev gdlan0",
        "ip link set gdlan0 up",
        "ip -n gdneighbour address add 198.51.100.2/24 dev gdlan1",
        "ip -n gdneighbour link set gdlan1 up",
        f"ip -n gdneighbour route add {ADDRESS}/32 via 198.51.100.1",
    )
    for command in commands:
        lab.run_inside(*command.split())
    yield ["ip", "netns", "exec", "gdneighbour"]
    lab.run_inside("ip", "netns", "delete", "gdneighbour")


def test_a_neighbour_is_hung_up_on(lab, running, tmp_path, neighbour):
    running.deploy(recipe(tmp_path, RUN))
    token, port = said(running, "token"), said(running, "uri").split(":")[2].split("/")[0]
    assert talk(lab, [], ADDRESS, port, token).stdout.strip() == "b'HTTP/1.1 200 OK'"
    assert talk(lab, neighbour, ADDRESS, port, token).stdout.strip() == "b''"
    refused = talk(lab, neighbour, "198.51.100.1", port, token)
    assert "ConnectionRefusedError" in refused.stderr
    listening = lab.run_inside("ss", "-Hltn", f"sport = :{port}").split()
    places = {part for part in listening if part.endswith(f":{port}")}
    assert places == {f"127.0.0.1:{port}", f"{ADDRESS}:{port}"}


def test_what_does_not_depend_on_the_service_gets_nothing(lab, running, tmp_path):
    folder = recipe(tmp_path, RUN)
    other = recipe(tmp_path, RUN, name="com.example.Other", dependency=None)
    running.deploy(folder)
    running.deploy(other)
    uri, token = said(running, "uri"), said(running, "token", "com.example.Other")
    port = uri.split(":")[2].split("/")[0]
    assert "403" in talk(lab, [], "127.0.0.1", port, token).stdout
    wait_until(
        lambda: "com.example.Other gets no AWS credentials" in core_log(running), "a line of log"
    )
    allow = {SERVICE: {"MERGE": {"greendock": {"allow": ["com.example.Other"]}}}}
    change(running, "--merge", f"{SERVICE}=2.0.3", "--update-config", json.dumps(allow))
    assert "200" in talk(lab, [], "127.0.0.1", port, token).stdout


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_port_and_address_after_a_restart(lab, running, tmp_path, end):
    running.deploy(recipe(tmp_path, RUN))
    before = said(running, "uri"), said(running, "token")
    getattr(running, end)()
    assert (addresses(lab) == "") is (end == "stop")
    running.start()
    wait_until(lambda: said(running, "token") != before[1], "the component runs again")
    assert said(running, "uri") == before[0]
    running.stop()
    assert addresses(lab) == ""


def test_it_goes_with_its_last_component(lab, running, tmp_path):
    running.deploy(recipe(tmp_path, RUN))
    port = said(running, "uri").split(":")[2].split("/")[0]
    change(running, "--remove", NAME)
    assert running.state(SERVICE) == ""
    assert addresses(lab) == ""
    assert "refused" in talk(lab, [], "127.0.0.1", port, "x").stderr.lower()


def test_two_cores_share_the_address(lab, make_core, config, tmp_path):
    first, second = make_core(config), make_core(config)
    path = recipe(tmp_path, RUN)
    first.deploy(path)
    second.deploy(path)
    uris = [said(core, "uri") for core in (first, second)]
    tokens = [said(core, "token") for core in (first, second)]
    assert len({*uris}) == 2
    assert all(uri.startswith(f"http://{ADDRESS}:") for uri in uris)
    ports = [uri.split(":")[2].split("/")[0] for uri in uris]
    first.stop()
    assert "200" in talk(lab, [], ADDRESS, ports[1], tokens[1]).stdout
    second.stop()
    assert addresses(lab) == ""


def test_the_address_comes_with_the_bridge(lab, make_core, config, tmp_path):
    lab.stop_engine()
    lab.run_inside("ip", "link", "delete", "docker0")
    core = make_core(config)
    change(core, "--merge", f"{SERVICE}=2.0.3")
    assert core.state(SERVICE) == "RUNNING"
    assert addresses(lab) == ""
    assert core_log(core).count("there is no Docker bridge") == 1
    lab.start_engine()
    wait_until(lambda: addresses(lab) != "", "the address is on the new bridge")
    # An engine that starts again finds its bridge with our address on it, and keeps its network.
    subnet = bridge_subnet(lab)
    lab.restart_engine()
    assert bridge_subnet(lab) == subnet
    core.deploy(recipe(tmp_path, f"{SAY}; {in_container()}; {FOREVER}"))
    core.wait_log(NAME, "wget ended with 0")


def bridge_subnet(lab):
    network = lab.engine.call("GET", "/networks/bridge").json()
    return [entry["Subnet"] for entry in network["IPAM"]["Config"]]


def test_an_address_that_somebody_takes_away_comes_back(lab, running):
    change(running, "--merge", f"{SERVICE}=2.0.3")
    assert addresses(lab) != ""
    lab.run_inside("ip", "address", "delete", f"{ADDRESS}/32", "dev", "docker0")
    wait_until(lambda: addresses(lab) != "", "the address is back")


def test_where_it_is_not_wanted_it_is_not(lab, make_core, config, tmp_path):
    config["greendock"]["credentials"]["bridgeAddress"] = False
    core = make_core(config)
    core.deploy(recipe(tmp_path, f"{SAY}; {in_container('--network host')}; {FOREVER}"))
    assert said(core, "uri").startswith("http://127.0.0.1:")
    core.wait_log(NAME, "wget ended with 0")
    assert addresses(lab) == ""


def test_a_core_inside_ecs_leaves_the_address_alone(lab, make_core, config):
    core = make_core(config, {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x"})
    change(core, "--merge", f"{SERVICE}=2.0.3")
    assert addresses(lab) == ""
    assert "Amazon ECS" in core_log(core)
