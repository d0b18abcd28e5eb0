"""The service as a component of a running core: its states, its configuration, its sources."""

from __future__ import annotations

import json
import re
import socket

import pytest
from exchange_containers import (
    FOREVER,
    NAME,
    RUN,
    SAY,
    botocores,
    core_log,
    in_container,
    recipe,
    said,
    talk,
)
from exchange_scene import SERVICE

from lab.certificates import DEVICE_NAME
from lab.internet.addresses import IOT_HOST
from lab.internet.iot import ROLE_ALIAS
from lab.waiting import wait_until

SOON = {"restart": {"backoffSeconds": 0.02, "maxBackoffSeconds": 0.1}}


@pytest.fixture
def certificate(lab):
    """The configuration of a device with a certificate and a role alias."""
    return {
        "system": {
            "thingName": DEVICE_NAME,
            "certificateFilePath": str(lab.folder / "device.pem"),
            "privateKeyPath": str(lab.folder / "device.key"),
            "rootCaPath": str(lab.certificate_authority),
        },
        "services": {
            "aws.greengrass.Nucleus": {
                "configuration": {"iotRoleAlias": ROLE_ALIAS, "iotCredEndpoint": IOT_HOST}
            }
        },
        "greendock": SOON,
    }


def place(core):
    """Address, port and token as the component has them."""
    uri = said(core, "uri")
    host, port = re.fullmatch(r"http://([^:]+):([0-9]+)/.*", uri).groups()
    return host, port, said(core, "token")


def configure(core, configuration):
    update = json.dumps({SERVICE: {"MERGE": configuration}})
    return core.cli(
        *("deployment", "create", "--wait", "-fp", "ROLLBACK"),
        *("--merge", f"{SERVICE}=2.0.3", "--update-config", update),
    )


def test_by_certificate_and_role_alias(lab, make_core, certificate, tmp_path):
    core = make_core(certificate)
    run = f"{SAY}; {in_container()}; {in_container()}; {FOREVER}"
    core.deploy(recipe(tmp_path, run))
    wait_until(lambda: core.log(NAME).count("wget ended with 0") == 2, lambda: core.log(NAME))
    [asked] = lab.requests("iot")
    assert (asked["thing"], asked["status"]) == (DEVICE_NAME, 200)
    with lab.namespaces.network():
        found = botocores(said(core, "uri"), said(core, "token")).get_frozen_credentials()
    assert found.access_key.startswith("ASIA")
    assert found.token in core.log(NAME)
    assert found.token not in core_log(core)


def test_a_refusal_of_the_cloud_reaches_the_component(lab, make_core, certificate, tmp_path):
    lab.control(iot_status=403)
    core = make_core(certificate)
    core.deploy(recipe(tmp_path, RUN))
    host, port, token = place(core)
    for _ in range(3):
        assert "403" in talk(lab, [], host, port, token).stdout
    assert len(lab.requests("iot")) == 1
    assert "iot:AssumeRoleWithCertificate" in core_log(core)
    assert "arn:aws" not in core_log(core)


def test_the_machines_own(lab, make_core, tmp_path):
    own = {"AWS_ACCESS_KEY_ID": "AKIAMACHINE", "AWS_SECRET_ACCESS_KEY": "secret-of-the-machine"}
    core = make_core(env=own)
    core.deploy(recipe(tmp_path, f'echo "inherited [$AWS_SECRET_ACCESS_KEY]"; {RUN}'))
    assert said(core, "inherited") == "[]"
    with lab.namespaces.network():
        found = botocores(said(core, "uri"), said(core, "token")).get_frozen_credentials()
    assert (found.access_key, found.secret_key) == ("AKIAMACHINE", "secret-of-the-machine")
    assert not found.token


@pytest.mark.parametrize(
    ("credentials", "why"),
    [
        ({"source": "none"}, "greendock.credentials.source is none"),
        ({"source": "iot"}, "iotRoleAlias"),
        ({"source": "static"}, "staticFile"),
    ],
)
def test_without_a_source_it_is_broken_and_says_why(make_core, credentials, why):
    core = make_core({"greendock": {"credentials": credentials, **SOON}})
    result = core.cli("deployment", "create", "--wait", "--merge", f"{SERVICE}=2.0.3")
    assert result.returncode != 0
    assert core.state(SERVICE) == "BROKEN"
    assert why in result.stdout + result.stderr


@pytest.fixture
def static(make_core, tmp_path):
    """A core with keys from a file."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"AccessKeyId": "a", "SecretAccessKey": "s", "Token": "t"}))
    keys = {"source": "static", "staticFile": str(path)}
    return make_core({"greendock": {"credentials": keys, **SOON}})


def test_another_port_restarts_it_and_its_dependers(lab, static, tmp_path):
    static.deploy(recipe(tmp_path, RUN))
    host, port, token = place(static)
    result = configure(static, {"port": 48123})
    assert result.returncode == 0, static.describe(result)
    assert place(static)[:2] == (host, "48123")
    assert active_port(static) == 48123
    assert "refused" in talk(lab, [], "127.0.0.1", port, token).stderr.lower()
    assert "200" in talk(lab, [], *place(static)).stdout
    # Who takes the token of the life before gets nothing, once no container is known to hold it.
    wait_until(
        lambda: "403" in talk(lab, [], host, "48123", token).stdout, lambda: core_log(static)
    )
    result = configure(static, {"port": 0})
    assert result.returncode == 0, static.describe(result)
    assert place(static)[1] == port
    assert active_port(static) == int(port)


def active_port(core):
    details = json.loads(core.cli("component", "details", "-n", SERVICE, "--json").stdout)
    return details["configuration"]["activePort"]


def test_times_and_lists_count_without_a_restart(lab, static, tmp_path):
    static.deploy(recipe(tmp_path, RUN))
    before = place(static)
    result = configure(static, {"credentialRetryInSec": {"clientError": 11}})
    assert result.returncode == 0, static.describe(result)
    result = configure(static, {"greendock": {"allow": ["com.example.Other"]}})
    assert result.returncode == 0, static.describe(result)
    assert "403" in talk(lab, [], *before).stdout
    assert place(static) == before


@pytest.mark.parametrize(
    "configuration", [{"port": 99999}, {"port": "many"}, {"greendock": {"allow": [1]}}]
)
def test_a_configuration_that_makes_no_sense_is_refused(static, tmp_path, configuration):
    static.deploy(recipe(tmp_path, RUN))
    before = place(static)
    result = configure(static, configuration)
    assert result.returncode == 1
    assert f"{SERVICE} configuration" in result.stdout + result.stderr
    assert place(static) == before
    assert static.state(SERVICE) == "RUNNING"


def test_a_port_that_is_taken_fails_the_deployment_and_is_taken_back(lab, static, tmp_path):
    static.deploy(recipe(tmp_path, RUN))
    before = place(static)
    with lab.namespaces.network(), socket.create_server(("127.0.0.1", 48124)):
        result = configure(static, {"port": 48124})
    assert result.returncode == 1
    assert "127.0.0.1:48124: Address already in use" in result.stdout + result.stderr
    static.wait_state(SERVICE, ["RUNNING"])
    wait_until(lambda: static.state(NAME) == "RUNNING", "the component runs again")
    wait_until(lambda: place(static)[:2] == before[:2], "it has the port of before")
    wait_until(lambda: "200" in talk(lab, [], *place(static)).stdout, "credentials as before")


def test_components_of_a_core_without_it_have_no_such_variable(static, tmp_path):
    static.deploy(recipe(tmp_path, RUN, dependency=None))
    static.wait_log(NAME, "token ")
    assert "uri http" not in static.log(NAME)


def test_no_proxy_comes_between(make_core, tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"AccessKeyId": "a", "SecretAccessKey": "s"}))
    proxy = {"proxy": {"url": "http://127.0.0.1:3128"}, "noProxyAddresses": "10.0.0.1"}
    core = make_core(
        {
            "services": {"aws.greengrass.Nucleus": {"configuration": {"networkProxy": proxy}}},
            "greendock": {"credentials": {"source": "static", "staticFile": str(keys)}},
        }
    )
    script = core.root / "ask.py"
    script.write_text(
        "import os, urllib.request\n"
        "token = {'Authorization': os.environ['SVCUID']}\n"
        "uri = os.environ['AWS_CONTAINER_CREDENTIALS_FULL_URI']\n"
        "print(urllib.request.urlopen(urllib.request.Request(uri, headers=token)).read())\n"
    )
    run = f'echo "list $NO_PROXY"; python3 - < {script}; {FOREVER}'
    core.deploy(recipe(tmp_path, run))
    core.wait_log(NAME, "SecretAccessKey")
    assert "list localhost,127.0.0.1,169.254.170.2,10.0.0.1" in core.log(NAME)


def test_a_network_whose_bridge_has_a_name_of_its_own(lab, static, tmp_path):
    option = "com.docker.network.bridge.name=mybridge"
    assert lab.docker("network", "create", "-o", option, "named").returncode == 0
    run = f"{SAY}; {in_container('--network named')}; {FOREVER}"
    static.deploy(recipe(tmp_path, run))
    static.wait_log(NAME, "wget ended with 0")
