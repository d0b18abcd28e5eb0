"""The lab's registries serve the names that recipes use, each with its own authentication."""

from __future__ import annotations

import json

import docker
import pytest
from docker.errors import APIError, NotFound

from lab.internet.addresses import ECR_HOST
from lab.seeds import HELLO_TEXT

REFERENCES = {
    "mysql:8.0": "hub",
    "hello-world:latest": "hub",
    "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:latest": "public",
    "registry.lab.test:5443/team/app:1.0": "private",
}


@pytest.fixture
def engine(lab):
    client = docker.DockerClient(base_url=lab.docker_host, timeout=60)
    yield client
    client.close()


@pytest.mark.parametrize("reference", REFERENCES)
def test_pull_by_tag(lab, reference):
    lab.remove_image(reference)
    result = lab.docker("pull", reference)
    assert result.returncode == 0, result.stderr
    assert "Downloaded newer image" in result.stdout
    assert any(x["status"] == 200 for x in lab.requests(REFERENCES[reference]))


def test_the_engine_goes_through_the_proxy(lab):
    lab.remove_image("mysql:8.0")
    assert lab.docker("pull", "mysql:8.0").returncode == 0
    targets = {(x["path"], x["status"]) for x in lab.requests("proxy")}
    assert {("registry-1.docker.io:443", 200), ("auth.docker.io:443", 200)} <= targets


def test_an_unknown_host_is_refused_by_the_proxy(lab, engine):
    with pytest.raises(APIError, match="Bad Gateway"):
        engine.images.pull("nowhere.example.com/x", tag="1")
    assert ("nowhere.example.com:443", 502) in {
        (x["path"], x["status"]) for x in lab.requests("proxy")
    }


def test_pull_by_digest(lab, engine):
    digest = lab.seeded["library/mysql:8.0"].digest
    pulled = engine.images.pull("mysql", tag=digest)
    assert pulled.id == lab.seeded["library/mysql:8.0"].id


@pytest.mark.parametrize(
    ("repository", "tag", "text"),
    [
        ("mysql", "9.9", "manifest unknown"),
        ("nosuch/thing", "1", "requested access to the resource is denied"),
    ],
)
def test_what_hub_says_about_what_it_does_not_have(lab, engine, repository, tag, text):
    with pytest.raises(NotFound, match=text):
        engine.images.pull(repository, tag=tag)


def test_private_ecr_wants_a_password(lab, engine):
    repository = f"{ECR_HOST}/repository"
    with pytest.raises(APIError, match="no basic auth credentials"):
        engine.images.pull(repository, tag="1.0")
    wrong = {"username": "AWS", "password": "wrong"}
    with pytest.raises(APIError, match=r"authentication required|[Uu]nauthorized"):
        engine.images.pull(repository, tag="1.0", auth_config=wrong)
    right = {"username": "AWS", "password": lab.ecr_password()}
    pulled = engine.images.pull(repository, tag="1.0", auth_config=right)
    assert pulled.id == lab.seeded["repository:1.0"].id


def test_an_ecr_password_expires(lab, engine):
    expired = {"username": "AWS", "password": lab.ecr_password(lifetime_s=-1)}
    with pytest.raises(NotFound, match="authorization token has expired"):
        engine.images.pull(f"{ECR_HOST}/repository", tag="1.0", auth_config=expired)


def test_the_ecr_api_gives_a_password_that_works(lab, engine):
    answer = lab.run_inside(
        "wget",
        "--quiet",
        "--output-document=-",
        f"--ca-certificate={lab.certificate_authority}",
        "--header=X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
        "--post-data={}",
        "-e",
        "https_proxy=http://127.0.0.1:3128",
        "https://api.ecr.us-east-1.amazonaws.com/",
    )
    token = json.loads(answer)["authorizationData"][0]["authorizationToken"]
    lab.remove_image(f"{ECR_HOST}/repository:1.0")
    config = lab.folder / "docker-config-ecr"
    config.mkdir()
    (config / "config.json").write_text(json.dumps({"auths": {ECR_HOST: {"auth": token}}}))
    result = lab.docker("--config", str(config), "pull", f"{ECR_HOST}/repository:1.0")
    assert result.returncode == 0, result.stderr


def test_a_private_hub_repository_wants_a_login(lab, engine):
    lab.remove_image("mysql:8.0")
    lab.control(hub_private=["library/mysql"], hub_users={"me": "secret"})
    with pytest.raises(NotFound, match="requested access to the resource is denied"):
        engine.images.pull("mysql", tag="8.0")
    login = {"username": "me", "password": "secret"}
    engine.images.pull("mysql", tag="8.0", auth_config=login)


def test_an_image_of_a_test_with_layers_of_given_sizes(lab, engine):
    image = lab.seed("hub", "some/thing", "2", random_layers=(300_000, 700_000))
    pulled = engine.images.pull("some/thing", tag="2")
    assert pulled.id == image.id
    assert len(pulled.attrs["RootFS"]["Layers"]) == 3
    assert pulled.attrs["Size"] > 1_000_000


def test_a_container_runs_and_has_a_network(lab):
    result = lab.docker("run", "--rm", "hello-world")
    assert result.stdout == f"{HELLO_TEXT}\n", result.stderr
    if lab.bridge_network:
        address = lab.docker("run", "--rm", "mysql:8.0", "cat", "/etc/hosts")
        assert "172." in address.stdout, address
