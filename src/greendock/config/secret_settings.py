"""Which secrets there are: this device's own (`greendock.secrets`), and those of AWS; pure.

The value of an own one never stands in the configuration: it is in a file or in a variable of the
core's environment. What may be one is not shown in errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greendock.base.errors import ConfigurationError
from greendock.config.section import Section

_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}", re.ASCII)
_ARN = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}",
    re.ASCII,
)
_VALUES = ("value", "secret", "secretString", "secretBinary", "password")
_HINT = "write it to a file that only the core can read, and name that in file"


@dataclass(frozen=True, slots=True)
class SecretEntry:
    """One of `file` and `variable` is set. `arn` and `version_id` None: made by the core."""

    name: str
    file: str | None = None
    variable: str | None = None
    arn: str | None = None
    version_id: str | None = None
    stages: tuple[str, ...] = ("AWSCURRENT",)
    is_binary: bool = False


@dataclass(frozen=True, slots=True)
class CloudSecret:
    """A secret of AWS Secrets Manager. `labels`: stages that may be had besides AWSCURRENT."""

    arn: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SecretSettings:
    """`local` by name."""

    local: Mapping[str, SecretEntry] = field(default_factory=dict)
    cloud: tuple[CloudSecret, ...] = ()

    @property
    def variables(self) -> frozenset[str]:
        """Those of the core's environment that hold secrets."""
        return frozenset(entry.variable for entry in self.local.values() if entry.variable)


def read_secret_settings(
    greendock: Mapping[str, Any], secret_manager: Mapping[str, Any]
) -> SecretSettings:
    """`secret_manager`: configuration of aws.greengrass.SecretManager. ConfigurationError."""
    return SecretSettings(
        read_secret_entries(Section("greendock", greendock)), _cloud_secrets(secret_manager)
    )


def _cloud_secrets(configuration: Mapping[str, Any]) -> tuple[CloudSecret, ...]:
    place = "aws.greengrass.SecretManager configuration.cloudSecrets"
    lower = {str(key).lower(): value for key, value in configuration.items()}
    items = lower.get("cloudsecrets") or []
    if not isinstance(items, list):
        raise ConfigurationError(f"cannot use {place}: expected a list")
    found = []
    for number, item in enumerate(items):
        keys = Section(f"{place}[{number}]", item)
        arn = keys.text("arn")
        if arn is None or _ARN.fullmatch(arn) is None:
            raise keys.wrong("arn", arn, "the ARN of a secret")
        found.append(CloudSecret(arn, keys.names("labels")))
    return tuple(found)


def read_secret_entries(greendock: Section) -> Mapping[str, SecretEntry]:
    """By name. Raises ConfigurationError."""
    keys = _section(greendock, "secrets", "greendock.secrets")
    entries = {name: _entry(keys, name) for name in keys.written_keys()}
    if len({name.lower() for name in entries}) < len(entries):
        raise ConfigurationError("cannot use greendock.secrets: two names differ only in case")
    arns = [entry.arn for entry in entries.values() if entry.arn is not None]
    if len(set(arns)) < len(arns):
        raise ConfigurationError("cannot use greendock.secrets: two entries have the same arn")
    return entries


def _entry(secrets: Section, name: str) -> SecretEntry:
    place = f"greendock.secrets.{name}"
    keys = _section(secrets, name, place)
    if _NAME.fullmatch(name) is None:
        raise ConfigurationError(
            f"cannot use {place}: a name has letters, digits and / _ + = . @ -, at most 512"
        )
    written = {key.lower() for key in keys.written_keys()}
    if any(key.lower() in written for key in _VALUES):
        raise ConfigurationError(
            f"cannot use {place}: a secret may not stand in the configuration", hint=_HINT
        )
    file, variable = keys.text("file"), keys.text("env")
    if (file is None) == (variable is None):
        raise ConfigurationError(f"cannot use {place}: it needs one of file and env", hint=_HINT)
    arn = keys.text("arn")
    if arn is not None and _ARN.fullmatch(arn) is None:
        raise keys.wrong("arn", arn, "the ARN of a secret")
    return SecretEntry(
        name,
        file,
        variable,
        arn,
        keys.text("versionId"),
        keys.names("stages") or ("AWSCURRENT",),
        keys.flag("binary", False),
    )


def _section(keys: Section, key: str, place: str) -> Section:
    try:
        return keys.section(key)
    except ConfigurationError:
        # Not chained: the error shows what is there, which may be the secret.
        raise ConfigurationError(f"cannot use {place}: expected a map", hint=_HINT) from None
