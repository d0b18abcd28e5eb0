"""AWS Secrets Manager's GetSecretValue: one call, one version of one secret.

Keeps nothing. Fills SecretApi of the secrets, by way of the daemon.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from greendock.aws.cached_source import CachedSource
from greendock.aws.endpoints import secrets_url
from greendock.aws.errors import ServiceFailed
from greendock.aws.json_api import JsonApi, JsonCall
from greendock.aws.refusals import Purpose
from greendock.net.http import HttpClient

_SERVICE = "secretsmanager"
_TARGET = "secretsmanager.GetSecretValue"
_TIMEOUT_S = 15.0
"""Who asks waits a minute in all and may have an older value to fall back on."""


@dataclass(frozen=True, slots=True)
class SecretValue:
    """As AWS has it. `value`: text, or bytes of a binary secret."""

    arn: str
    version_id: str
    stages: tuple[str, ...]
    value: str | bytes = field(repr=False)


class SecretsManager:
    """The API of every region, with this device's credentials."""

    def __init__(self, http: HttpClient, source: CachedSource, environ: Mapping[str, str]) -> None:
        self._api = JsonApi(http, source)
        self._environ = environ

    async def value(self, arn: str, version_id: str | None, stage: str | None) -> SecretValue:
        """Raises AwsError; without any of the value in its text."""
        region = arn.split(":")[3]
        members = {"SecretId": arn, "VersionId": version_id, "VersionStage": stage}
        call = JsonCall(
            secrets_url(region, self._environ),
            _SERVICE,
            region,
            _TARGET,
            {name: text for name, text in members.items() if text},
            _TIMEOUT_S,
        )
        task = f"AWS Secrets Manager gives no value for {arn}"
        purpose = Purpose(
            task, "secretsmanager:GetSecretValue", hint="check the ARN and the version"
        )
        found = read_value(await self._api.answer(call, purpose))
        if found is None:
            raise ServiceFailed(f"{task}: its answer makes no sense")
        return found


def read_value(body: bytes) -> SecretValue | None:
    """The secret in a good answer; None when there is none in it."""
    try:
        data = json.loads(body)
        stages = tuple(str(stage) for stage in data.get("VersionStages", ()))
        text = data.get("SecretString")
        if isinstance(text, str):
            return SecretValue(data["ARN"], data["VersionId"], stages, text)
        binary = base64.b64decode(data["SecretBinary"], validate=True)
        return SecretValue(data["ARN"], data["VersionId"], stages, binary)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # without a cause, which could show the value
