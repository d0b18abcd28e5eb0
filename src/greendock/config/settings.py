"""The core's own settings, typed: what the Greengrass keys and the `greendock:` keys come to.

Pure: given the three maps of the configuration (system, nucleus, greendock) it returns `Settings`
or raises ConfigurationError that names the key. Keys of the Greengrass part are matched without
regard to case, as everywhere in its configuration. Reference: docs/reference/configuration.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greendock.config.aws_settings import (
    CredentialSettings,
    DeviceIdentity,
    read_credential_settings,
    read_identity,
)
from greendock.config.container_settings import ContainerSettings
from greendock.config.mqtt_settings import MqttSettings, read_mqtt_settings
from greendock.config.registry_logins import RegistryLogin, read_registry_logins
from greendock.config.secret_settings import SecretSettings
from greendock.config.section import Section
from greendock.config.shadow_settings import ShadowSettings

NUCLEUS_VERSION = "2.18.0"


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    level: str = "INFO"
    format: str = "TEXT"
    file_size_bytes: int = 1024 * 1024
    total_bytes: int = 10240 * 1024


@dataclass(frozen=True, slots=True)
class DockerSettings:
    """`host` None: as the docker command finds it. `pull_policy` None: as upstream documents."""

    host: str | None = None
    engine_wait_s: float = 60
    max_concurrent_pulls: int = 3
    pull_deadline_s: float = 3600
    pull_stall_s: float = 60
    pull_policy: str | None = None
    registries: Mapping[str, RegistryLogin] = field(default_factory=dict)
    disk_margin_bytes: int = 268_435_456
    disk_high_watermark_percent: float = 85


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything configurable that the core reads today. `secrets`, `shadows` and `containers` are
    read apart from the rest, by the files of their names."""

    thing_name: str = ""
    aws_region: str = "us-east-1"
    nucleus_version: str = NUCLEUS_VERSION
    default_posix_user: str | None = None
    posix_shell: str = "sh"
    default_memory_kb: int | None = None
    default_cpus: float | None = None
    platform_override: Mapping[str, str] = field(default_factory=dict)
    interpolate_component_configuration: bool = False
    authorized_posix_groups: tuple[str, ...] = ()
    proxy_url: str | None = None
    proxy_username: str | None = None
    proxy_password: str | None = field(default=None, repr=False)
    no_proxy: str = ""
    root_ca_path: str | None = None
    device: DeviceIdentity = field(default_factory=DeviceIdentity)
    credentials: CredentialSettings = field(default_factory=CredentialSettings)
    s3_endpoint: str | None = None
    backoff_s: tuple[float, float] = (1, 60)
    deployment_deadline_s: float = 7200
    soak_s: float = 10
    logging: LoggingSettings = field(default_factory=LoggingSettings)
    docker: DockerSettings = field(default_factory=DockerSettings)
    secrets: SecretSettings = field(default_factory=SecretSettings)
    shadows: ShadowSettings = field(default_factory=ShadowSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    containers: ContainerSettings = field(default_factory=ContainerSettings)


def read_settings(
    system: Mapping[str, Any],
    nucleus: Mapping[str, Any],
    greendock: Mapping[str, Any],
    cli: Mapping[str, Any],
    environment: Mapping[str, str],
) -> Settings:
    """The settings of the four configuration maps; raises ConfigurationError."""
    system_keys = Section("system", system)
    keys = Section("aws.greengrass.Nucleus configuration", nucleus)
    ours = Section("greendock", greendock)
    run_with = keys.section("runWithDefault")
    limits = run_with.section("systemResourceLimits")
    proxy = keys.section("networkProxy")
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    return Settings(
        thing_name=system_keys.text("thingName", "") or "",
        root_ca_path=system_keys.text("rootCaPath"),
        aws_region=keys.text("awsRegion", region) or region,
        nucleus_version=ours.section("nucleus").text("version", NUCLEUS_VERSION) or "",
        default_posix_user=run_with.text("posixUser"),
        posix_shell=run_with.text("posixShell", "sh") or "sh",
        default_memory_kb=int(limits.number("memory", 0, low=0, high=1 << 40)) or None,
        default_cpus=limits.number("cpus", 0, low=0, high=4096) or None,
        platform_override=keys.texts("platformOverride"),
        interpolate_component_configuration=keys.flag("interpolateComponentConfiguration", False),
        authorized_posix_groups=_groups(Section("aws.greengrass.Cli configuration", cli)),
        proxy_url=proxy.section("proxy").text("url"),
        proxy_username=proxy.section("proxy").text("username"),
        proxy_password=proxy.section("proxy").text("password"),
        no_proxy=proxy.text("noProxyAddresses", "") or "",
        backoff_s=_backoff_s(ours.section("restart")),
        deployment_deadline_s=_deadline_s(ours.section("deployment")),
        soak_s=_soak_s(ours.section("health"), 10),
        logging=_logging(keys.section("logging")),
        docker=_docker(ours.section("docker")),
        device=read_identity(system_keys, keys),
        credentials=read_credential_settings(ours.section("credentials")),
        s3_endpoint=ours.section("s3").text("endpoint"),
        mqtt=read_mqtt_settings(keys, ours),
    )


def _backoff_s(keys: Section) -> tuple[float, float]:
    first = keys.number("backoffSeconds", 1, low=0, high=3600)
    return first, keys.number("maxBackoffSeconds", max(60, first), low=first, high=86400)


def _deadline_s(keys: Section) -> float:
    return keys.number("deadlineSeconds", 7200, low=1, high=7 * 86400)


def _soak_s(keys: Section, default: float) -> float:
    return keys.number("soakSeconds", default, low=0, high=86400)


def _groups(cli: Section) -> tuple[str, ...]:
    text = cli.text("AuthorizedPosixGroups", "") or ""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _logging(keys: Section) -> LoggingSettings:
    levels = {name.lower(): name for name in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")}
    file_kb = keys.number("fileSizeKB", 1024, low=1, high=1 << 30)
    return LoggingSettings(
        level=keys.choice("level", levels, "INFO") or "INFO",
        format=keys.choice("format", {"text": "TEXT", "json": "JSON"}, "TEXT") or "TEXT",
        file_size_bytes=int(file_kb * 1024),
        total_bytes=int(keys.number("totalLogsSizeKB", 10240, low=1, high=1 << 40) * 1024),
    )


def own_pull_policy(component: str, configuration: Mapping[str, Any]) -> str | None:
    """`greendock.docker.pullPolicy` of a component; ConfigurationError when it is wrong."""
    return _own_docker(component, configuration).choice("pullPolicy", _PULL_POLICIES, None)


def own_archives(component: str, configuration: Mapping[str, Any]) -> tuple[str, ...]:
    """`greendock.docker.loadArchives` of a component: file names of artifacts that are image
    archives, for the core to load. Raises ConfigurationError."""
    return _own_docker(component, configuration).names("loadArchives")


def own_soak_s(component: str, configuration: Mapping[str, Any], default_s: float) -> float:
    """`greendock.health.soakSeconds` of a component; ConfigurationError when it is wrong."""
    return _soak_s(_own(component, configuration).section("health"), default_s)


def _own_docker(component: str, configuration: Mapping[str, Any]) -> Section:
    return _own(component, configuration).section("docker")


def _own(component: str, configuration: Mapping[str, Any]) -> Section:
    ours = configuration.get("greendock")
    values = ours if isinstance(ours, Mapping) else {}
    return Section(f"{component} configuration.greendock", values)


_PULL_POLICIES = {name.lower(): name for name in ("IfNotPresent", "Always", "Never")}


def _docker(keys: Section) -> DockerSettings:
    return DockerSettings(
        host=keys.text("host"),
        engine_wait_s=keys.number("engineWaitSeconds", 60, low=0, high=86400),
        max_concurrent_pulls=int(keys.number("maxConcurrentPulls", 3, low=1, high=64)),
        pull_deadline_s=keys.number("pullDeadlineSeconds", 3600, low=1, high=7 * 86400),
        pull_stall_s=keys.number("pullStallSeconds", 60, low=1, high=86400),
        pull_policy=keys.choice("pullPolicy", _PULL_POLICIES, None),
        registries=read_registry_logins(keys.section("registries")),
        disk_margin_bytes=int(keys.number("diskMarginBytes", 268_435_456, low=0, high=1 << 50)),
        disk_high_watermark_percent=keys.number("diskHighWatermarkPercent", 85, low=1, high=100),
    )
