"""The machine's own AWS credentials: environment, profile, web identity, container or instance.

AWS's own chain, by awscrt, which is imported with the first call. It reads the process's variables
itself; here they only tell whether there was anything to find. It knows nothing of the core's
proxies.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from greendock.aws.credentials import AwsCredentials
from greendock.aws.errors import CredentialsUnavailable, NoCredentials
from greendock.base.errors import Retry

_DEADLINE_S = 10.0
_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_FILES = (
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    ("AWS_CONFIG_FILE", "~/.aws/config"),
)
_HINT = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for the core, or give its user a profile in "
    "~/.aws, or the machine a role; on a Greengrass device configure iotRoleAlias"
)


class ChainSource:
    """Looks at each place in turn, as the AWS command line does."""

    def __init__(self, deadline_s: float = _DEADLINE_S) -> None:
        self._deadline_s = deadline_s

    async def credentials(self) -> AwsCredentials:
        """Raises CredentialsUnavailable, NoCredentials where there was nothing to find."""
        try:
            async with asyncio.timeout(self._deadline_s):
                # A new chain each time: one that is kept doesn't look again for 15 minutes.
                chain = await asyncio.to_thread(_new_chain)
                found = await asyncio.wrap_future(chain.get_credentials())
        except Exception as error:
            # awscrt raises more than its own errors; they have a name, and never the keys.
            places = await asyncio.to_thread(traces, os.environ, Path.is_file)
            raise _unavailable(error, self._deadline_s, places) from error
        ends = found.expiration
        return AwsCredentials(
            found.access_key_id,
            found.secret_access_key,
            found.session_token or None,
            ends.timestamp() if ends is not None and ends.year < 9000 else None,
        )


def traces(environ: Mapping[str, str], is_file: Callable[[Path], bool]) -> tuple[str, ...]:
    """The variables and files that say where credentials are; their names, never the values."""
    found = [name for name in _VARIABLES if environ.get(name)]
    for variable, default in _FILES:
        path = Path(environ.get(variable) or default)
        try:
            path = path.expanduser()
        except RuntimeError:
            continue  # a user without a home
        if is_file(path):
            found.append(str(path))
    return tuple(found)


def _unavailable(
    error: Exception, deadline_s: float, places: tuple[str, ...]
) -> CredentialsUnavailable:
    why = f"no answer within {deadline_s:g} s" if isinstance(error, TimeoutError) else _name(error)
    if not places:
        return NoCredentials(
            f"cannot get AWS credentials: this machine has none ({why})", hint=_HINT
        )
    return CredentialsUnavailable(
        f"cannot get AWS credentials from what this machine has ({', '.join(places)}): {why}",
        hint="check them with the AWS command line, as the core's user",
        retry=Retry.BACK_OFF,
    )


def _new_chain() -> Any:
    from awscrt.auth import AwsCredentialsProvider

    return AwsCredentialsProvider.new_default_chain()


def _name(error: Exception) -> str:
    return str(getattr(error, "name", "") or type(error).__name__)
