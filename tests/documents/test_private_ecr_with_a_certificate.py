"""The document's private-image recipe on a Greengrass device: certificate, role alias, Amazon ECR.

Amazon ECR checks the signature with the keys that AWS IoT gave; the core keeps them to itself.
"""

from __future__ import annotations

import json
import time

import pytest

from lab import processes
from lab.certificates import DEVICE_NAME
from lab.internet.addresses import IOT_HOST
from lab.internet.iot import ROLE_ALIAS

COMPONENT = "com.example.MyPrivateDockerComponent"
KEYS = {
    "accessKeyId": "ASIADEVICE",
    "secretAccessKey": "secret-of-the-device",
    "sessionToken": "session-of-the-device",
}


@pytest.fixture
def device(lab, make_core):
    return make_core(
        {
            "system": {
                "thingName": DEVICE_NAME,
                "certificateFilePath": str(lab.folder / "device.pem"),
                "privateKeyPath": str(lab.folder / "device.key"),
                "rootCaPath": str(lab.certificate_authority),
            },
            "services": {
                "aws.greengrass.Nucleus": {
                    "configuration": {
                        "awsRegion": "us-east-1",
                        "iotRoleAlias": ROLE_ALIAS,
                        "iotCredEndpoint": IOT_HOST,
                    }
                }
            },
        }
    )


def test_the_image_is_pulled_and_the_keys_are_found_nowhere(lab, device, component_folder):
    expires = time.time() + 3600
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
    lab.control(
        iot_body=json.dumps({"credentials": {**KEYS, "expiration": end}}),
        aws_keys={
            KEYS["accessKeyId"]: {
                "secret": KEYS["secretAccessKey"],
                "token": KEYS["sessionToken"],
                "expires": expires,
            }
        },
    )
    device.deploy(component_folder("private-ecr.yaml", COMPONENT, {}))
    device.wait_log(COMPONENT, "repository:1.0 started")
    assert [entry["thing"] for entry in lab.requests("iot")] == [DEVICE_NAME]
    assert [entry["authorization"] for entry in lab.requests("ecr-api")] == ["AWS4-HMAC-SHA256"]
    for secret in (KEYS["secretAccessKey"], KEYS["sessionToken"]):
        assert processes.mentioning(secret) == set()
        for path in (device.output, *device.root.rglob("*")):
            if path.is_file() and not path.is_symlink():
                assert secret.encode() not in path.read_bytes(), path


def test_a_refused_certificate_is_explained(lab, device, component_folder):
    lab.control(iot_status=403)
    result = device.cli("deploy", component_folder("private-ecr.yaml", COMPONENT, {}))
    assert result.returncode == 1
    assert "iot:AssumeRoleWithCertificate" in result.stdout + result.stderr
    status = device.cli("deployment", "list", "--json")
    stack = json.loads(status.stdout)["deployments"][-1]["errorStack"]
    assert stack[-1] == "GET_ECR_CREDENTIAL_ERROR"
