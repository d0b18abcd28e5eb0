"""Credentials by the device's certificate: AWS IoT's credentials provider, over mutual TLS.

One request per call; keeping them is cached_source.py's. The provider's own words stay out of the
errors: they can name accounts and roles, and a deployment's status is read by components too.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from greendock.aws.answer_head import retry_after_s
from greendock.aws.credentials import IOT_NAMES, AwsCredentials, read_credentials, read_json
from greendock.aws.errors import (
    NETWORK_CODES,
    AccessDenied,
    AwsError,
    BadRequest,
    CredentialsUnavailable,
    NotFound,
    ServiceFailed,
)
from greendock.net.errors import ConnectionBroken, NetworkError
from greendock.net.http import Answer, HttpClient, Request, Trust

_TIMEOUT_S = 30.0
_PAUSES_S = (0.2, 0.4)
"""Between tries when the connection breaks, which the next one often doesn't."""

_CODES = ("ARTIFACT_DOWNLOAD_ERROR",)
_ENDPOINT = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?", re.ASCII)
_THING = re.compile(r"[A-Za-z0-9:_-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RoleAlias:
    """What a device shows to get its role. `authority`: besides the system's authorities.

    `endpoint` may carry a port, as it may for the Java core.
    """

    alias: str
    endpoint: str
    thing_name: str
    certificate: Path
    key: Path
    authority: Path | None = None


class IotSource:
    """Credentials of one role alias."""

    def __init__(self, role: RoleAlias, http: HttpClient) -> None:
        self._role = role
        self._http = http

    async def credentials(self) -> AwsCredentials:
        """Raises AwsError; of the network, CredentialsUnavailable with its retry."""
        role = self._role
        request = _request(role)
        try:
            answer = await self._ask(request)
        except NetworkError as broken:
            raise CredentialsUnavailable(
                f"{_task(role)}: {broken.message}",
                codes=(*NETWORK_CODES[:1], *broken.codes),
                hint=broken.hint,
                retry=broken.retry,
            ) from broken
        if answer.status != 200:
            error = _refused(role, answer)
            error.http_status = answer.status
            raise error
        try:
            return _read(answer.body)
        except ValueError as wrong:
            raise ServiceFailed(
                f"{_task(role)}: what {role.endpoint} sent can't be used: {wrong}",
                codes=_CODES,
                hint="iotCredEndpoint has to be the endpoint of the type iot:CredentialProvider",
            ) from None

    async def _ask(self, request: Request) -> Answer:
        for pause_s in _PAUSES_S:
            try:
                return await self._http.ask(request)
            except ConnectionBroken:
                await asyncio.sleep(pause_s)
        return await self._http.ask(request)


def _read(body: bytes) -> AwsCredentials:
    members = read_json(body)
    inner = members.get("credentials") if isinstance(members, dict) else None
    found = read_credentials(inner, IOT_NAMES)
    if found.session_token is None or found.expires_at is None:
        raise ValueError(f"its {IOT_NAMES.token} or its {IOT_NAMES.expiration} is missing")
    return found


def _request(role: RoleAlias) -> Request:
    for value, form, key in (
        (role.endpoint, _ENDPOINT, "iotCredEndpoint"),
        (role.thing_name, _THING, "thingName"),
    ):
        if form.fullmatch(value) is None:
            raise BadRequest(
                f"{_task(role)}: {value!r} is no {key}", codes=_CODES, hint=f"correct {key}"
            )
    return Request(
        "GET",
        f"https://{role.endpoint}/role-aliases/{quote(role.alias, safe='')}/credentials",
        {"x-amzn-iot-thingname": role.thing_name},
        trust=Trust(
            authorities=(role.authority,) if role.authority else (),
            certificate=role.certificate,
            key=role.key,
        ),
        timeout_s=_TIMEOUT_S,
    )


def _task(role: RoleAlias) -> str:
    return f"cannot get AWS credentials of role alias {role.alias}"


def _refused(role: RoleAlias, answer: Answer) -> AwsError:
    message = f"{_task(role)}: {role.endpoint} answered {answer.status}"
    if answer.status in (401, 403):
        return AccessDenied(
            message,
            codes=(*_CODES, "ACCESS_DENIED"),
            hint="the certificate has to be active, its IoT policy has to allow "
            "iot:AssumeRoleWithCertificate on the role alias, and the role has to trust "
            "credentials.iot.amazonaws.com",
        )
    if answer.status == 404:
        return NotFound(
            message,
            codes=_CODES,
            hint="iotRoleAlias has to exist in the account and region of iotCredEndpoint",
        )
    if answer.status == 429 or answer.status >= 500:
        pause_s = retry_after_s(answer.headers, time.time())
        return ServiceFailed(message, codes=_CODES, retry_after_s=pause_s)
    if answer.status == 400:
        hint = "check thingName: the certificate has to belong to it"
    else:
        hint = "iotCredEndpoint has to be the endpoint of the type iot:CredentialProvider"
    return BadRequest(message, codes=_CODES, hint=hint)
