"""Where Amazon's services are: host names by region and partition, and what overrides them; pure.

The variables are those of AWS's SDKs: AWS_ENDPOINT_URL_<SERVICE> before AWS_ENDPOINT_URL, neither
with AWS_IGNORE_CONFIGURED_ENDPOINT_URLS; AWS_USE_FIPS_ENDPOINT, and AWS_USE_DUALSTACK_ENDPOINT for
S3, while the API of ECR is the one that belongs to the registry's own name. A host that is no
private ECR registry has no API: a signed request would show it our session.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from greendock.aws.errors import ECR_CODES, BadRequest

_REGISTRY = re.compile(
    r"[0-9]+\.dkr[.-]ecr(?P<fips>-fips)?\.(?P<region>[a-z0-9]+(?:-[a-z0-9]+)*)\."
    r"(?P<domain>[a-z0-9.-]+)",
    re.ASCII,
)
# What a bucket's name has to look like to be one label of a host name that means just it.
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]*[a-z0-9]|[a-z0-9]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Partition:
    """A part of AWS that stands for itself, by how its regions' names begin.

    `domain`: of its services. `dual_domain`: of those that IPv6 reaches too; `registries`: of the
    registries that belong to them, where there are any.
    """

    prefix: str
    domain: str
    dual_domain: str
    registries: str | None = None


_ON_AWS_CN = "on.amazonwebservices.com.cn"
PARTITIONS = (
    Partition("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", _ON_AWS_CN),
    Partition("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    Partition("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    Partition("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    Partition("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    Partition("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    Partition("", "amazonaws.com", "api.aws", "on.aws"),
)
"""The commercial and the government regions last: they have the same domains."""


def ecr_url(registry_host: str, region: str, environ: Mapping[str, str]) -> str:
    """The ECR API for a registry's host: same region, partition, FIPS and dual stack.

    Raises BadRequest for a host that is no private ECR registry of that region.
    """
    found = _REGISTRY.fullmatch(registry_host.partition(":")[0].lower())
    partition = _by_registry(found["domain"]) if found else None
    if found is None or partition is None or found["region"] != region:
        raise BadRequest(
            f"{registry_host} is no private registry of Amazon ECR in {region}",
            codes=ECR_CODES,
            hint="write it as ACCOUNT.dkr.ecr.REGION.amazonaws.com",
        )
    override = _override("ECR", environ)
    if override is not None:
        return override
    if found["domain"] == partition.registries:
        return f"https://{'ecr-fips' if found['fips'] else 'ecr'}.{region}.{partition.dual_domain}"
    if not found["fips"]:
        return f"https://api.ecr.{region}.{partition.domain}"
    # The published names for FIPS of the commercial and government regions have no `api.`.
    name = "ecr-fips" if partition.prefix == "" else "api.ecr-fips"
    return f"https://{name}.{region}.{partition.domain}"


def s3_url(
    bucket: str, region: str, configured: str | None, environ: Mapping[str, str]
) -> tuple[str, bool]:
    """The base URL for a bucket, and whether the bucket's name stands in the path.

    A bucket with dots would not match Amazon's wildcard certificate as a host, and one of the
    older names with capitals would be another bucket.
    """
    override = (configured or "").rstrip("/") or _override("S3", environ)
    if override:
        return override, True
    service = "s3-fips" if _is_true(environ, "AWS_USE_FIPS_ENDPOINT") else "s3"
    if _is_true(environ, "AWS_USE_DUALSTACK_ENDPOINT"):
        service += ".dualstack"
    host = f"{service}.{region}.{_of_region(region).domain}"
    if _LABEL.fullmatch(bucket) is None:
        return f"https://{host}", True
    return f"https://{bucket}.{host}", False


def secrets_url(region: str, environ: Mapping[str, str]) -> str:
    """The API of Secrets Manager in a region."""
    override = _override("SECRETS_MANAGER", environ)
    if override is not None:
        return override
    is_fips = _is_true(environ, "AWS_USE_FIPS_ENDPOINT")
    name = "secretsmanager-fips" if is_fips else "secretsmanager"
    return f"https://{name}.{region}.{_of_region(region).domain}"


def _by_registry(domain: str) -> Partition | None:
    return next((one for one in PARTITIONS if domain in (one.domain, one.registries)), None)


def _of_region(region: str) -> Partition:
    return next(one for one in PARTITIONS if region.startswith(one.prefix))


def _override(service: str, environ: Mapping[str, str]) -> str | None:
    if _is_true(environ, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        return None
    text = environ.get(f"AWS_ENDPOINT_URL_{service}") or environ.get("AWS_ENDPOINT_URL") or ""
    return text.rstrip("/") or None


def _is_true(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() == "true"
