"""Checks signatures of AWS requests with botocore, AWS's own client, as the oracle.

Keys are those that the lab gave out. The answers are AWS's. Loaded when there are keys to check.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_LARGEST_SKEW_S = 300.0
_SIGNATURE = "InvalidSignatureException"


def fault_of(
    request: web.Request, body: bytes, keys: Mapping[str, Mapping[str, Any]], now: float
) -> tuple[str, str] | None:
    """AWS's error and its words for a request that isn't signed as it should be; else None."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in text.split(","))
    scope = parts.get("Credential", "").split("/")
    if scheme != "AWS4-HMAC-SHA256" or len(scope) != 5:
        return "MissingAuthenticationTokenException", "Missing Authentication Token"
    key = keys.get(scope[0])
    token = request.headers.get("X-Amz-Security-Token")
    if key is None or token != key.get("token"):
        return (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )
    if key.get("expires", now) < now:
        return (
            "ExpiredTokenException",
            "The security token included in the request is expired",
        )
    moment = request.headers.get("X-Amz-Date", "")
    signed_at = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    if abs(signed_at - now) > _LARGEST_SKEW_S:
        border = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now - _LARGEST_SKEW_S))
        return _SIGNATURE, f"Signature expired: {moment} is now earlier than {border}"
    if parts.get("Signature") != _signature(request, body, parts, str(key["secret"])):
        return _SIGNATURE, (
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method."
        )
    return None


def _signature(
    request: web.Request, body: bytes, parts: Mapping[str, str], secret: str
) -> str | None:
    """The signature of the request under the scope that it names."""
    names = parts.get("SignedHeaders", "").split(";")
    theirs = AWSRequest(
        request.method,
        f"https://{request.host}{request.raw_path}",
        data=body,
        headers={name: request.headers.get(name, "") for name in names},
    )
    key_id, _, region, service, _ = parts["Credential"].split("/")
    oracle = SigV4Auth(Credentials(key_id, secret), service, region)
    theirs.context["timestamp"] = request.headers.get("X-Amz-Date", "")
    canonical = oracle.canonical_request(theirs)
    signature: str | None = oracle.signature(oracle.string_to_sign(theirs, canonical), theirs)
    return signature
