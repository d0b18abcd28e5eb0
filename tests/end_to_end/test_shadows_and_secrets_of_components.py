"""Components get the secrets and shadows that their policies allow, also after a kill."""

from __future__ import annotations

import json

import awsiot.greengrasscoreipc
import pytest
from awsiot.greengrasscoreipc import model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from device import FOREVER, Component

NAME = "com.example.Keeper"
SHADOW = "$aws/things/thing-7/shadow/name/*"
ACCESS = {
    "aws.greengrass.ShadowManager": {
        "p1": {"operations": ["*"], "resources": [SHADOW, "thing-7"]}
    },
    "aws.greengrass.SecretManager": {
        "p2": {
            "operations": ["aws.greengrass#GetSecretValue"],
            "resources": ["arn:aws:secretsmanager:eu-central-1:000000000000:secret:db-*"],
        }
    },
}


@pytest.fixture
def device(make_device, tmp_path):
    password = tmp_path / "db"
    password.write_text("from a file\n")
    password.chmod(0o600)
    config = {
        "system": {"thingName": "thing-7"},
        "services": {
            "aws.greengrass.Nucleus": {"configuration": {"awsRegion": "eu-central-1"}},
            "aws.greengrass.ShadowManager": {
                "configuration": {"shadowDocumentSizeLimitBytes": 500}
            },
        },
        "greendock": {
            "secrets": {"db": {"file": str(password)}, "key": {"env": "EXAMPLE_SECRET_KEY"}}
        },
    }
    device = make_device(config, env={"EXAMPLE_SECRET_KEY": "from a variable"})
    device.deploy(
        Component(
            NAME,
            {"run": f"{device.keep_environment('run')}; {FOREVER}"},
            configuration={"accessControl": ACCESS},
            dependencies={
                "aws.greengrass.ShadowManager": "HARD",
                "aws.greengrass.SecretManager": "HARD",
            },
        )
    )
    return device


@pytest.fixture
def connect(device):
    clients = []

    def open_client():
        token = device.environment(NAME, "run")["SVCUID"]
        connection = awsiot.greengrasscoreipc.connect(
            ipc_socket=str(device.core.root / "ipc.socket"), authtoken=token
        )
        clients.append(GreengrassCoreIPCClientV2(connection))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close().exception(10)


def update(client, document):
    payload = json.dumps(document).encode()
    answer = client.update_thing_shadow(thing_name="thing-7", shadow_name="lamp", payload=payload)
    return json.loads(answer.payload)["version"]


def test_secrets_and_shadows_of_a_running_core(device, connect):
    client = connect()
    secret = client.get_secret_value(secret_id="db")
    assert secret.secret_value.secret_string == "from a file"
    with pytest.raises(model.UnauthorizedError):
        client.get_secret_value(secret_id="key")
    assert "EXAMPLE_SECRET_KEY" not in device.environment(NAME, "run")
    with pytest.raises(model.InvalidArgumentsError):
        update(client, {"state": {"desired": {"text": "x" * 500}}})
    assert update(client, {"state": {"desired": {"on": True}}}) == 1
    assert update(client, {"state": {"reported": {"on": False}}}) == 2
    (device.work(NAME) / "run").unlink()
    device.core.kill()
    device.core.start()
    client = connect()
    payload = client.get_thing_shadow(thing_name="thing-7", shadow_name="lamp").payload
    found = json.loads(payload)
    assert (found["version"], found["state"]["delta"]) == (2, {"on": True})
    assert update(client, {"state": {"reported": {"on": True}}, "version": 2}) == 3
    assert client.list_named_shadows_for_thing(thing_name="thing-7").results == ["lamp"]
    kept = b"".join(path.read_bytes() for path in (device.core.root / "config").iterdir())
    logs = b"".join(path.read_bytes() for path in (device.core.root / "logs").iterdir())
    for text in (b"from a file", b"from a variable"):
        assert text not in kept and text not in logs
