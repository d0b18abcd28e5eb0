"""One call to a service of AWS that speaks JSON: signed, and once more with newer credentials.

Knows no service. Called by the clients of ECR and Secrets Manager.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greendock.aws.cached_source import CachedSource
from greendock.aws.credentials import AwsCredentials
from greendock.aws.errors import CredentialsExpired, CredentialsRefused, ServiceFailed
from greendock.aws.refusals import Purpose, Refusal, refused
from greendock.aws.signing import sign
from greendock.net.errors import NetworkError
from greendock.net.http import HttpClient, Request


@dataclass(frozen=True, slots=True)
class JsonCall:
    """`service` and `region` are signed for; `target` names the operation."""

    url: str
    service: str
    region: str
    target: str
    members: Mapping[str, Any] = field(repr=False)
    timeout_s: float = 60.0


class JsonApi:
    """With this device's credentials."""

    def __init__(self, http: HttpClient, source: CachedSource) -> None:
        self._http = http
        self._source = source

    async def answer(self, call: JsonCall, purpose: Purpose) -> bytes:
        """The body of a good answer. Raises AwsError."""
        credentials = await self._source.credentials()
        try:
            return await self._ask(call, purpose, credentials)
        except (CredentialsExpired, CredentialsRefused):
            self._source.renew(credentials)
            newer = await self._source.credentials()
            if newer == credentials:
                raise
        return await self._ask(call, purpose, newer)

    async def _ask(self, call: JsonCall, purpose: Purpose, credentials: AwsCredentials) -> bytes:
        request = Request(
            "POST",
            f"{call.url}/",
            {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": call.target},
            json.dumps(call.members).encode(),
            timeout_s=call.timeout_s,
        )
        try:
            signed = await sign(request, credentials, call.service, call.region)
            answer = await self._http.ask(signed)
        except NetworkError as error:
            raise ServiceFailed(
                f"{purpose.task}: {error.message}",
                codes=(*purpose.codes[:1], *error.codes),
                hint=error.hint,
                retry=error.retry,
            ) from error
        if answer.status != 200:
            raise refused(
                purpose, Refusal(answer.status, answer.headers, answer.body, time.time())
            )
        return answer.body
