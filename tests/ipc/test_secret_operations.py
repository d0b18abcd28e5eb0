"""Secrets through the official client (V2 and V1): names, versions, policies, errors."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager

import awsiot.greengrasscoreipc
import pytest
from awsiot.greengrasscoreipc import model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

from greendock.config.secret_settings import SecretEntry
from greendock.secrets.identity import local_arn

NAME = "com.example.Secrets"
ARN = local_arn("db", "eu-central-1")
GIVEN_ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/api-AbCdEf"


def policy(*resources):
    return {
        "aws.greengrass.SecretManager": {
            "p": {
                "operations": ["aws.greengrass#GetSecretValue"],
                "resources": list(resources),
            }
        }
    }


@contextmanager
def refused(kind, text):
    """The official client's errors have their text in `message` alone."""
    with pytest.raises(kind) as caught:
        yield caught
    assert text in caught.value.message


@pytest.fixture
def client(served):
    connection = awsiot.greengrasscoreipc.connect(
        ipc_socket=str(served.socket_path), authtoken=served.component_token(NAME)
    )
    client = GreengrassCoreIPCClientV2(connection, executor=None)
    served.policies[NAME] = policy("*")
    yield client
    client.close().exception(10)


@pytest.fixture
def secret_file(served, tmp_path):
    def write(content, name="db", **members):
        path = tmp_path / name.replace("/", "-")
        path.write_bytes(content)
        path.chmod(0o600)
        served.secrets[name] = SecretEntry(name, file=str(path), **members)
        return path

    return write


def test_a_secret_by_its_name(secret_file, client):
    secret_file(b'{"user":"me"}\n')
    answer = client.get_secret_value(secret_id="db")
    assert answer.secret_id == ARN
    assert answer.version_stage == ["AWSCURRENT"]
    assert answer.secret_value.secret_string == '{"user":"me"}'
    assert answer.secret_value.secret_binary is None


def test_the_arn_of_a_local_secret_is_one():
    assert ARN.startswith("arn:aws:secretsmanager:eu-central-1:000000000000:secret:db-")
    suffix = ARN.rpartition("-")[2]
    assert len(suffix) == 6 and suffix.isalnum()
    assert local_arn("db", "eu-central-1") == ARN != local_arn("db2", "eu-central-1")


@pytest.mark.parametrize("secret_id", ["db", ARN, ARN[:-7]])
def test_names_arns_and_partial_arns(secret_file, client, secret_id):
    secret_file(b"value")
    assert client.get_secret_value(secret_id=secret_id).secret_id == ARN


def test_a_given_arn_version_and_stages(secret_file, client):
    secret_file(b"v", "api", arn=GIVEN_ARN, version_id="v-1", stages=("AWSPREVIOUS", "mine"))
    answer = client.get_secret_value(secret_id=GIVEN_ARN[:-7], version_stage="mine")
    assert (answer.secret_id, answer.version_id) == (GIVEN_ARN, "v-1")
    assert answer.version_stage == ["AWSPREVIOUS", "mine"]
    assert client.get_secret_value(secret_id="api", version_id="v-1").version_id == "v-1"
    with pytest.raises(model.ResourceNotFoundError):
        client.get_secret_value(secret_id="api")


def test_an_arn_in_full_goes_before_a_partial_one(secret_file, client):
    secret_file(b"long", "long", arn=f"{GIVEN_ARN}-ZyXwVu")
    secret_file(b"short", "short", arn=GIVEN_ARN)
    answer = client.get_secret_value(secret_id=GIVEN_ARN)
    assert answer.secret_value.secret_string == "short"


def test_values_are_read_at_each_call(secret_file, client):
    path = secret_file(b"one")
    first = client.get_secret_value(secret_id="db")
    assert client.get_secret_value(secret_id="db").version_id == first.version_id
    path.write_bytes(b"two")
    second = client.get_secret_value(secret_id="db", refresh=True)
    assert second.secret_value.secret_string == "two"
    assert second.version_id != first.version_id
    with refused(model.ResourceNotFoundError, "not in that version"):
        client.get_secret_value(secret_id="db", version_id=first.version_id)


def test_a_secret_in_a_variable(served, client):
    served.environ["DB_PASSWORD"] = "from the service unit"
    served.secrets["db"] = SecretEntry("db", variable="DB_PASSWORD")
    answer = client.get_secret_value(secret_id="db")
    assert answer.secret_value.secret_string == "from the service unit"


def test_binary_secrets_are_left_as_they_are(secret_file, client):
    secret_file(b"\x00\xff\n", is_binary=True)
    value = client.get_secret_value(secret_id="db").secret_value
    assert (value.secret_binary, value.secret_string) == (b"\x00\xff\n", None)


def test_secrets_that_are_not_there(secret_file, client):
    secret_file(b"value")
    for secret_id in ("other", "DB", ARN[:-1], ARN[:-6], "arn:aws:secretsmanager:x", "db-"):
        with refused(model.ResourceNotFoundError, secret_id) as caught:
            client.get_secret_value(secret_id=secret_id)
        assert caught.value.resource_type == "secret"
        assert caught.value.resource_name == secret_id
        assert "value" not in caught.value.message


def test_requests_that_make_no_sense(secret_file, client):
    secret_file(b"value")
    with refused(model.ServiceError, "together"):
        client.get_secret_value(secret_id="db", version_id="1", version_stage="AWSCURRENT")
    with refused(model.ServiceError, "empty"):
        client.get_secret_value(secret_id="")


def test_the_policy_is_asked_for_the_arn(served, secret_file, client):
    secret_file(b"value")
    served.policies[NAME] = policy("db")
    with refused(model.UnauthorizedError, ARN):
        client.get_secret_value(secret_id="db")
    served.policies[NAME] = policy(ARN[:-6] + "*")
    assert client.get_secret_value(secret_id="db").secret_value.secret_string == "value"
    served.policies[NAME] = None
    with refused(model.UnauthorizedError, ARN):
        client.get_secret_value(secret_id="db")


def test_values_that_cannot_be_had(served, secret_file, client, tmp_path):
    path = secret_file(b"\xffsecret\xfe")
    with refused(model.ServiceError, "binary") as caught:
        client.get_secret_value(secret_id="db")
    assert "ecret\ufffd" not in caught.value.message and "\\xff" not in caught.value.message
    path.write_bytes(b"\n")
    with refused(model.ServiceError, "has nothing"):
        client.get_secret_value(secret_id="db")
    path.write_bytes(b"x" * 65_537)
    with refused(model.ServiceError, "65536"):
        client.get_secret_value(secret_id="db")
    path.unlink()
    with refused(model.ServiceError, str(path)):
        client.get_secret_value(secret_id="db")
    os.mkfifo(tmp_path / "pipe")
    served.secrets["db"] = SecretEntry("db", file=str(tmp_path / "pipe"))
    with refused(model.ServiceError, "no regular file"):
        client.get_secret_value(secret_id="db")
    served.secrets["db"] = SecretEntry("db", variable="NOT_SET")
    with refused(model.ServiceError, "NOT_SET"):
        client.get_secret_value(secret_id="db")


def test_a_file_that_others_may_read_is_warned_of_until_it_is_put_right(
    secret_file, client, caplog
):
    caplog.set_level(logging.WARNING, "greendock.secrets")
    path = secret_file(b"hidden")
    client.get_secret_value(secret_id="db")
    assert caplog.messages == []
    path.chmod(0o644)
    client.get_secret_value(secret_id="db")
    client.get_secret_value(secret_id="db")
    [message] = caplog.messages
    assert str(path) in message and "hidden" not in message
    path.chmod(0o600)
    client.get_secret_value(secret_id="db")
    path.chmod(0o640)
    client.get_secret_value(secret_id="db")
    assert len(caplog.messages) == 2


def test_a_core_without_secrets_says_so(serve):
    served = serve(has_stores=False)
    connection = awsiot.greengrasscoreipc.connect(
        ipc_socket=str(served.socket_path), authtoken=served.component_token(NAME)
    )
    client = GreengrassCoreIPCClientV2(connection, executor=None)
    with refused(model.ServiceError, "not available on this core"):
        client.get_secret_value(secret_id="db")
    client.close().exception(10)


def test_the_first_client_generation(secret_file, client):
    secret_file(b"value")
    operation = client.client.new_get_secret_value()
    operation.activate(model.GetSecretValueRequest(secret_id="db")).result(10)
    assert operation.get_response().result(10).secret_value.secret_string == "value"
    operation = client.client.new_get_secret_value()
    operation.activate(model.GetSecretValueRequest(secret_id="none")).result(10)
    with pytest.raises(model.ResourceNotFoundError):
        operation.get_response().result(10)
