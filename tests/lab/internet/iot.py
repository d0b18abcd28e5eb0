"""AWS IoT's credentials provider: mutual TLS, one role alias, keys with an end.

The keys that it gives are those that the ECR API of the lab then knows. Which device asks is told
by its certificate's common name, which has to be the thing's name.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from ssl import CERT_REQUIRED, SSLContext

from aiohttp import web

from .state import State

ROLE_ALIAS = "DeviceRoleAlias"
_PATH = f"/role-aliases/{ROLE_ALIAS}/credentials"


def with_device_certificates(context: SSLContext, folder: Path) -> SSLContext:
    """The server asks its clients for a certificate of the lab's authority."""
    context.verify_mode = CERT_REQUIRED
    context.load_verify_locations(folder / "ca.pem")
    return context


class Iot:
    """Gives credentials for certificates."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def handle(self, request: web.Request) -> web.Response:
        certificate = request.transport.get_extra_info("peercert") if request.transport else {}
        subject = dict(pair[0] for pair in (certificate or {}).get("subject", ()))
        thing = request.headers.get("x-amzn-iot-thingname", "")
        entry = self._state.record(
            "iot", method=request.method, path=request.path, thing=thing, host=request.host
        )
        answer = self._answer(request.path, thing == subject.get("commonName"))
        entry["status"] = answer.status
        return answer

    def _answer(self, path: str, is_own_thing: bool) -> web.Response:
        settings = self._state.settings
        if settings.iot_status != 200:
            headers = {"Retry-After": "7"} if settings.iot_status in (429, 503) else None
            text = '{"message":"Access Denied for arn:aws:iam::123456789012:role/device"}'
            return web.Response(status=settings.iot_status, text=text, headers=headers)
        if settings.iot_body is not None:
            return web.Response(text=settings.iot_body, content_type="application/json")
        if path != _PATH:
            return web.json_response({"message": "Role alias does not exist"}, status=404)
        if not is_own_thing:
            return web.json_response({"message": "Invalid thing name passed"}, status=400)
        return web.json_response({"credentials": self._new_keys()})

    def _new_keys(self) -> dict[str, str]:
        expires = time.time() + self._state.settings.iot_lifetime_s
        key_id = f"ASIA{secrets.token_hex(8).upper()}"
        secret, token = secrets.token_urlsafe(30), secrets.token_urlsafe(60)
        self._state.settings.aws_keys[key_id] = {
            "secret": secret,
            "token": token,
            "expires": expires,
        }
        return {
            "accessKeyId": key_id,
            "secretAccessKey": secret,
            "sessionToken": token,
            "expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires)),
        }
