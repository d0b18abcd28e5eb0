"""A deployed list of secrets of AWS counts at once, and serves on while AWS can't be asked."""

from __future__ import annotations

import json

import awsiot.greengrasscoreipc
import pytest
from awsiot.greengrasscoreipc import model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from device import FOREVER, Component

NAME = "com.example.Cloudy"
MANAGER = "aws.greengrass.SecretManager"


def test_a_secret_of_aws(aws, make_device, tmp_path):
    [made] = aws.call(
        ("secretsmanager", "create_secret", {"Name": "prod/cloudy", "SecretString": "hunter2"})
    )
    arn = made["ARN"]
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(aws.keys("cloudy", ["secretsmanager:GetSecretValue"])))
    config = {"greendock": {"credentials": {"source": "static", "staticFile": str(keys)}}}
    device = make_device(config, env={"AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.endpoint})
    access = {MANAGER: {"p": {"operations": ["*"], "resources": [arn]}}}
    device.deploy(
        Component(
            NAME,
            {"run": f"{device.keep_environment('run')}; {FOREVER}"},
            configuration={"accessControl": access},
            dependencies={MANAGER: "HARD"},
        )
    )
    client = GreengrassCoreIPCClientV2(
        awsiot.greengrasscoreipc.connect(
            ipc_socket=str(device.core.root / "ipc.socket"),
            authtoken=device.environment(NAME, "run")["SVCUID"],
        )
    )
    try:
        with pytest.raises(model.ResourceNotFoundError):
            client.get_secret_value(secret_id="prod/cloudy")
        change = {MANAGER: {"MERGE": {"cloudSecrets": [{"arn": arn}]}}}
        device.change("--merge", f"{MANAGER}=2.2.0", "--update-config", json.dumps(change))
        found = client.get_secret_value(secret_id="prod/cloudy")
        assert (found.secret_id, found.secret_value.secret_string) == (arn, "hunter2")
        keys.unlink()
        found = client.get_secret_value(secret_id=arn, refresh=True)
        assert found.secret_value.secret_string == "hunter2"
    finally:
        client.close().exception(10)
    for folder in ("config", "logs"):
        for path in (device.core.root / folder).iterdir():
            assert b"hunter2" not in path.read_bytes()
