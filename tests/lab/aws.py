"""A real S3 API with signatures and permissions inside the lab, started when a test needs it.

The server is ministack, in a Python environment of its own (`.venv-aws`). Tests reach it as the
core does, through the lab's proxy under Amazon's host names, or at `endpoint` on loopback.
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .internet.addresses import S3_SERVER_PORT
from .server import Server

if TYPE_CHECKING:
    from .lab import Lab

_PYTHON = Path(__file__).resolve().parents[2] / ".venv-aws" / "bin" / "python"
# Its listener for devices has an address of all interfaces written in.
_START = """
import asyncio, sys
create = asyncio.BaseEventLoop.create_server
async def on_loopback(self, factory, host=None, *rest, **more):
    if host in (None, "", "0.0.0.0") and not more.get("sock"):
        host = "127.0.0.1"
    return await create(self, factory, host, *rest, **more)
asyncio.BaseEventLoop.create_server = on_loopback
from ministack.app import main
sys.exit(main())
"""
# Boto3 is AWS's own client: it asks for what a test wants, once per call.
_CALL = """
import json, sys
import boto3
from botocore.config import Config
wanted = json.load(sys.stdin)
keys = wanted["keys"]
results = []
for service, operation, parameters in wanted["calls"]:
    client = boto3.client(
        service, endpoint_url=wanted["endpoint"], region_name="us-east-1",
        aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
        config=Config(s3={"addressing_style": "path"}),
    )
    if "Body" in parameters:
        parameters["Body"] = bytes.fromhex(parameters["Body"])
    answer = getattr(client, operation)(**parameters)
    answer.pop("ResponseMetadata", None)
    results.append(answer)
print(json.dumps(results, default=str))
"""
_ROOT_KEYS = ("test", "test")


class Aws:
    """S3 and IAM of the lab."""

    endpoint = f"http://127.0.0.1:{S3_SERVER_PORT}"

    def __init__(self, lab: Lab) -> None:
        assert _PYTHON.exists(), f"{_PYTHON} is missing; run scripts/bootstrap test"
        self._lab = lab
        folder = lab.folder / "aws"
        folder.mkdir()
        env = {
            **lab.env,
            "MINISTACK_ACCOUNT_ID": "123456789012",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(S3_SERVER_PORT),
            "IOT_MTLS_PORT": str(S3_SERVER_PORT + 1),
            "AUTH": "true",
            "HOME": str(folder),
        }
        argv = lab.namespaces.argv(str(_PYTHON), "-c", _START, cwd=folder)
        self._server = Server(argv, lab.folder / "aws.log", env)
        self._server.wait_ready(self._answers, "the S3 API")

    def stop(self) -> None:
        self._server.stop()

    def call(self, *calls: tuple[str, str, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Operations of boto3 clients as root, in order: (service, method, parameters)."""
        wanted = {"endpoint": self.endpoint, "keys": _ROOT_KEYS, "calls": calls}
        argv = self._lab.namespaces.argv(str(_PYTHON), "-c", _CALL)
        result = subprocess.run(
            argv, input=json.dumps(wanted), capture_output=True, text=True, timeout=60
        )
        assert result.returncode == 0, result.stderr
        answers: list[dict[str, Any]] = json.loads(result.stdout)
        return answers

    def put(self, bucket: str, objects: Mapping[str, bytes], region: str = "us-east-1") -> None:
        """A bucket with these objects."""
        self._lab.control(s3_regions={bucket: region})
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.call(
            (
                "s3",
                "create_bucket",
                {"Bucket": bucket, **(place if region != "us-east-1" else {})},
            ),
            *(
                ("s3", "put_object", {"Bucket": bucket, "Key": key, "Body": content.hex()})
                for key, content in objects.items()
            ),
        )

    def keys(self, user: str, actions: Sequence[str]) -> dict[str, str]:
        """Credentials of a new user who may do just that, as the core's static file has them."""
        user = f"{user}-{secrets.token_hex(4)}"
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        calls: list[tuple[str, str, Mapping[str, Any]]] = [
            ("iam", "create_user", {"UserName": user})
        ]
        if actions:
            calls.append(
                (
                    "iam",
                    "put_user_policy",
                    {"UserName": user, "PolicyName": "own", "PolicyDocument": policy},
                )
            )
        calls.append(("iam", "create_access_key", {"UserName": user}))
        key = self.call(*calls)[-1]["AccessKey"]
        return {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}

    def role_keys(self, role: str, actions: Sequence[str]) -> dict[str, str]:
        """Credentials of a new role who may do just that: with a token and an end."""
        role = f"{role}-{secrets.token_hex(4)}"
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        trusted, policy = (
            json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            for statement in (trust, allowed)
        )
        created, _ = self.call(
            ("iam", "create_role", {"RoleName": role, "AssumeRolePolicyDocument": trusted}),
            (
                "iam",
                "put_role_policy",
                {"RoleName": role, "PolicyName": "own", "PolicyDocument": policy},
            ),
        )
        wanted = {"RoleArn": created["Role"]["Arn"], "RoleSessionName": "device"}
        [assumed] = self.call(("sts", "assume_role", wanted))
        key = assumed["Credentials"]
        return {
            "AccessKeyId": key["AccessKeyId"],
            "SecretAccessKey": key["SecretAccessKey"],
            "Token": key["SessionToken"],
            "Expiration": key["Expiration"],
        }

    def _answers(self) -> bool:
        with self._lab.namespaces.network():
            return _is_open(S3_SERVER_PORT)


def _is_open(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0
