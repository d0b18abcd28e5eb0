"""For how long a failure to get credentials stands for further requests; pure.

What the cloud answered stands for as long as is configured: nothing changes there by asking often.
A cloud that can't be reached may be there again any moment, so that stands for seconds, more each
time. An answer that makes no sense doesn't stand at all.
"""

from __future__ import annotations

from enum import StrEnum

from greendock.aws.errors import AwsError, CredentialsExpired, ServiceFailed
from greendock.base.errors import GreendockError
from greendock.config.token_exchange import RetrySeconds

_FIRST_S = 5.0
_LONGEST_S = 15.0


class FailureKind(StrEnum):
    """By what the source of the credentials did."""

    CLIENT = "the cloud refused"
    SERVER = "the cloud failed"
    UNKNOWN = "the cloud answered something else"
    UNREACHABLE = "nobody answered"
    SENSELESS = "the answer makes no sense"


def kind_of(error: GreendockError) -> FailureKind:
    status = error.http_status if isinstance(error, AwsError) else None
    if status is not None:
        if 400 <= status < 500:
            return FailureKind.CLIENT
        return FailureKind.SERVER if 500 <= status < 600 else FailureKind.UNKNOWN
    if isinstance(error, CredentialsExpired | ServiceFailed):
        return FailureKind.SENSELESS
    return FailureKind.UNREACHABLE


def stands_s(kind: FailureKind, in_a_row: int, retry: RetrySeconds) -> float:
    """`in_a_row`: how many failures there were since the last success, this one included."""
    match kind:
        case FailureKind.CLIENT:
            return retry.client_error_s
        case FailureKind.SERVER:
            return retry.server_error_s
        case FailureKind.UNKNOWN:
            return retry.unknown_error_s
        case FailureKind.UNREACHABLE:
            return brief_s(in_a_row)
        case FailureKind.SENSELESS:
            return 0.0


def brief_s(in_a_row: int) -> float:
    """For who can wait for seconds only: growing, up to a quarter of a minute."""
    return min(_FIRST_S * in_a_row, _LONGEST_S)
