"""Signs requests to AWS (Signature Version 4) by awscrt, imported with the first call."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from greendock.aws.credentials import AwsCredentials
from greendock.aws.errors import ServiceFailed
from greendock.net.http import Request

_DEADLINE_S = 10.0
EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


async def sign(
    request: Request, credentials: AwsCredentials, service: str, region: str
) -> Request:
    """`request` with the headers of a signature. Host is part of it and set here.

    Paths of S3 are signed as they stand, those of other services in normal form. Raises
    ServiceFailed.
    """
    signer = await asyncio.to_thread(_signer)
    try:
        signed = _unsigned(request)
        async with asyncio.timeout(_DEADLINE_S):
            await asyncio.wrap_future(signer(signed, _config(credentials, service, region)))
    except Exception as error:
        # awscrt raises more than its own errors; their text could hold what was signed with.
        raise ServiceFailed(
            f"cannot sign a request to {service} in {region}: {type(error).__name__}"
        ) from None
    return replace(request, headers=dict(signed.headers))


def _signer() -> Any:
    """Imports awscrt, which takes its time on slow cards."""
    from awscrt.auth import aws_sign_request

    return aws_sign_request


def _unsigned(request: Request) -> Any:
    import io

    from awscrt.http import HttpHeaders, HttpRequest

    parts = urlsplit(request.url)
    headers = {"Host": parts.netloc, **request.headers}
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    body = io.BytesIO(request.body) if request.body is not None else None
    return HttpRequest(request.method, path, HttpHeaders(list(headers.items())), body)


def _config(credentials: AwsCredentials, service: str, region: str) -> Any:
    from awscrt.auth import (
        AwsCredentialsProvider,
        AwsSignatureType,
        AwsSignedBodyHeaderType,
        AwsSigningAlgorithm,
        AwsSigningConfig,
    )

    is_s3 = service == "s3"
    return AwsSigningConfig(
        algorithm=AwsSigningAlgorithm.V4,
        signature_type=AwsSignatureType.HTTP_REQUEST_HEADERS,
        credentials_provider=AwsCredentialsProvider.new_static(
            credentials.access_key_id,
            credentials.secret_access_key,
            credentials.session_token,
        ),
        region=region,
        service=service,
        use_double_uri_encode=not is_s3,
        should_normalize_uri_path=not is_s3,
        signed_body_header_type=(
            AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256
            if is_s3
            else AwsSignedBodyHeaderType.NONE
        ),
    )
