"""YAML and JSON values: typed keys keep the written text, free-form maps get JSON-like values."""

from pathlib import Path

import pytest

from greendock.recipe.document import read_document
from greendock.recipe.nodes import plain_value
from greendock.recipe.parse import check_text, parse_text
from greendock.recipe.report import Report
from greendock.recipe.scalars import compact_json, scalar_text, value_of

HEAD = "RecipeFormatVersion: 2020-01-25\nComponentName: a.b\nComponentVersion: 1.0.0\n"
PATH = Path("r.yaml")


def recipe_of(text, *, is_json=False):
    recipe, findings = check_text(text.encode(), PATH, is_json=is_json)
    assert recipe is not None, findings
    return recipe


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("nUll", "nUll"),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("tRue", "tRue"),
        ("false", False),
        ("yes", "yes"),
        ("on", "on"),
        ("y", "y"),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("1.10", 1.1),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("010", "010"),
        ("012", "012"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("12:30", "12:30"),
        ("2020-01-25", "2020-01-25"),
        ("=", "="),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("1.2.3", "1.2.3"),
        ("٣", "٣"),
        ("9" * 65, "9" * 65),
    ],
)
def test_unquoted_text_means(text, value):
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (None, "null"),
        (True, "true"),
        (2, "2"),
        (2.0, "2"),
        (-0.5, "-0.5"),
        (1e300, "1e+300"),
    ],
)
def test_a_value_as_text(value, text):
    assert scalar_text(value) == text


def test_compact_json_sorts_keys_and_prints_integral_floats_as_integers():
    assert compact_json({"b": [1.0, {"z": 2.5}], "a": "é"}) == '{"a":"é","b":[1,{"z":2.5}]}'


@pytest.mark.parametrize(
    "written", ["on", "1.10", "2020-01-25", "012", "1_000", "0x1F", "12:30", "=", "123456789012"]
)
def test_a_typed_text_key_gets_what_was_written(written):
    recipe = recipe_of(f"{HEAD}ComponentPublisher: {written}\nManifests: [{{}}]\n")
    assert recipe.publisher == written


def test_a_version_requirement_keeps_its_trailing_zero():
    recipe = recipe_of(
        f"{HEAD}ComponentDependencies: {{x: {{VersionRequirement: 1.10}}}}\nManifests: [{{}}]\n"
    )
    assert recipe.dependencies[0].requirement == "1.10"


def test_all_digit_names_are_text():
    recipe = recipe_of(
        "RecipeFormatVersion: 2020-01-25\nComponentName: 123\nComponentVersion: 1.0.0\n"
        "ComponentDependencies: {456: {VersionRequirement: 1}}\nManifests: [{Name: 1_0}]\n"
    )
    assert recipe.name == "123"
    assert recipe.dependencies[0].component == "456"
    assert recipe.manifests[0].name == "1_0"


def test_free_form_maps_get_json_like_values():
    recipe = recipe_of(
        f"{HEAD}Manifests: [{{}}]\nComponentConfiguration:\n  DefaultConfiguration:\n"
        "    a: true\n    b: yes\n    c: 010\n    d: 1.5\n    e: ~\n    f: '1'\n"
        "    g: [1, {h: on}]\n"
        "    2020-01-25: 1_000\n"
    )
    assert recipe.default_configuration == {
        "a": True,
        "b": "yes",
        "c": "010",
        "d": 1.5,
        "e": None,
        "f": "1",
        "g": [1, {"h": "on"}],
        "2020-01-25": "1_000",
    }


def test_scripts_and_environment_variables_keep_their_text():
    recipe = recipe_of(
        f"{HEAD}Manifests:\n- Lifecycle:\n    SetEnv: {{A: 1.10, B: 0x1F, C: True, D: ~}}\n"
        "    Run: {Script: 1.10, Timeout: 1.50}\n"
    )
    assert recipe.manifests[0].lifecycle == {
        "SetEnv": {"A": "1.10", "B": "0x1F", "C": "True", "D": None},
        "Run": {"Script": "1.10", "Timeout": 1.5},
    }


def test_numbers_of_json_may_have_been_floats():
    recipe = recipe_of(
        '{"RecipeFormatVersion": "2020-01-25", "ComponentName": "a", "ComponentVersion": "1.0.0",'
        '"Manifests": [{"Lifecycle": {"setenv": {"A": 2.0}}}]}',
        is_json=True,
    )
    assert scalar_text(recipe.manifests[0].lifecycle["setenv"]["A"]) == "2"


@pytest.mark.parametrize(
    "text",
    [
        "---\na: 1",
        "a: 1\n...\n",
        "\ufeffa: 1",
        "# first\na: 1 # second",
        "a: 1\r\n",
        "%YAML 1.2\n---\na: 1",
        "!!map {!!str a: !!int '1'}",
    ],
)
def test_ways_to_write_the_same_document(text):
    assert plain_value(tree(text)) == {"a": 1}


def test_anchors_and_merge_keys():
    text = "base: &b {a: 1, b: 2}\nx: {<<: *b, b: 3}\ny: {<<: [{a: 9}, *b]}\nz: *b\n"
    assert plain_value(tree(text)) == {
        "base": {"a": 1, "b": 2},
        "x": {"a": 1, "b": 3},
        "y": {"a": 9, "b": 2},
        "z": {"a": 1, "b": 2},
    }


def test_a_json_file_may_hold_surrogate_pairs_and_escaped_slashes():
    assert plain_value(tree(r'{"a": "\ud83d\ude00 \/"}', is_json=True)) == {"a": "\U0001f600 /"}


def test_the_stored_text_reads_as_the_same_recipe():
    recipe = recipe_of("\ufeff" + HEAD + "Manifests: [{Lifecycle: {Run: echo é}}]\n")
    assert parse_text(recipe.text, PATH, is_json=False) == recipe
    assert not recipe.text.startswith("\ufeff")


def tree(text, *, is_json=False):
    report = Report()
    document = read_document(text.encode(), report, is_json=is_json)
    assert document is not None, report.sorted()
    assert not report.has_errors
    return document.root
