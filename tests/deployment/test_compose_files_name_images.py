"""A deployment fetches what its components' compose files name, from the files that it brings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from greendock.deployment.compose_images import uses_compose, wanted_images
from greendock.deployment.document import LocalRequest
from greendock.deployment.record import DetailedStatus
from greendock.docker.errors import EngineUnavailable, ImageNotFound, RegistryFailed
from greendock.docker.model import EnsuredImage, ImageRequest
from greendock.docker.reference import parse_artifact_uri
from greendock.recipe.model import Step, Steps

APP = "com.example.App"
WHO = f"{APP} 1.0.0"
OnDevice = Callable[..., None]
UP = "docker-compose -f {artifacts:path}/compose.yaml up"


def request(
    folder: Path, compose: str, run: str = UP, images: tuple[str, ...] = ()
) -> LocalRequest:
    artifacts = folder / "artifacts" / APP / "1.0.0"
    artifacts.mkdir(parents=True, exist_ok=True)
    (artifacts / "compose.yaml").write_text(compose)
    recipe = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": APP,
        "ComponentVersion": "1.0.0",
        "Manifests": [
            {"Lifecycle": {"Run": run}, "Artifacts": [{"URI": f"docker:{i}"} for i in images]}
        ],
    }
    path = folder / "recipe.json"
    path.write_text(json.dumps(recipe))
    return LocalRequest(
        merge={APP: "1.0.0"},
        recipe_paths=(path,),
        artifact_folders=(folder / "artifacts",),
    )


def services(*images: str) -> str:
    return json.dumps({"services": {f"s{n}": {"image": i} for n, i in enumerate(images)}})


def test_the_images_of_a_new_file_are_fetched_and_noted(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        record = await bench.deploy(request(bench.folder, services("one:1", "two:2")))
        assert record.detailed is DetailedStatus.SUCCESSFUL
        assert bench.images.asked == ["docker:one:1", "docker:two:2"]
        assert bench.images.in_place == ["docker:one:1", "docker:two:2"]
        assert bench.images.settled[-1] == (["docker:one:1", "docker:two:2"], True)

    on_device(scenario)


def test_those_of_what_is_deployed_already_are_noted_each_time(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(request(bench.folder, services("one:1")))
        await bench.restart()
        await bench.deploy(LocalRequest())
        assert bench.images.asked == ["docker:one:1"]
        assert bench.images.settled[-1] == (["docker:one:1"], True)

    on_device(scenario)


def test_another_image_behind_the_name_is_new_content(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(request(bench.folder, services("one:1")))
        before = bench.runner.running[APP].content_id
        bench.images.image_id = "sha256:2"
        await bench.deploy(LocalRequest())
        assert bench.runner.running[APP].content_id != before

    on_device(scenario)


def test_a_file_in_the_work_folder_counts_and_one_elsewhere_does_not(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        work = bench.paths.work_folder(APP)
        work.mkdir()
        (work / "docker-compose.yml").write_text(services("one:1"))
        (bench.folder / "other.yaml").write_text(services("two:1"))
        run = f"docker-compose up -d; docker-compose -f {bench.folder}/other.yaml up"
        await bench.deploy(request(bench.folder, "", run))
        assert bench.images.asked == ["docker:one:1"]

    on_device(scenario)


def test_an_engine_that_is_not_there_yet_is_no_failure(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.images.error = EngineUnavailable("cannot reach the engine")
        record = await bench.deploy(request(bench.folder, services("one:1")))
        assert record.detailed is DetailedStatus.SUCCESSFUL
        assert any("not fetched yet" in warning for warning in record.warnings)

    on_device(scenario)


@pytest.mark.parametrize("error", [ImageNotFound("no such image"), RegistryFailed("503")])
def test_an_image_that_cannot_be_had_is_one(on_device: OnDevice, error: Exception) -> None:
    async def scenario(bench: Any) -> None:
        bench.images.error = error
        record = await bench.deploy(request(bench.folder, services("one:1")))
        assert record.detailed is DetailedStatus.FAILED_NO_STATE_CHANGE
        assert list(bench.paths.artifacts.iterdir()) == []

    on_device(scenario)


def test_a_faulty_file_is_a_warning(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        record = await bench.deploy(request(bench.folder, "services: ["))
        assert record.detailed is DetailedStatus.SUCCESSFUL
        assert any("compose.yaml: it is no YAML" in warning for warning in record.warnings)

    on_device(scenario)


def test_the_engines_socket_in_a_service_is_told(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        service = {"image": "one:1", "volumes": ["/var/run/docker.sock:/var/run/docker.sock"]}
        record = await bench.deploy(
            request(bench.folder, json.dumps({"services": {"watcher": service}}))
        )
        (warning,) = (text for text in record.warnings if "socket" in text)
        assert warning.startswith(f"{WHO}: the service watcher mounts the engine's own socket")

    on_device(scenario)


def test_who_brings_images_by_itself_is_left_to_it(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        run = f"docker load -i {{artifacts:path}}/x.tar && {UP}"
        await bench.deploy(request(bench.folder, services("one:1"), run))
        assert bench.images.asked == []

    on_device(scenario)


def image(uri: str, *who: str) -> EnsuredImage:
    reference = parse_artifact_uri(uri)
    return EnsuredImage(uri, "sha256:1", None, True, reference=reference, needed_by=who)


def test_what_an_artifact_brought_is_not_asked_for_again() -> None:
    present = [image("docker:docker.io/library/mysql:8.0", "a 1.0.0")]
    named = [("a 1.0.0", "mysql:8.0"), ("b 1.0.0", "mysql:8.0"), ("b 1.0.0", "mysql:8.0")]
    wanted = wanted_images(named, present, [])
    assert wanted.requests == ()
    assert [(i.uri, i.needed_by) for i in wanted.shared] == [("docker:mysql:8.0", ("b 1.0.0",))]


def test_who_names_the_same_image_asks_for_it_once() -> None:
    named = [("a 1.0.0", "x:1"), ("b 1.0.0", "x:1"), ("a 1.0.0", "docker.io/library/x:1")]
    assert wanted_images(named, [], []).requests == (
        ImageRequest("docker:x:1", ("a 1.0.0", "b 1.0.0")),
    )


@pytest.mark.parametrize("name", ["", "UPPER:1", "a b", "x:", "${X}"])
def test_a_text_that_names_no_image_is_told(name: str) -> None:
    warnings: list[str] = []
    assert wanted_images([("a 1.0.0", name)], [], warnings).requests == ()
    assert len(warnings) == 1
    assert warnings[0].startswith("a 1.0.0: its compose file names an image: ")


@pytest.mark.parametrize(
    ("steps", "looks"),
    [
        (Steps(run=Step("docker-compose up")), True),
        (Steps(startup=Step("docker compose up -d")), True),
        (Steps(run=Step("docker run x")), False),
        (Steps(shutdown=Step("docker-compose down")), False),
        (Steps(), False),
    ],
)
def test_only_who_names_compose_is_looked_at(steps: Steps, looks: bool) -> None:
    assert uses_compose(steps) is looks
