"""Amazon ECR's GetAuthorizationToken: one call, a user name and password with an end.

Keeping passwords is the image work's, and so is asking again later. Fills docker.ports.EcrTokens.
"""

from __future__ import annotations

from collections.abc import Mapping

from greendock.aws.cached_source import CachedSource
from greendock.aws.ecr_answers import EcrAuthorization, purpose, read_authorization
from greendock.aws.endpoints import ecr_url
from greendock.aws.errors import ECR_CODES, ServiceFailed
from greendock.aws.json_api import JsonApi, JsonCall
from greendock.net.http import HttpClient

_TARGET = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"


class Ecr:
    """The API of every account and region, with this device's credentials."""

    def __init__(self, http: HttpClient, source: CachedSource, environ: Mapping[str, str]) -> None:
        self._api = JsonApi(http, source)
        self._environ = environ

    async def authorization(self, account: str, region: str, host: str) -> EcrAuthorization:
        """A new password for the registry of `account`. Raises AwsError."""
        task = f"Amazon ECR gives none for account {account} in {region}"
        url = ecr_url(host, region, self._environ)
        call = JsonCall(url, "ecr", region, _TARGET, {"registryIds": [account]})
        found = read_authorization(await self._api.answer(call, purpose(task)))
        if found is None:
            raise ServiceFailed(f"{task}: its answer makes no sense", codes=ECR_CODES)
        return found
