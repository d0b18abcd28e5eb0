"""Images of every source come onto the device, once, and only when they are needed."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from greendock.docker import errors as e
from greendock.docker.pull_policy import PullPolicy
from lab.images import digest_of

CLOUDWATCH = "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:latest"
PRIVATE = "registry.lab.test:5443/team/app:1.0"


def blobs(lab, registry):
    return [entry for entry in lab.requests(registry) if "/blobs/" in entry["path"]]


def test_the_sources_of_the_documents(scene, lab):
    uris = ["docker:mysql:8.0", f"docker:{CLOUDWATCH}", "docker:hello-world", f"docker:{PRIVATE}"]
    found = scene.ensure(*uris)
    assert [image.uri for image in found] == uris
    seeded = ["library/mysql:8.0", "cloudwatch-agent/cloudwatch-agent:latest"]
    seeded += ["library/hello-world:latest", "team/app:1.0"]
    assert [image.image_id for image in found] == [lab.seeded[name].id for name in seeded]
    assert [image.digest for image in found] == [lab.seeded[name].digest for name in seeded]
    assert all(image.pulled and image.warning is None for image in found)
    for uri in uris:
        assert lab.docker("image", "inspect", uri.removeprefix("docker:")).returncode == 0
    # One tag each: without `tag` in the request an engine fetches all of a repository.
    assert lab.docker("image", "inspect", "mysql:latest").returncode != 0


def test_progress_and_log_tell_the_story(scene, lab):
    scene.ensure("docker:mysql:8.0")
    phases = scene.phases("mysql:8.0")
    assert phases[0] == "waiting"
    assert phases[-1] == "pulled"
    size = sum(len(x.compressed) for x in lab.seeded["library/mysql:8.0"].layers)
    assert scene.progress[-1].current_bytes == size
    assert scene.journal.events() == [
        "docker-image-needed",
        "docker-image-found",
        "docker-image-pull",
        "docker-image-pulled",
    ]
    text = scene.journal.text()
    assert "needed by com.example.App 1.0.0" in text
    assert f"{size} bytes" in text
    assert lab.seeded["library/mysql:8.0"].id in text
    assert all(c["image"] == "mysql:8.0" for _, _, _, c in scene.journal.written)


def test_by_digest_and_by_tag_with_digest(scene, lab):
    image = lab.seeded["library/mysql:8.0"]
    found = scene.ensure(f"docker:mysql@{image.digest}", f"docker:mysql:8.0@{image.digest}")
    assert [x.image_id for x in found] == [image.id, image.id]
    assert [x.digest for x in found] == [image.digest, image.digest]
    lab.reset_faults()
    again = scene.ensure(f"docker:mysql:8.0@{image.digest}")
    assert not again[0].pulled
    assert lab.requests("hub") == []


def test_one_image_under_several_names_is_fetched_once(scene, lab):
    found = scene.ensure(
        "docker:mysql:8.0",
        "docker:docker.io/mysql:8.0",
        "docker:index.docker.io/library/mysql:8.0",
    )
    assert len({image.image_id for image in found}) == 1
    assert scene.journal.events().count("docker-image-pull") == 1
    layers = lab.seeded["library/mysql:8.0"].layers
    # The configuration is read before the pull, and by the engine.
    assert len(blobs(lab, "hub")) == len(layers) + 2


def test_a_pinned_image_that_is_present_is_not_fetched(scene, lab):
    scene.ensure("docker:mysql:8.0", f"docker:{PRIVATE}")
    lab.reset_faults()
    found = scene.ensure("docker:mysql:8.0", f"docker:{PRIVATE}")
    assert not any(image.pulled for image in found)
    assert found[0].digest == lab.seeded["library/mysql:8.0"].digest
    assert lab.requests() == []
    assert scene.phases("mysql:8.0")[-1] == "present"


def test_latest_is_fetched_again_and_brings_the_new_one(scene, lab):
    first = lab.seed("private", "moving/app", cmd=("/bin/echo", "one"))
    uri = "docker:registry.lab.test:5443/moving/app"
    assert scene.ensure(uri)[0].image_id == first.id
    unchanged = scene.ensure(uri)[0]
    assert (unchanged.image_id, unchanged.pulled) == (first.id, False)
    second = lab.seed("private", "moving/app", cmd=("/bin/echo", "two"))
    changed = scene.ensure(uri)[0]
    assert (changed.image_id, changed.pulled) == (second.id, True)
    assert "docker-image-warning" in scene.journal.events()


@pytest.fixture
def unreachable(scene, lab):
    """The URI of an image that is on the device and whose registry can't be reached."""
    scene.ensure("docker:mysql:8.0")
    name = "unreachable.example.com/mysql:latest"
    assert lab.docker("tag", "mysql:8.0", name).returncode == 0
    return f"docker:{name}"


def test_latest_falls_back_to_the_local_image_when_offline(scene, lab, unreachable):
    found = scene.ensure(unreachable)[0]
    assert (found.image_id, found.pulled) == (lab.seeded["library/mysql:8.0"].id, False)
    assert "the proxy answered 502" in (found.warning or "")
    assert "docker-image-fallback" in scene.journal.events()
    assert "docker-image-retry" not in scene.journal.events()


def test_always_does_not_fall_back(scene, unreachable):
    scene.settings.policy = PullPolicy.ALWAYS
    scene.settings.pull_deadline_s = 1
    with pytest.raises(e.RegistryUnreachable, match="given up after") as failed:
        scene.ensure(unreachable)
    assert failed.value.codes[-1] == "NETWORK_ERROR"


def test_if_not_present_does_not_ask_the_registry(scene, lab, unreachable):
    scene.settings.policy = PullPolicy.IF_NOT_PRESENT
    lab.reset_faults()
    assert scene.ensure(unreachable)[0].warning is None
    assert lab.requests() == []


def test_never_refuses_what_is_not_there(scene, lab):
    scene.settings.policy = PullPolicy.NEVER
    with pytest.raises(e.ImageNotFound, match="pullPolicy is Never"):
        scene.ensure("docker:mysql:8.0")
    assert lab.requests("hub") == []


def test_no_more_pulls_at_a_time_than_configured(scene, lab):
    images = {
        name: lab.seed("private", f"slow/{name}", "1", random_layers=[300_000])
        for name in ("one", "two", "three")
    }
    lab.control(private={"rate_bytes_per_s": 4_000_000})
    scene.settings.max_concurrent_pulls = 1
    scene.ensure(*(f"docker:registry.lab.test:5443/slow/{name}:1" for name in images))
    spans = {}
    for name, image in images.items():
        layers = {f"/v2/slow/{name}/blobs/{digest_of(x.compressed)}" for x in image.layers}
        own = [x for x in lab.requests("private") if x["path"] in layers]
        spans[name] = (min(x["began_s"] for x in own), max(x["ended_s"] for x in own))
    ordered = sorted(spans.values())
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(ordered))


def foreign(image):
    """The same image for a processor that this machine does not have."""
    other = b'"s390x"'
    config = image.config
    for known in (b'"amd64"', b'"arm64"', b'"arm"'):
        config = config.replace(b'"architecture":' + known, b'"architecture":' + other)
        config = config.replace(b'"architecture": ' + known, b'"architecture": ' + other)
    assert config != image.config
    manifest = image.manifest.replace(image.id.encode(), digest_of(config).encode())
    old, new = str(len(image.config)).encode(), str(len(config)).encode()
    return dataclasses.replace(image, config=config, manifest=manifest.replace(old, new))


def test_an_image_for_another_processor_is_refused(scene, lab):
    image = foreign(lab.seeded["team/app:1.0"])
    lab.registries.push("private", "team/foreign", "1", image)
    with pytest.raises(e.PlatformMismatch, match="linux/s390x") as failed:
        scene.ensure("docker:registry.lab.test:5443/team/foreign:1")
    assert failed.value.codes[-1] == "DOCKER_IMAGE_NOT_VALID"


def test_the_oldest_api_ensures_images_too(scene, lab):
    scene.api_version = "1.21"
    found = scene.ensure("docker:mysql:8.0", f"docker:{CLOUDWATCH}")
    assert [image.pulled for image in found] == [True, True]
    assert scene.ensure("docker:mysql:8.0")[0].digest == lab.seeded["library/mysql:8.0"].digest
    with pytest.raises(e.ImageNotFound, match=r"has no tag 9\.9"):
        scene.ensure("docker:mysql:9.9")
    with pytest.raises(e.ImageAccessDenied, match="nosuch/thing"):
        scene.ensure("docker:nosuch/thing:1")
