"""Which version of the Engine API to speak.

Pure. Called by the engine client after it asked the engine for its version.
"""

from __future__ import annotations

import re

from greendock.docker.errors import ApiVersionRefused, EngineTooOld

OLDEST = (1, 21)  # Docker 1.9.1, the oldest engine that Greengrass documents
NEWEST = (1, 51)  # the newest one whose changes were read against what we send and read
PLATFORM_PARAMETER = (1, 32)  # POST /images/create takes `platform` from here on

ApiVersion = tuple[int, int]
_FORM = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})", re.ASCII)


def read_version(text: str) -> ApiVersion | None:
    """`1.41` as (1, 41); None for anything else."""
    found = _FORM.fullmatch(text.strip())
    return (int(found[1]), int(found[2])) if found else None


def show_version(version: ApiVersion) -> str:
    return f"{version[0]}.{version[1]}"


def choose_version(engine: str, forced: str | None) -> ApiVersion:
    """The version for all further requests.

    `engine`: the engine's newest version as it told it; `forced`: DOCKER_API_VERSION or the like,
    used as it is. Raises EngineTooOld, ApiVersionRefused.
    """
    offered = read_version(engine)
    if offered is None:
        raise ApiVersionRefused(
            f"cannot use this engine: it calls its API version {engine[:40]!r}",
            hint="is it a Docker Engine that listens at this address?",
        )
    if offered < OLDEST:
        raise EngineTooOld(
            f"cannot use this engine: its API is {show_version(offered)}, "
            f"the oldest that works is {show_version(OLDEST)}"
        )
    return min(NEWEST, offered) if not forced else _forced(forced, offered)


def _forced(text: str, offered: ApiVersion) -> ApiVersion:
    wanted = read_version(text)
    if wanted is None:
        raise ApiVersionRefused(
            f"cannot use API version {text[:40]!r}: a version is two numbers such as 1.41"
        )
    if wanted < OLDEST:
        raise EngineTooOld(
            f"cannot use API version {show_version(wanted)}: "
            f"the oldest that works is {show_version(OLDEST)}"
        )
    if wanted > offered:
        raise ApiVersionRefused(
            f"cannot use API version {show_version(wanted)}: "
            f"the engine's newest is {show_version(offered)}"
        )
    return wanted
