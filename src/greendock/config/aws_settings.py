"""Where this device's AWS credentials come from, and who it is to AWS IoT; pure."""

from __future__ import annotations

from dataclasses import dataclass

from greendock.config.section import Section

_SOURCES = {name: name for name in ("auto", "iot", "chain", "static", "none")}


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """The keys of Greengrass that name the device's certificate and its role alias."""

    certificate_path: str | None = None
    private_key_path: str | None = None
    credential_endpoint: str | None = None
    role_alias: str | None = None


@dataclass(frozen=True, slots=True)
class CredentialSettings:
    """`source`: auto, iot, chain, static or none. `static_file`: JSON with AccessKeyId,
    SecretAccessKey and optionally Token and Expiration, for tests. `bridge_address`: whether
    containers in bridge networks get them."""

    source: str = "auto"
    static_file: str | None = None
    bridge_address: bool = True


def read_identity(system: Section, nucleus: Section) -> DeviceIdentity:
    return DeviceIdentity(
        certificate_path=system.text("certificateFilePath"),
        private_key_path=system.text("privateKeyPath"),
        credential_endpoint=nucleus.text("iotCredEndpoint"),
        role_alias=nucleus.text("iotRoleAlias"),
    )


def read_credential_settings(keys: Section) -> CredentialSettings:
    """Raises ConfigurationError."""
    return CredentialSettings(
        source=keys.choice("source", _SOURCES, "auto") or "auto",
        static_file=keys.text("staticFile"),
        bridge_address=keys.flag("bridgeAddress", True),
    )
