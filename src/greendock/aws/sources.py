"""Which source gives this device its AWS credentials, by configuration.

`static` and `none` are here; the machine's chain and the role alias have files of their own.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import unquote, urlsplit

from greendock.aws.chain import ChainSource
from greendock.aws.credentials import (
    CONTAINER_NAMES,
    AwsCredentials,
    CredentialSource,
    read_credentials,
    read_json,
)
from greendock.aws.errors import CredentialsUnavailable, NoCredentials
from greendock.aws.iot import IotSource, RoleAlias
from greendock.base.errors import ConfigurationError
from greendock.config.aws_settings import CredentialSettings, DeviceIdentity
from greendock.net.http import HttpClient


def source_of(
    settings: CredentialSettings,
    identity: DeviceIdentity,
    thing_name: str,
    root_ca_path: str | None,
    http: HttpClient,
) -> CredentialSource:
    """The configured source. Raises ConfigurationError that names what is missing."""
    kind = settings.source
    if kind == "auto":
        kind = "iot" if identity.role_alias else "chain"
    if kind == "none":
        return NoSource()
    if kind == "chain":
        return ChainSource()
    if kind == "static":
        if not settings.static_file:
            raise ConfigurationError(
                "cannot use greendock.credentials.source static: staticFile names no file"
            )
        return StaticSource(Path(settings.static_file))
    return IotSource(_role_alias(identity, thing_name, root_ca_path), http)


def _role_alias(identity: DeviceIdentity, thing_name: str, root_ca_path: str | None) -> RoleAlias:
    wanted = {
        "iotRoleAlias": identity.role_alias,
        "iotCredEndpoint": identity.credential_endpoint,
        "system.certificateFilePath": identity.certificate_path,
        "system.privateKeyPath": identity.private_key_path,
        "system.thingName": thing_name,
    }
    missing = [name for name, value in wanted.items() if not value]
    if missing:
        raise ConfigurationError(
            f"cannot get AWS credentials by role alias: {', '.join(missing)} not configured",
            hint="these keys are part of each Greengrass device's configuration",
        )
    return RoleAlias(
        alias=identity.role_alias or "",
        endpoint=(identity.credential_endpoint or "").removeprefix("https://").rstrip("/"),
        thing_name=thing_name,
        certificate=_file(identity.certificate_path or "", "system.certificateFilePath"),
        key=_file(identity.private_key_path or "", "system.privateKeyPath"),
        authority=_file(root_ca_path, "system.rootCaPath") if root_ca_path else None,
    )


def _file(text: str, key: str) -> Path:
    """Greengrass takes paths and URIs; a URI of a hardware module is none for us."""
    if text.startswith("pkcs11:"):
        raise ConfigurationError(
            f"cannot get AWS credentials by role alias: {key} is in a hardware module",
            hint="keys in files are supported",
        )
    return Path(unquote(urlsplit(text).path) if text.startswith("file:") else text)


class NoSource:
    """For devices that are to have no AWS credentials."""

    async def credentials(self) -> AwsCredentials:
        raise NoCredentials("cannot get AWS credentials: greendock.credentials.source is none")


class StaticSource:
    """Credentials from a file, for tests: read each time, so that it can be replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def credentials(self) -> AwsCredentials:
        """Raises CredentialsUnavailable."""
        try:
            data = await asyncio.to_thread(self._path.read_bytes)
            return read_credentials(read_json(data), CONTAINER_NAMES)
        except OSError as error:
            why = error.strerror or "it can't be read"
        except ValueError as error:
            why = str(error)
        # Without a cause: its text could hold a part of the file.
        raise CredentialsUnavailable(
            f"cannot get AWS credentials from {self._path}: {why}",
            hint="the file holds JSON with AccessKeyId, SecretAccessKey, Token, Expiration",
        ) from None
