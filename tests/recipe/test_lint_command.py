"""`greendock lint`: exit codes, text and JSON output, which files of a folder count."""

import json
from pathlib import Path

import pytest

from greendock.cli.main import main

GOOD = (
    "RecipeFormatVersion: 2020-01-25\nComponentName: a.b\nComponentVersion: 1.0.0\n"
    "Manifests: [{Lifecycle: {Run: x}}]\n"
)
WARNED = GOOD + "Foo: 1\n"
BAD = GOOD.replace("a.b", "a b")
BAD_IMAGE = GOOD.replace("{Run: x}}", "{Run: x}, Artifacts: [{URI: 'docker:a/UPPER:1'}]}")


@pytest.fixture
def run(capsys):
    def run_lint(*arguments):
        code = main(["lint", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run_lint


def write(folder, **texts):
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_text(text)


def test_a_good_recipe(tmp_path, run):
    write(tmp_path, good_yaml=GOOD)
    code, out, err = run(tmp_path / "good.yaml")
    assert (code, out, err) == (0, "checked 1 file: 0 errors, 0 warnings\n", "")


def test_warnings_do_not_count(tmp_path, run):
    write(tmp_path, warned_yaml=WARNED)
    path = tmp_path / "warned.yaml"
    code, out, _ = run(path)
    assert code == 0
    assert out.splitlines() == [
        f"{path}:5:1: warning [unknown-key] a recipe has no key 'Foo'; it is ignored",
        "    fix: remove it",
        "checked 1 file: 0 errors, 1 warning",
    ]


def test_errors_count(tmp_path, run):
    write(tmp_path, bad_yaml=BAD)
    code, out, _ = run(tmp_path / "bad.yaml")
    assert code == 1
    assert f"{tmp_path}/bad.yaml:2:16: error [component-name] " in out


def test_the_json_shape(tmp_path, run):
    write(tmp_path, bad_yaml=BAD, good_yaml=GOOD)
    code, out, err = run("--json", tmp_path)
    assert (code, err) == (1, "")
    assert json.loads(out) == {
        "files": [
            {
                "path": f"{tmp_path}/bad.yaml",
                "findings": [
                    {
                        "severity": "error",
                        "rule": "component-name",
                        "line": 2,
                        "column": 16,
                        "message": "ComponentName cannot be 'a b'",
                        "fix": "use letters, digits, '-', '_' and '.', "
                        "for example com.example.MyComponent",
                    }
                ],
            },
            {"path": f"{tmp_path}/good.yaml", "findings": []},
        ]
    }


def test_image_names_are_checked_at_the_place_of_the_uri(tmp_path, run):
    write(tmp_path, image_yaml=BAD_IMAGE)
    code, out, _ = run("--json", tmp_path / "image.yaml")
    assert code == 1
    (finding,) = json.loads(out)["files"][0]["findings"]
    assert (finding["rule"], finding["line"], finding["column"]) == ("docker-image", 4, 53)


def test_an_image_that_is_not_pinned_is_warned_about(tmp_path, run):
    write(tmp_path, image_yaml=BAD_IMAGE.replace("a/UPPER:1", "mysql"))
    code, out, _ = run("--json", tmp_path / "image.yaml")
    assert code == 0
    assert [f["rule"] for f in json.loads(out)["files"][0]["findings"]] == ["docker-image"]


def test_only_recipes_of_a_folder_are_checked(tmp_path, run):
    below = tmp_path / "deep" / "recipes"
    below.mkdir(parents=True)
    write(below, a_YAML=GOOD, b_yml=GOOD.replace("RecipeF", "recipef"), c_txt=BAD)
    write(below, d_yaml="version: '3'\nservices: {}\n", e_json="[1]", f_yaml="a: [")
    write(below, g_json='{"RecipeFormatVersion": "2020-01-25"', h_yaml="- x\n")
    for skipped in (".hidden", "artifacts"):
        (tmp_path / skipped).mkdir()
        write(tmp_path / skipped, x_yaml=BAD)
    code, out, _ = run("--json", tmp_path)
    names = [Path(file["path"]).name for file in json.loads(out)["files"]]
    assert names == ["a.YAML", "b.yml", "g.json"]
    assert code == 1


def test_a_named_file_always_counts(tmp_path, run):
    write(tmp_path, compose_txt="version: '3'\n")
    code, out, _ = run("--json", tmp_path / "compose.txt")
    assert code == 1
    assert len(json.loads(out)["files"]) == 1


def test_a_file_named_twice_is_checked_once(tmp_path, run):
    write(tmp_path, good_yaml=GOOD)
    _, out, _ = run(tmp_path, tmp_path / "good.yaml")
    assert out == "checked 1 file: 0 errors, 0 warnings\n"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_wrong_usage(tmp_path, run, options):
    assert run(*options, tmp_path / "missing.yaml")[0] == 2
    assert run(*options, tmp_path)[0] == 2
    assert run(*options)[0] == 2


def test_nothing_is_printed_about_other_files_when_a_path_is_missing(tmp_path, run):
    write(tmp_path, bad_yaml=BAD)
    code, out, err = run(tmp_path / "bad.yaml", tmp_path / "missing")
    assert (code, out) == (2, "")
    assert "missing" in err


def test_an_unreadable_file_is_a_finding(run):
    code, out, _ = run("--json", "/proc/self/mem")
    assert code == 1
    (finding,) = json.loads(out)["files"][0]["findings"]
    assert finding["rule"] == "unreadable-file"


def test_text_for_the_terminal_is_escaped(tmp_path, run):
    path = tmp_path / "a\x1b[2J.yaml"
    path.write_text(GOOD + '"\\e[2J": 1\nComponentDependencies: {"\\e[1m": 1}\n')
    code, out, _ = run(path)
    assert code == 1
    assert "\x1b" not in out
    assert "\\x1b" in out


def test_help_shows_examples_and_exit_codes(run):
    code, out, _ = run("--help")
    assert code == 0
    assert "greendock lint recipe.yaml" in out
    assert "exit codes: 0 no error" in out


def test_the_examples_of_the_project_pass_once_placeholders_are_filled(run):
    examples = Path(__file__).parents[2] / "examples"
    for name in ("compose", "archive", "private-ecr", "ipc"):
        code, out, _ = run(examples / name)
        assert code == 0, out
