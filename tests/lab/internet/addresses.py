"""Host names of the outside world and the loopback ports that stand for them.

The ports are fixed: the network namespace is the lab's own, so nobody else can hold them.
"""

from __future__ import annotations

from dataclasses import dataclass

ECR_ACCOUNT = "123456789012"
ECR_REGION = "us-east-1"
ECR_HOST = f"{ECR_ACCOUNT}.dkr.ecr.{ECR_REGION}.amazonaws.com"
ECR_API_HOST = f"api.ecr.{ECR_REGION}.amazonaws.com"
HUB_AUTH_HOST = "auth.docker.io"
PRIVATE_HOST = "registry.lab.test:5443"
PROXY_PORT = 3128
HUB_AUTH_PORT = 4440
ECR_API_PORT = 4441
S3_PORT = 4442
S3_SERVER_PORT = 4566
S3_REGIONS = ("us-east-1", "eu-west-1")
ECR_REGIONS = ("us-east-1", "eu-west-1")
IOT_DOMAIN = f"credentials.iot.{ECR_REGION}.amazonaws.com"
IOT_HOST = f"c1lab.{IOT_DOMAIN}"
IOT_PORT = 4443
IOT_DATA_HOST = f"a1lab-ats.iot.{ECR_REGION}.amazonaws.com"
IOT_DATA_PORT = 4444


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry: its name in the lab, the front's port, the host names it answers to."""

    name: str
    port: int
    hosts: tuple[str, ...]


REGISTRIES = (
    Registry("hub", 4431, ("registry-1.docker.io:443", "index.docker.io:443")),
    Registry("public", 4432, ("public.ecr.aws:443",)),
    Registry("ecr", 4433, tuple(f"*.dkr.ecr.{x}.amazonaws.com:443" for x in ECR_REGIONS)),
    Registry("private", 4434, (PRIVATE_HOST,)),
)


def certificate_names() -> tuple[str, ...]:
    """Every host name that a certificate of the lab has to cover."""
    names = {host.rpartition(":")[0] for registry in REGISTRIES for host in registry.hosts}
    s3 = [f"{part}s3.{region}.amazonaws.com" for region in S3_REGIONS for part in ("", "*.")]
    aws = [f"api.ecr.{region}.amazonaws.com" for region in ECR_REGIONS] + [f"*.{IOT_DOMAIN}"]
    return ("localhost", HUB_AUTH_HOST, IOT_DATA_HOST, *aws, *s3, *sorted(names))


def local_port(target: str) -> int | None:
    """The loopback port for `host:port`; None for a host that the lab doesn't have."""
    host = target.lower()
    if any(host.endswith(f"s3.{region}.amazonaws.com:443") for region in S3_REGIONS):
        return S3_PORT
    if host.endswith(f".{IOT_DOMAIN}:443"):
        return IOT_PORT
    if host == f"{IOT_DATA_HOST}:8883":
        return IOT_DATA_PORT
    if host in {f"api.ecr.{region}.amazonaws.com:443" for region in ECR_REGIONS}:
        return ECR_API_PORT
    for registry in REGISTRIES:
        for known in registry.hosts:
            if host == known or (known.startswith("*.") and host.endswith(known[1:])):
                return registry.port
    return {f"{HUB_AUTH_HOST}:443": HUB_AUTH_PORT, f"{ECR_API_HOST}:443": ECR_API_PORT}.get(host)
