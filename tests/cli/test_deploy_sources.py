"""`greendock deploy PATH…` finds recipes and artifacts, and refuses what would fail later."""

from __future__ import annotations

import json

import pytest

from greendock.cli.artifact_fit import Folder, Need, judge, texts_in
from greendock.cli.main import main
from greendock.deployment.document import FailurePolicy

ID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def deploy(core, capsys):
    """Deploys without waiting; gives the exit code, what was sent and what was said."""

    def run(*argv: object):
        code = main(["deploy", "--no-wait", *map(str, argv)])
        sent = core.deployments.requests[-1] if core.deployments.requests else None
        return code, sent, capsys.readouterr()

    return run


def test_a_folder_gives_all_its_recipes_and_its_artifacts(deploy, write_recipe, tmp_path):
    a = write_recipe(tmp_path / "app" / "recipes" / "a.yaml", "com.example.A")
    b = write_recipe(tmp_path / "app" / "deep" / "er" / "b.yml", "com.example.B", "2.1.0")
    write_recipe(tmp_path / "app" / "artifacts" / "com.example.A" / "1.0.0" / "c.yaml", "No")
    write_recipe(tmp_path / "app" / ".git" / "d.yaml", "No")
    (tmp_path / "app" / "compose.yaml").write_text("services: {}\n")
    code, sent, shown = deploy(tmp_path / "app")
    assert (code, shown.out) == (0, f"Local deployment submitted! Deployment Id: {ID}\n")
    assert sent.merge == {"com.example.A": "1.0.0", "com.example.B": "2.1.0"}
    assert set(sent.recipe_paths) == {a, b}
    assert sent.artifact_folders == (tmp_path / "app" / "artifacts",)
    assert sent.failure_policy is FailurePolicy.ROLLBACK
    assert shown.err == ""


def test_a_file_brings_the_artifacts_beside_it(deploy, write_recipe, tmp_path):
    recipe = write_recipe(tmp_path / "recipes" / "a.yaml", "com.example.A")
    write_recipe(tmp_path / "recipes" / "b.yaml", "com.example.B")
    for name in ("com.example.A", "com.example.B"):
        (tmp_path / "artifacts" / name / "1.0.0").mkdir(parents=True)
    code, sent, shown = deploy(recipe)
    assert code == 0
    assert sent.recipe_paths == (recipe,)
    assert sent.artifact_folders == (tmp_path / "artifacts",)
    assert shown.err == ""


def test_what_gdk_builds(deploy, write_recipe, tmp_path):
    (tmp_path / "gdk-config.json").write_text("{}")
    write_recipe(tmp_path / "recipe.yaml", "'{COMPONENT_NAME}'", "'{COMPONENT_VERSION}'")
    built = write_recipe(
        tmp_path / "greengrass-build" / "recipes" / "recipe.yaml", "com.example.A"
    )
    (tmp_path / "greengrass-build" / "artifacts").mkdir()
    for named in (tmp_path, tmp_path / "greengrass-build"):
        code, sent, _ = deploy(named)
        assert code == 0
        assert sent.recipe_paths == (built,)
        assert sent.artifact_folders == (tmp_path / "greengrass-build" / "artifacts",)


def test_options_go_along(deploy, write_recipe, tmp_path):
    recipe = write_recipe(tmp_path / "a.yaml", "com.example.A")
    (tmp_path / "x").mkdir()
    code, sent, _ = deploy(
        recipe, "-a", tmp_path / "x", "--remove", "B", "-fp", "DO_NOTHING", "-g", "G"
    )
    assert code == 0
    assert sent.artifact_folders == (tmp_path / "x",)
    assert (sent.remove, sent.group) == (("B",), "thinggroup/G")
    assert sent.failure_policy is FailurePolicy.DO_NOTHING


def test_two_versions_of_one_name_have_to_be_chosen(deploy, write_recipe, tmp_path):
    write_recipe(tmp_path / "a.yaml", "com.example.A", "1.0.0")
    two = write_recipe(tmp_path / "b.yaml", "com.example.A", "2.0.0")
    code, sent, shown = deploy(tmp_path)
    assert (code, sent) == (2, None)
    assert "1.0.0 in " in shown.err
    assert "--merge com.example.A=VERSION" in shown.err
    code, sent, _ = deploy(tmp_path, "-m", "com.example.A=2.0.0")
    assert code == 0
    assert sent.recipe_paths == (two,)
    assert sent.merge == {"com.example.A": "2.0.0"}


def test_faulty_recipes_are_refused_with_all_findings(deploy, write_recipe, tmp_path):
    write_recipe(tmp_path / "a.yaml", "com.example.A", "one")
    write_recipe(tmp_path / "b.yaml", "'bad name'")
    code, sent, shown = deploy(tmp_path)
    assert (code, sent) == (1, None)
    assert f"{tmp_path / 'a.yaml'}:3:" in shown.err
    assert f"{tmp_path / 'b.yaml'}:2:" in shown.err
    assert "error: cannot deploy: 2 errors in the recipes" in shown.err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["no-such"], "no such file or folder"),
        (["empty"], "there is no recipe in it"),
        (["a.yaml", "-a", "no-such"], "is not a folder"),
        (["a.yaml", "--remove", "com.example.A"], "cannot both deploy and remove com.example.A"),
    ],
)
def test_paths_that_make_no_sense(deploy, write_recipe, tmp_path, monkeypatch, argv, said):
    write_recipe(tmp_path / "a.yaml", "com.example.A")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    code, sent, shown = deploy(*argv)
    assert (code, sent) == (2, None)
    assert said in shown.err


@pytest.fixture
def archive(write_recipe, tmp_path):
    """The archive example as documented: the folder has another name than the component."""
    write_recipe(
        tmp_path / "recipes" / "com.example.MyS3DockerComponent-1.0.0.yaml",
        "com.example.MyS3DockerComponent",
        script="'docker load -i {artifacts:path}/hello-world.tar'",
    )
    saved = tmp_path / "artifacts" / "com.example.MyDockerComponent" / "1.0.0"
    saved.mkdir(parents=True)
    (saved / "hello-world.tar").write_bytes(b"tar")
    return tmp_path


def test_an_artifact_under_another_name_is_refused_with_the_remedy(deploy, archive):
    code, sent, shown = deploy(archive)
    assert (code, sent) == (1, None)
    wrong = archive / "artifacts" / "com.example.MyDockerComponent" / "1.0.0"
    right = archive / "artifacts" / "com.example.MyS3DockerComponent" / "1.0.0"
    assert "hello-world.tar is not in its artifact folder" in shown.err
    assert str(wrong) in shown.err
    assert f"mkdir -p {right.parent} && mv {wrong} {right}" in shown.err


def test_the_remedy_mends_it(deploy, archive):
    import subprocess

    command = deploy(archive)[2].err.partition("mend it with: ")[2].strip()
    subprocess.run(["/bin/sh", "-c", command], check=True)
    code, sent, shown = deploy(archive)
    assert (code, shown.err) == (0, "")
    assert sent.artifact_folders == (archive / "artifacts",)


def test_a_folder_that_fits_nothing_is_a_warning(deploy, write_recipe, tmp_path):
    write_recipe(tmp_path / "a.yaml", "com.example.A")
    (tmp_path / "artifacts" / "com.example.Other" / "1.0.0").mkdir(parents=True)
    code, _, shown = deploy(tmp_path)
    assert code == 0
    assert shown.err.startswith("warning: no recipe that is deployed uses the artifact folder")
    assert "com.example.Other" in shown.err


NEED = Need("A", "1.0.0", ("run {artifacts:path}/main.py -x",), frozenset({"data.bin"}))


def folder(name: str, *files: str, version: str = "1.0.0") -> Folder:
    return Folder("/art", name, version, frozenset(files))


@pytest.mark.parametrize(
    ("folders", "missing"),
    [
        ([], []),
        ([folder("A", "main.py")], []),
        ([folder("B", "main.py")], [("main.py",)]),
        ([folder("B", "main.py", "data.bin", "else")], [("data.bin", "main.py")]),
        ([folder("A", "main.py", version="1.0.1")], [("main.py",)]),
        ([folder("A", "main.py"), folder("B", "main.py")], []),
        ([folder("B", "main.pyc", "main")], []),
        ([folder("B", "domain.py")], []),
        ([folder("Known", "main.py")], []),
    ],
)
def test_which_files_are_misplaced(folders, missing):
    fit = judge([NEED], folders, {("A", "1.0.0"), ("Known", "1.0.0")})
    assert [each.files for each in fit.misplaced] == missing


def test_a_file_moves_into_a_folder_that_is_there():
    fit = judge([NEED], [folder("A", "data.bin"), folder("B", "main.py")], {("A", "1.0.0")})
    assert fit.misplaced[0].command == "mv /art/B/1.0.0/main.py /art/A/1.0.0"
    assert fit.unused == []


def test_texts_are_found_at_any_depth():
    assert texts_in({"run": {"Script": "a", "n": 1}, "x": ["b", {"c": "d"}]}) == ["a", "b", "d"]


def test_json_refusals_are_one_object(core, archive, capsys):
    assert main(["deploy", str(archive), "--json"]) == 1
    shown = capsys.readouterr()
    assert "hello-world.tar" in json.loads(shown.out)["error"]["message"]
