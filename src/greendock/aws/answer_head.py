"""What the head of a service's answer says about time: when to come again, and what time it is.

Pure; the present is handed in. Called by whoever reads the answers of ECR, S3 and AWS IoT.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

_LONGEST_WAIT_S = 3600.0
_LARGEST_SKEW_S = 300.0
"""So far off may a signature's time be, by the strictest of AWS's services."""


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """The pause that Retry-After asks for, in seconds or as a date; an hour at most."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), _LONGEST_WAIT_S)
    at = _date(text)
    if at is None:
        return None
    return min(max(at - now, 0.0), _LONGEST_WAIT_S)


def is_clock_wrong(headers: Mapping[str, str], now: float) -> bool:
    """Whether this machine's clock is too far from the service's to sign for it."""
    at = _date(headers.get("date", ""))
    return at is not None and abs(now - at) > _LARGEST_SKEW_S


def _date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
