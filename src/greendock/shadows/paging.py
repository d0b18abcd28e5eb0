"""Tokens that continue a list where its last page ended; pure.

A token is good for the caller and the thing that it was made for, and for the core that made it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from greendock.shadows.errors import ShadowRefused

_MAC_BYTES = 16


def page_token(key: bytes, caller: str, thing: str, last: str) -> str:
    """`last`: the last name of the page."""
    return base64.urlsafe_b64encode(_mac(key, caller, thing, last) + last.encode()).decode()


def last_name(key: bytes, caller: str, thing: str, token: str) -> str:
    """Raises ShadowRefused for a token that is not from here, or for somebody else."""
    try:
        data = base64.b64decode(token, altchars=b"-_", validate=True)
        last = data[_MAC_BYTES:].decode()
    except (ValueError, binascii.Error):
        data, last = b"", ""
    if not hmac.compare_digest(data[:_MAC_BYTES], _mac(key, caller, thing, last)):
        raise ShadowRefused(
            "cannot use nextToken: it is none for this list",
            hint="begin again without a nextToken",
        )
    return last


def _mac(key: bytes, caller: str, thing: str, last: str) -> bytes:
    # None of the parts can hold a zero byte: the names are checked, callers are components.
    text = "\0".join((caller, thing, last)).encode()
    return hmac.new(key, text, hashlib.sha256).digest()[:_MAC_BYTES]
