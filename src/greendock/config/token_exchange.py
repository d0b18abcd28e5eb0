"""The configuration of the token exchange service, typed; pure.

A port that can be none is an error, which refuses the deployment. A number of seconds out of its
range counts as the default, as upstream, and is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greendock.base.errors import ConfigurationError
from greendock.config.section import Section

EVERYBODY = "*"
_PLACE = "aws.greengrass.TokenExchangeService configuration"
_SHORTEST_S, _LONGEST_S = 10, 42_900


@dataclass(frozen=True, slots=True)
class RetrySeconds:
    """For how long an answer of the cloud that is a failure stands for further ones."""

    client_error_s: float = 120
    server_error_s: float = 60
    unknown_error_s: float = 300


def service_port(configuration: Mapping[str, Any]) -> int:
    """`port`; 0 for a free one. Raises ConfigurationError."""
    keys = Section(_PLACE, configuration)
    port = keys.number("port", 0, low=0, high=65535)
    if port != int(port):
        raise keys.wrong("port", port, "a whole number")
    return int(port)


def allowed_components(configuration: Mapping[str, Any]) -> tuple[str, ...] | None:
    """`greendock.allow`: who may have credentials, EVERYBODY or names; None where nothing is said.

    Raises ConfigurationError.
    """
    ours = Section(_PLACE, configuration).section("greendock")
    said = any(key.lower() == "allow" for key in ours.written_keys())
    return ours.names("allow") if said else None


def retry_seconds(configuration: Mapping[str, Any]) -> tuple[RetrySeconds, tuple[str, ...]]:
    """`credentialRetryInSec`, and what is wrong with it in words."""
    default = RetrySeconds()
    wrong: list[str] = []

    def seconds(key: str, otherwise: float) -> float:
        try:
            keys = Section(_PLACE, configuration).section("credentialRetryInSec")
            return keys.number(key, otherwise, low=_SHORTEST_S, high=_LONGEST_S)
        except ConfigurationError as error:
            wrong.append(f"{error.message}; {otherwise:g} s count instead")
            return otherwise

    found = RetrySeconds(
        seconds("clientError", default.client_error_s),
        seconds("serverError", default.server_error_s),
        seconds("unknownError", default.unknown_error_s),
    )
    return found, tuple(dict.fromkeys(wrong))
