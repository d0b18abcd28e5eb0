"""Image names and `docker:` URIs are read as the Docker Engine reads them."""

from __future__ import annotations

import pytest

from greendock.docker.errors import ImageReferenceError
from greendock.docker.reference import parse_artifact_uri, parse_image
from greendock.docker.registry_kind import RegistryKind

HEX = "0123456789abcdef" * 4
SHA = f"sha256:{HEX}"
ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"

READ = [
    # text, registry, repository, tag, digest, familiar
    ("mysql", "docker.io", "library/mysql", "latest", None, "mysql:latest"),
    ("mysql:8.0", "docker.io", "library/mysql", "8.0", None, "mysql:8.0"),
    ("docker.io/mysql:8.0", "docker.io", "library/mysql", "8.0", None, "mysql:8.0"),
    ("index.docker.io/mysql:8.0", "docker.io", "library/mysql", "8.0", None, "mysql:8.0"),
    ("docker.io/library/mysql", "docker.io", "library/mysql", "latest", None, "mysql:latest"),
    ("foo/image:v1", "docker.io", "foo/image", "v1", None, "foo/image:v1"),
    ("my_org/img", "docker.io", "my_org/img", "latest", None, "my_org/img:latest"),
    ("a/b/c:1", "docker.io", "a/b/c", "1", None, "a/b/c:1"),
    (f"mysql@{SHA}", "docker.io", "library/mysql", None, SHA, f"mysql@{SHA}"),
    (f"mysql:8.0@{SHA}", "docker.io", "library/mysql", "8.0", SHA, f"mysql:8.0@{SHA}"),
    (f"q.io/a@sha512:{HEX}{HEX}", "q.io", "a", None, f"sha512:{HEX}{HEX}", None),
    ("localhost/x", "localhost", "x", "latest", None, "localhost/x:latest"),
    ("localhost:5000/x:1", "localhost:5000", "x", "1", None, "localhost:5000/x:1"),
    ("lab.test:5443/team/app:1.0", "lab.test:5443", "team/app", "1.0", None, None),
    ("[2001:db8::1]:5000/a/b:1", "[2001:db8::1]:5000", "a/b", "1", None, None),
    ("[::1]/x", "[::1]", "x", "latest", None, "[::1]/x:latest"),
    ("Registry/x", "Registry", "x", "latest", None, "Registry/x:latest"),
    ("x/a-b--c.d__e_f:_A.-9", "docker.io", "x/a-b--c.d__e_f", "_A.-9", None, None),
    ("docker.io/foo.bar/x:1", "docker.io", "foo.bar/x", "1", None, "docker.io/foo.bar/x:1"),
    (f"{HEX}:1", "docker.io", f"library/{HEX}", "1", None, f"{HEX}:1"),
    (f"{ECR}/repository:1.0", ECR, "repository", "1.0", None, f"{ECR}/repository:1.0"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "registry", "repository", "tag", "digest", "familiar"), READ)
def test_names_are_normalised_as_docker_does(text, registry, repository, tag, digest, familiar):
    found = parse_image(text)
    assert (found.registry, found.repository) == (registry, repository)
    assert (found.tag, found.digest) == (tag, digest)
    assert found.familiar == (familiar or text)
    assert parse_artifact_uri(f"docker:{text}") == found
    assert parse_artifact_uri(f"DOCKER:{text}") == found


def test_the_digest_decides_which_image_it_is():
    both, digest = parse_image(f"mysql:8.0@{SHA}"), parse_image(f"mysql@{SHA}")
    assert both.canonical == digest.canonical == f"docker.io/library/mysql@{SHA}"
    assert both.pull_reference == f"mysql@{SHA}"


@pytest.mark.parametrize(
    ("text", "pinned"),
    [("a", False), ("a:latest", False), ("a:1", True), (f"a@{SHA}", True), ("a:Latest", True),
     (f"a:latest@{SHA}", True)],
)  # fmt: skip
def test_only_latest_is_not_pinned(text, pinned):
    assert parse_image(text).is_pinned is pinned
    assert bool(parse_image(text).warnings) is not pinned


PRIVATE = [
    (ECR, "us-east-1"),
    (f"{ECR}:443", "us-east-1"),
    ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
    ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
    ("123456789012.dkr-ecr-fips.us-gov-east-1.on.aws:443", "us-gov-east-1"),
    ("123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1"),
    ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
    ("123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
    ("123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
    ("123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
    ("123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
]


@pytest.mark.parametrize(("host", "region"), PRIVATE)
def test_private_ecr_hosts_tell_account_and_region(host, region):
    found = parse_image(f"{host}/team/app:1")
    assert (found.kind, found.account, found.region) == (
        RegistryKind.ECR_PRIVATE,
        "123456789012",
        region,
    )
    assert found.warnings == ()


def test_an_account_of_another_length_is_taken_with_a_warning():
    found = parse_image("78988.dkr.ecr.us-east-1.amazonaws.com/x:1")
    assert (found.kind, found.account) == (RegistryKind.ECR_PRIVATE, "78988")
    assert "12 digits" in found.warnings[0]


@pytest.mark.parametrize(
    "host",
    [
        f"{ECR}.evil.tld",
        f"evil-{ECR}",
        "x123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.cn.evil.tld:443",
        "123456789012.dkr.ecr.evil.us-east-1.amazonaws.com",
        "123456789012.dkr.ecr.us-east-1.amazonaws.org",
        "123456789012.dkr.ecr.us-east-1.xamazonaws.com",
        "123456789012.dkrXecr.us-east-1.amazonaws.com",
        "dkr.ecr.us-east-1.amazonaws.com",
        "public.ecr.aws.evil.tld",
        "evil.public.ecr.aws",
        "xn--docker.io",
        "docker.io.evil.tld",
    ],
)
def test_look_alike_hosts_are_ordinary_registries(host):
    found = parse_image(f"{host}/x:1")
    assert (found.kind, found.account, found.region) == (RegistryKind.OTHER, None, None)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("public.ecr.aws/a/b:1", RegistryKind.ECR_PUBLIC),
        ("ecr-public.aws.com/a/b:1", RegistryKind.ECR_PUBLIC),
        ("mysql", RegistryKind.DOCKER_HUB),
        ("quay.io/a/b", RegistryKind.OTHER),
        ("[::1]:5000/a", RegistryKind.OTHER),
    ],
)
def test_kinds_of_other_registries(text, kind):
    assert parse_image(text).kind is kind


REFUSED = [
    # text after `docker:`, part, position in that text, word of the explanation
    ("", "image", 0, "empty"),
    ("/x", "registry", 0, "empty"),
    ("//mysql:8.0", "registry", 0, "remove the slashes"),
    ("a//b", "repository", 2, "empty"),
    ("q.io/", "repository", 5, "empty"),
    ("a/", "repository", 2, "empty"),
    ("foo/Bar", "repository", 4, "lower case"),
    ("MYSQL", "repository", 0, "lower case"),
    ("a___b", "repository", 1, "joined by"),
    ("a..b", "repository", 1, "joined by"),
    ("-a", "repository", 0, "joined by"),
    ("a-", "repository", 1, "joined by"),
    ("my sql", "repository", 2, "' '"),
    ("mysql\n", "repository", 5, "n'"),
    ("mysql:8.0\n", "tag", 9, "n'"),
    ("m\u00fcsli", "repository", 1, "\u00fc"),
    ("mysql:\u0668", "tag", 6, "\u0668"),
    ("mysql:", "tag", 6, "empty"),
    ("mysql:-1", "tag", 6, "'-'"),
    ("mysql:1:2", "tag", 7, "':'"),
    ("mysql:" + "x" * 129, "tag", 134, "limit is 128"),
    ("mysql@", "digest", 6, "sha256:"),
    (f"mysql@{HEX}", "digest", 6, "sha256:"),
    (f"mysql@md5:{HEX[:32]}", "digest", 6, "sha256:"),
    (f"mysql@sha256:{HEX[:34]}", "digest", 13, "64"),
    (f"mysql@sha256:{HEX.upper()}", "digest", 23, "lower case"),
    (f"mysql@{SHA}@{SHA}", "digest", 77, "'@'"),
    ("q.io:/x", "registry", 5, "port is empty"),
    ("q.io:abc/x", "registry", 5, "not a number"),
    ("q_.io/x", "registry", 1, "'_'"),
    ("-q.io/x", "registry", 0, "'-'"),
    ("q..io/x", "registry", 2, "empty"),
    ("[::1/x", "tag", 0, "placeholder"),
    ("[::1]x/y", "registry", 5, "port"),
    (HEX, "image", 0, "image id"),
    ("a" * 248, "repository", 0, "limit is 255"),
    ("q.io/" + "a" * 256, "repository", 5, "limit is 255"),
    ("name[:tag|@digest]", "tag", 4, "replace the placeholder"),
    (f"{ECR}/repository[:tag|@digest]", "tag", 55, "replace the placeholder"),
    ("account-id.dkr.ecr.region.amazonaws.com/r:1", "registry", 0, "replace the placeholder"),
    ("123456789012.dkr.ecr.region.amazonaws.com/r:1", "registry", 21, "replace the placeholder"),
    ("<registry>/x", "registry", 0, "replace the placeholder"),
    ("mysql:{tag}", "tag", 6, "replace the placeholder"),
]


@pytest.mark.parametrize(("text", "part", "position", "word"), REFUSED)
def test_a_faulty_name_is_refused_with_part_position_and_example(text, part, position, word):
    with pytest.raises(ImageReferenceError) as refused:
        parse_artifact_uri(f"docker:{text}")
    error = refused.value
    assert (error.part, error.position) == (part, position + len("docker:"))
    assert word in error.explain()
    assert "docker:repository/image:1.0" in (error.hint or "")
    assert error.codes == ("ARTIFACT_URI_NOT_VALID", "DOCKER_ARTIFACT_URI_NOT_VALID")


@pytest.mark.parametrize("text", ["q.io/" + "a" * 255, "a" * 247])
def test_the_longest_repository_is_taken(text):
    assert len(parse_image(text).repository) == 255


@pytest.mark.parametrize("uri", ["", "mysql", "s3://bucket/key", "dockers:mysql", ":mysql"])
def test_another_scheme_is_refused(uri):
    with pytest.raises(ImageReferenceError) as refused:
        parse_artifact_uri(uri)
    assert refused.value.part == "scheme"
