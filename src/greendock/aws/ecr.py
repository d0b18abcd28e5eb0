"""Amazon ECR's GetAuthorizationToken: one call, a user name and password with an end.

Keeping passwords is the image work's, and so is asking again later. Fills docker.ports.EcrTokens.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from greendock.aws.cached_source import CachedSource
from greendock.aws.credentials import AwsCredentials
from greendock.aws.ecr_answers import (
    EcrAuthorization,
    EcrRefusal,
    read_authorization,
    refused,
)
from greendock.aws.endpoints import ecr_url
from greendock.aws.errors import (
    ECR_CODES,
    NETWORK_CODES,
    CredentialsExpired,
    CredentialsRefused,
    ServiceFailed,
)
from greendock.aws.signing import sign
from greendock.net.errors import NetworkError
from greendock.net.http import HttpClient, Request

_TARGET = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"


class Ecr:
    """The API of every account and region, with this device's credentials."""

    def __init__(self, http: HttpClient, source: CachedSource, environ: Mapping[str, str]) -> None:
        self._http = http
        self._source = source
        self._environ = environ

    async def authorization(self, account: str, region: str, host: str) -> EcrAuthorization:
        """A new password for the registry of `account`. Raises AwsError."""
        request = Request(
            "POST",
            ecr_url(host, region, self._environ) + "/",
            {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": _TARGET},
            json.dumps({"registryIds": [account]}).encode(),
        )
        task = f"Amazon ECR gives none for account {account} in {region}"
        credentials = await self._source.credentials()
        try:
            return await self._ask(request, region, credentials, task)
        except (CredentialsExpired, CredentialsRefused):
            self._source.renew(credentials)
            newer = await self._source.credentials()
            if newer == credentials:
                raise
        return await self._ask(request, region, newer, task)

    async def _ask(
        self, request: Request, region: str, credentials: AwsCredentials, task: str
    ) -> EcrAuthorization:
        try:
            answer = await self._http.ask(await sign(request, credentials, "ecr", region))
        except NetworkError as error:
            raise ServiceFailed(
                f"{task}: {error.message}",
                codes=(*NETWORK_CODES[:1], *error.codes),
                hint=error.hint,
                retry=error.retry,
            ) from error
        if answer.status != 200:
            raise refused(
                task, EcrRefusal(answer.status, answer.headers, answer.body, time.time())
            )
        found = read_authorization(answer.body)
        if found is None:
            raise ServiceFailed(f"{task}: its answer makes no sense", codes=ECR_CODES)
        return found
