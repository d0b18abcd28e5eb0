"""Which kind of registry a host name stands for.

Pure. Private ECR hosts get account credentials, so the test covers the whole host: a name that
only contains an ECR name is an ordinary registry. Called by the reference parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

DOCKER_HUB = "docker.io"

# Host forms of the public ECR documentation and of AWS's partitions; the region stands before the
# partition's domain. Accounts have twelve digits; other lengths occur in test recipes.
_ECR_PRIVATE = re.compile(
    r"(?P<account>[0-9]+)\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9]+(?:-[a-z0-9]+)*)\."
    r"(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn"
    r"|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)",
    re.ASCII | re.IGNORECASE,
)
_PORT = re.compile(r"[0-9]+", re.ASCII)
_ECR_LOOK = re.compile(r"([^.]+)\.dkr[.-]ecr(?:-fips)?\.([^.]+)\..+", re.ASCII | re.IGNORECASE)
_ECR_PUBLIC = frozenset({"public.ecr.aws", "ecr-public.aws.com"})
_ACCOUNT_WORDS = frozenset(
    {"account-id", "accountid", "aws-account-id", "your-account-id", "account", "registry-id"}
)
_REGION_WORDS = frozenset({"region", "aws-region", "your-region", "region-code"})


class RegistryKind(StrEnum):
    """Who authenticates to a registry, and how."""

    ECR_PRIVATE = "ecr-private"
    ECR_PUBLIC = "ecr-public"
    DOCKER_HUB = "docker-hub"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class RegistryIdentity:
    """`account` and `region` are set for private ECR only."""

    kind: RegistryKind
    account: str | None = None
    region: str | None = None


def identify(registry: str) -> RegistryIdentity:
    """Kind of `registry`, a host with optional port in Docker's normal form."""
    if registry == DOCKER_HUB:
        return RegistryIdentity(RegistryKind.DOCKER_HUB)
    host, colon, port = registry.partition(":")
    if registry.startswith("[") or (colon and _PORT.fullmatch(port) is None):
        return RegistryIdentity(RegistryKind.OTHER)
    if host.lower() in _ECR_PUBLIC:
        return RegistryIdentity(RegistryKind.ECR_PUBLIC)
    found = _ECR_PRIVATE.fullmatch(host)
    if found is None:
        return RegistryIdentity(RegistryKind.OTHER)
    return RegistryIdentity(RegistryKind.ECR_PRIVATE, found["account"], found["region"].lower())


def placeholder_in(registry: str) -> str | None:
    """The word of an ECR example host (`account-id`, `region`) that nobody replaced yet."""
    found = _ECR_LOOK.fullmatch(registry)
    if found is None:
        return None
    account, region = found[1], found[2]
    if account.lower() in _ACCOUNT_WORDS:
        return account
    return region if region.lower() in _REGION_WORDS else None
