"""The ten recipe blocks of the source document, exactly as printed."""

from pathlib import Path

import pytest

from greendock.recipe.findings import RecipeError, Severity
from greendock.recipe.model import Dependency
from greendock.recipe.parse import check_file, check_text, is_json_path, read_recipe

DOCUMENTS = Path(__file__).parent / "documents"
ALL = sorted(path.name for path in DOCUMENTS.iterdir())
WITH_PLACEHOLDERS = [name for name in ALL if name.startswith(("ipc", "private-ecr"))]
READY = [name for name in ALL if name not in WITH_PLACEHOLDERS]
PRINTED = "account-id.dkr.ecr.region.amazonaws.com/repository[:tag|@digest]"
FILLED = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/repository:1.0"


def test_all_ten_blocks_are_here():
    assert len(ALL) == 10
    assert len(WITH_PLACEHOLDERS) == 4


@pytest.mark.parametrize("name", READY)
def test_blocks_without_placeholders_pass_as_printed(name):
    recipe, findings = check_file(DOCUMENTS / name)
    assert findings == []
    assert recipe is not None
    assert recipe.version == "1.0.0"


@pytest.mark.parametrize("name", WITH_PLACEHOLDERS)
def test_blocks_with_placeholders_are_refused_as_printed(name):
    path = DOCUMENTS / name
    recipe, findings = check_file(path)
    assert recipe is None
    assert {(f.rule, f.severity) for f in findings} == {("placeholder", Severity.ERROR)}
    lines = path.read_text().splitlines()
    for finding in findings:
        assert PRINTED in lines[finding.line - 1]
        assert "[:tag|@digest]" in finding.message
        assert "123456789012.dkr.ecr.us-east-1.amazonaws.com/repository:1.0.0" in finding.fix
    assert len(findings) == 2


@pytest.mark.parametrize("name", WITH_PLACEHOLDERS)
def test_blocks_pass_once_their_placeholders_are_filled(name):
    path = DOCUMENTS / name
    text = path.read_text().replace(PRINTED, FILLED)
    recipe, findings = check_text(text.encode(), path, is_json=is_json_path(path))
    assert findings == []
    assert recipe is not None
    assert recipe.manifests[0].artifacts[0].uri == f"docker:{FILLED}"


@pytest.mark.parametrize("stem", ["compose", "archive-local", "archive-uploaded"])
def test_json_and_yaml_say_the_same(stem):
    yaml = read_recipe(DOCUMENTS / f"{stem}.yaml")
    json = read_recipe(DOCUMENTS / f"{stem}.json")
    assert yaml.manifests == json.manifests
    assert (yaml.name, yaml.dependencies, yaml.type) == (json.name, json.dependencies, json.type)


def test_the_content_of_the_compose_block():
    recipe = read_recipe(DOCUMENTS / "compose.yaml")
    assert recipe.name == "com.example.MyDockerComposeComponent"
    assert recipe.publisher == "Amazon"
    assert recipe.dependencies == (
        Dependency("aws.greengrass.DockerApplicationManager", "~2.0.0"),
    )
    manifest = recipe.manifests[0]
    assert manifest.platform == {"os": "all"}
    assert manifest.lifecycle == {
        "Run": "docker-compose -f {artifacts:path}/docker-compose.yaml up"
    }
    assert [(a.scheme, a.uri) for a in manifest.artifacts] == [
        ("docker", "docker:public.ecr.aws/cloudwatch-agent/cloudwatch-agent:latest"),
        ("docker", "docker:mysql:8.0"),
        ("s3", "s3://DOC-EXAMPLE-BUCKET/folder/docker-compose.yaml"),
    ]
    assert manifest.artifacts[2].file_name == "docker-compose.yaml"


def test_a_refused_file_raises_every_fault():
    with pytest.raises(RecipeError) as caught:
        read_recipe(DOCUMENTS / "ipc.yaml")
    assert len(caught.value.findings) == 2
    assert caught.value.codes == ("COMPONENT_PACKAGE_LOADING_ERROR", "RECIPE_PARSE_ERROR")


@pytest.mark.parametrize(
    ("example", "name"),
    [
        ("compose", "compose.yaml"),
        ("archive", "archive-local.yaml"),
        ("private-ecr", "private-ecr.yaml"),
        ("ipc", "ipc.yaml"),
    ],
)
def test_the_examples_are_the_documents_recipes(example, name):
    (path,) = (Path(__file__).parents[2] / "examples" / example / "recipes").iterdir()
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/repository:1.0.0"
    assert path.read_text() == (DOCUMENTS / name).read_text().replace(PRINTED, image)
    recipe = read_recipe(path)
    assert path.name == f"{recipe.name}-{recipe.version}.yaml"
