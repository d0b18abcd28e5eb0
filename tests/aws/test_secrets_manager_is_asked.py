"""AWS Secrets Manager's answers, from a real API with signatures and permissions."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from greendock.aws import errors as e
from greendock.aws.cached_source import CachedSource
from greendock.aws.endpoints import secrets_url
from greendock.aws.secrets_manager import SecretsManager, SecretValue, read_value
from greendock.aws.sources import StaticSource
from greendock.base.clock import SystemClock
from greendock.base.errors import Retry
from greendock.net.http import HttpClient
from greendock.net.proxy import ProxySettings
from lab.connections import connections_end

if TYPE_CHECKING:
    from lab.aws import Aws
    from lab.lab import Lab

ACTION = "secretsmanager:GetSecretValue"
_numbers = itertools.count()
Ask = Callable[..., SecretValue]


@pytest.fixture
def keys(aws: Aws, tmp_path: Path) -> Callable[..., Path]:
    def write(*actions: str) -> Path:
        path = tmp_path / "keys.json"
        path.write_text(json.dumps(aws.keys(f"secrets-{next(_numbers)}", actions)))
        return path

    return write


@pytest.fixture
def ask(lab: Lab, aws: Aws, keys: Callable[..., Path]) -> Ask:
    def get(arn: str, *versions: str | None, file: Path | None = None, url: str = "") -> Any:
        path = file or keys(ACTION)

        async def whole() -> SecretValue:
            http = HttpClient(lambda: ProxySettings(None, None), user_agent="tests")
            source = CachedSource(StaticSource(path), SystemClock())
            environ = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": url or aws.endpoint}
            api = SecretsManager(http, source, environ)
            try:
                return await api.value(arn, *(versions or (None, None)))
            finally:
                await http.close()
                await connections_end()

        with lab.namespaces.network():
            return asyncio.run(whole())

    return get


def create(aws: Aws, **content: str) -> dict[str, Any]:
    name = f"prod/secret-{next(_numbers)}"
    [made] = aws.call(("secretsmanager", "create_secret", {"Name": name, **content}))
    return made


def test_a_text(aws: Aws, ask: Ask) -> None:
    made = create(aws, SecretString="hunter2")
    found = ask(made["ARN"], None, "AWSCURRENT")
    assert found == SecretValue(made["ARN"], made["VersionId"], ("AWSCURRENT",), "hunter2")
    assert ask(made["ARN"], made["VersionId"], None) == found
    assert "hunter2" not in repr(found)


def test_versions(aws: Aws, ask: Ask) -> None:
    made = create(aws, SecretString="one")
    aws.call(
        ("secretsmanager", "put_secret_value", {"SecretId": made["ARN"], "SecretString": "two"})
    )
    assert ask(made["ARN"]).value == "two"
    assert ask(made["ARN"], None, "AWSPREVIOUS").value == "one"


def test_one_that_is_not_there(ask: Ask) -> None:
    with pytest.raises(e.NotFound):
        ask("arn:aws:secretsmanager:us-east-1:123456789012:secret:none-AbCdEf")


def test_without_permission(aws: Aws, ask: Ask, keys: Callable[..., Path]) -> None:
    made = create(aws, SecretString="hunter2")
    with pytest.raises(e.AccessDenied) as caught:
        ask(made["ARN"], file=keys())
    assert ACTION in (caught.value.hint or "")
    assert made["ARN"] in caught.value.message and "hunter2" not in caught.value.message


def test_when_nothing_answers(ask: Ask, keys: Callable[..., Path]) -> None:
    with pytest.raises(e.ServiceFailed) as caught:
        ask(
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:any-AbCdEf",
            url="http://127.0.0.1:1",
        )
    assert caught.value.retry is not Retry.NEVER


def test_binary_content_is_base64() -> None:
    answer = {"ARN": "a", "VersionId": "v", "VersionStages": ["s"], "SecretBinary": "AP8="}
    assert read_value(json.dumps(answer).encode()) == SecretValue("a", "v", ("s",), b"\x00\xff")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"ARN":"a","VersionId":"v"}',
        b'{"ARN":"a","VersionId":"v","SecretBinary":"?"}',
        b'{"SecretString":"x"}',
        b"[" * 100_000,
    ],
)
def test_answers_that_make_no_sense(body: bytes) -> None:
    assert read_value(body) is None


@pytest.mark.parametrize(
    ("region", "environ", "url"),
    [
        ("eu-west-1", {}, "https://secretsmanager.eu-west-1.amazonaws.com"),
        ("cn-north-1", {}, "https://secretsmanager.cn-north-1.amazonaws.com.cn"),
        (
            "us-gov-west-1",
            {"AWS_USE_FIPS_ENDPOINT": "true"},
            "https://secretsmanager-fips.us-gov-west-1.amazonaws.com",
        ),
        ("eu-west-1", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1/"}, "http://127.0.0.1:1"),
    ],
)
def test_where_it_is(region: str, environ: dict[str, str], url: str) -> None:
    assert secrets_url(region, environ) == url
