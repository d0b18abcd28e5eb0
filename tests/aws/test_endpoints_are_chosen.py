"""Services are asked where they are: by region, partition, FIPS, dual stack, and as overridden."""

from __future__ import annotations

from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from hypothesis import given
from hypothesis import strategies as st

from greendock.aws.endpoints import PARTITIONS, ecr_url, s3_url
from greendock.aws.errors import BadRequest
from greendock.docker.registry_kind import RegistryKind, identify


@pytest.mark.parametrize(
    ("host", "region", "url"),
    [
        ("1.dkr.ecr.us-east-1.amazonaws.com", "us-east-1", "api.ecr.us-east-1.amazonaws.com"),
        ("1.dkr.ecr.us-east-1.amazonaws.com:443", "us-east-1", "api.ecr.us-east-1.amazonaws.com"),
        (
            "1.dkr.ecr-fips.us-west-2.amazonaws.com",
            "us-west-2",
            "ecr-fips.us-west-2.amazonaws.com",
        ),
        (
            "1.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "cn-north-1",
            "api.ecr.cn-north-1.amazonaws.com.cn",
        ),
        ("1.dkr-ecr.eu-west-1.on.aws", "eu-west-1", "ecr.eu-west-1.api.aws"),
        ("1.dkr-ecr-fips.us-east-1.on.aws", "us-east-1", "ecr-fips.us-east-1.api.aws"),
        (
            "1.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
            "cn-north-1",
            "ecr.cn-north-1.api.amazonwebservices.com.cn",
        ),
        (
            "1.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            "us-gov-west-1",
            "ecr-fips.us-gov-west-1.amazonaws.com",
        ),
        ("1.DKR.ECR.US-EAST-1.AMAZONAWS.COM", "us-east-1", "api.ecr.us-east-1.amazonaws.com"),
    ],
)
def test_ecr(host, region, url):
    assert ecr_url(host, region, {}) == f"https://{url}"


@pytest.mark.parametrize(
    ("bucket", "region", "url", "in_path"),
    [
        ("b", "us-east-1", "https://b.s3.us-east-1.amazonaws.com", False),
        ("b", "cn-north-1", "https://b.s3.cn-north-1.amazonaws.com.cn", False),
        ("b.c", "eu-west-1", "https://s3.eu-west-1.amazonaws.com", True),
        ("Capitals", "us-east-1", "https://s3.us-east-1.amazonaws.com", True),
        ("under_score", "us-east-1", "https://s3.us-east-1.amazonaws.com", True),
        ("-b", "us-east-1", "https://s3.us-east-1.amazonaws.com", True),
    ],
)
def test_s3(bucket, region, url, in_path):
    assert s3_url(bucket, region, None, {}) == (url, in_path)


def test_what_overrides_what():
    both = {"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_S3": "http://s3/"}
    assert s3_url("b", "r", None, both) == ("http://s3", True)
    assert s3_url("b", "r", "http://configured", both) == ("http://configured", True)
    assert ecr_url("1.dkr.ecr.r.amazonaws.com", "r", both) == "http://all"
    ignored = {**both, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    assert s3_url("b", "r", None, ignored) == ("https://b.s3.r.amazonaws.com", False)


REGIONS = {
    "us-east-1": "amazonaws.com",
    "us-gov-west-1": "amazonaws.com",
    "cn-north-1": "amazonaws.com.cn",
    "us-iso-east-1": "c2s.ic.gov",
    "us-isob-east-1": "sc2s.sgov.gov",
    "us-isof-south-1": "csp.hci.ic.gov",
    "eu-isoe-west-1": "cloud.adc-e.uk",
    "eusc-de-east-1": "amazonaws.eu",
}


class Stopped(Exception):  # noqa: N818 - nothing is wrong
    """Instead of sending: where it would go."""


def stop(request, **_):
    raise Stopped(request.url)


def of_aws(service: str, region: str, *, fips: bool = False, dual: bool = False) -> str | None:
    """Where AWS's own client sends its requests; None where it knows of no such endpoint."""
    config = Config(
        use_fips_endpoint=fips,
        use_dualstack_endpoint=dual,
        s3={"us_east_1_regional_endpoint": "regional"},
    )
    try:
        client = botocore.session.Session().create_client(
            service,
            region_name=region,
            aws_access_key_id="id",
            aws_secret_access_key="secret",
            config=config,
        )
        client.meta.events.register("before-send.*", stop)
        if service == "s3":
            client.get_object(Bucket="bucket", Key="key")
        client.get_authorization_token()
    except Stopped as stopped:
        parts = urlsplit(str(stopped))
        return f"{parts.scheme}://{parts.netloc}"
    except BotoCoreError:
        pass
    return None


@pytest.mark.parametrize(("region", "domain"), REGIONS.items())
def test_apis_are_where_aws_says(region, domain):
    assert ecr_url(f"1.dkr.ecr.{region}.{domain}", region, {}) == of_aws("ecr", region)


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "cn-north-1"])
def test_dual_stack_apis_are_where_aws_says(region):
    domain = "on.amazonwebservices.com.cn" if region.startswith("cn-") else "on.aws"
    found = ecr_url(f"1.dkr-ecr.{region}.{domain}", region, {})
    assert found == of_aws("ecr", region, dual=True)


WITHOUT_DUAL_STACK = {"eu-isoe-west-1", "us-isof-south-1"}
WITHOUT_FIPS = {"cn-north-1"}


@pytest.mark.parametrize(
    ("region", "fips", "dual"),
    [
        (region, fips, dual)
        for region in REGIONS
        for fips in (False, True)
        for dual in (False, True)
        if not (dual and region in WITHOUT_DUAL_STACK) and not (fips and region in WITHOUT_FIPS)
    ],
)
def test_objects_are_where_aws_says(region, fips, dual):
    expected = of_aws("s3", region, fips=fips, dual=dual)
    environ = {
        "AWS_USE_FIPS_ENDPOINT": str(fips).lower(),
        "AWS_USE_DUALSTACK_ENDPOINT": str(dual).lower(),
    }
    assert s3_url("bucket", region, None, environ) == (expected, False)


@given(
    st.from_regex(
        r"[0-9]{1,12}\.dkr[.-]ecr(-fips)?\.[a-z]{2}-[a-z]{4,9}-[0-9]\."
        r"(amazonaws\.com|amazonaws\.com\.cn|on\.aws|c2s\.ic\.gov|amazonaws\.eu|evil\.tld"
        r"|amazonaws\.com\.evil\.tld|s3\.amazonaws\.com|AMAZONAWS\.COM)",
        fullmatch=True,
    )
)
def test_every_private_registry_has_an_api_and_nobody_else(host):
    region = host.lower().split(".")[2 if ".dkr-" in host.lower() else 3]
    if identify(host).kind is not RegistryKind.ECR_PRIVATE:
        with pytest.raises(BadRequest):
            ecr_url(host, region, {})
        return
    name = urlsplit(ecr_url(host, region, {})).hostname or ""
    domains = {x for one in PARTITIONS for x in (one.domain, one.dual_domain)}
    assert any(name.endswith(f".{region}.{domain}") for domain in domains)


def test_another_region_than_the_hosts_is_refused():
    with pytest.raises(BadRequest):
        ecr_url("1.dkr.ecr.us-east-1.amazonaws.com", "eu-west-1", {})
