"""Properties of the reader: it never crashes, places are right, hostile documents are cheap."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greendock.recipe.document import read_document
from greendock.recipe.findings import Severity
from greendock.recipe.nodes import plain_value
from greendock.recipe.parse import check_text, parse_text
from greendock.recipe.report import Report
from greendock.recipe.steps import read_steps

PATH = Path("r.yaml")
DOCUMENTS = Path(__file__).parent / "documents"
TEXTS = [path.read_text() for path in sorted(DOCUMENTS.iterdir())]
TOKENS = [
    *"{}[]:,-?&*!|>'\"%@`#~=<\t\n \\",
    "<<",
    "---",
    "...",
    "é",
    "\u2028",
    "\x85",
    "1_0",
    "\r",
]


def assert_sound(data, *, is_json):
    recipe, findings = check_text(data, PATH, is_json=is_json)
    assert (recipe is None) == any(f.severity is Severity.ERROR for f in findings)
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for finding in findings:
        assert 1 <= finding.line <= lines
        assert finding.column >= 1
    if recipe is not None:
        again = parse_text(recipe.text, PATH, is_json=is_json)
        assert again == recipe
        for manifest in recipe.manifests:
            assert_steps_are_readable(manifest.lifecycle)


def assert_steps_are_readable(lifecycle):
    """What passed the check also passes when it runs, unless a variable decides."""
    if "{" not in json.dumps(list(map(str, lifecycle.values()))):
        read_steps(lifecycle, "a")


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes(data, is_json):
    assert_sound(data, is_json=is_json)


@given(
    st.lists(st.one_of(st.sampled_from(TOKENS), st.text(max_size=4)), max_size=40), st.booleans()
)
def test_any_text(pieces, is_json):
    assert_sound("".join(pieces).encode("utf-8", "surrogatepass"), is_json=is_json)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(TEXTS), st.data())
def test_mutated_recipes(text, data):
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(start + 20, len(text))))
        piece = data.draw(st.one_of(st.sampled_from(TOKENS), st.text(max_size=3)))
        text = text[:start] + piece + text[end:]
    assert_sound(text.encode("utf-8", "surrogatepass"), is_json=text.startswith("{"))


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs", "Cc"])), inner, max_size=4
        ),
    ),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_json_text_reads_back_as_itself(value, is_ascii):
    text = json.dumps(value, ensure_ascii=is_ascii, indent=1)
    report = Report()
    document = read_document(text.encode(), report, is_json=True)
    assert document is not None
    assert plain_value(document.root) == value
    assert not report.has_errors


@given(VALUES)
def test_places_of_json_point_at_the_text_of_the_value(value):
    text = json.dumps(value, ensure_ascii=False, indent=1)
    document = read_document(text.encode(), Report(), is_json=True)
    assert document is not None
    lines = text.split("\n")
    for pointer, (key, place) in document.positions().items():
        found = looked_up(value, pointer)
        rest = "\n".join([lines[place.line - 1][place.column - 1 :], *lines[place.line :]])
        assert json.JSONDecoder().raw_decode(rest)[0] == found
        if pointer and lines[key.line - 1][key.column - 1] == '"':
            assert key <= place


def looked_up(value, pointer):
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


@pytest.mark.parametrize(
    "text",
    [
        "é: \U0001f600 x\nkey: value\nlist:\n  - one\n  - 'two'\nmap: {a: b, \U0001f600: d}\n",
        "é: \U0001f600 x\r\nkey: value\r\nlist:\r\n- one\r\n- two\r\nmap: {a: b}\r\n",
        "\ufeffkey: value\nlist: [one, two]\n",
    ],
)
def test_places_of_yaml_point_at_the_text(text):
    document = read_document(text.encode(), Report(), is_json=False)
    assert document is not None
    lines = document.text.splitlines()
    values = plain_value(document.root)
    seen = 0
    for pointer, (key, place) in document.positions().items():
        found = looked_up(values, pointer)
        if isinstance(found, str):
            at = lines[place.line - 1][place.column - 1 :]
            assert at.lstrip("'").startswith(found)
            seen += 1
        name = pointer.rpartition("/")[2]
        if pointer and not name.isdigit():
            assert lines[key.line - 1][key.column - 1 :].startswith(name)
    assert seen >= 3
    assert document.value_place(["list", 1]) == document.positions()["/list/1"][1]
    assert document.key_place(["list", 7]) is None


def test_an_expanding_document_is_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    recipe, findings = check_text("\n".join(lines).encode(), PATH, is_json=False)
    assert recipe is None
    assert [f.rule for f in findings] == ["too-large"]


def test_aliases_cannot_nest_deeper_than_a_document():
    lines = ["a0: &a0 " + "[" * 90 + "]" * 90]
    lines += [f"a{i}: &a{i} [{'[' * 89}*a{i - 1}{']' * 89}]" for i in range(1, 50)]
    recipe, findings = check_text("\n".join(lines).encode(), PATH, is_json=False)
    assert recipe is None
    assert [f.rule for f in findings] == ["too-deep"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[{a: "])
@pytest.mark.parametrize("is_json", [False, True])
def test_deep_nesting_does_not_end_the_process(opening, is_json):
    text = opening * (900_000 // len(opening))
    recipe, findings = check_text(text.encode(), PATH, is_json=is_json)
    assert recipe is None
    assert len(findings) == 1


HOSTILE = [
    "Run: {timeout: '" + "{a:" * 200_000 + "'}",
    "Run: {skipif: '" + "onpath " * 100_000 + "'}",
    "Run: {skipif: '" + " " * 500_000 + "x'}",
    "Run: '" + "[:tag" * 150_000 + "'",
    "Run: '" + "account-id" * 80_000 + "'",
    "{" + ",".join(f"<<: {{k{i}: 1}}" for i in range(20_000)) + "}",
]


@pytest.mark.parametrize("lifecycle", HOSTILE)
def test_long_hostile_lifecycles_are_checked_in_linear_time(lifecycle):
    """Anything but linear time would not end."""
    head = "RecipeFormatVersion: 2020-01-25\nComponentName: a\nComponentVersion: 1.0.0\n"
    text = f"{head}Manifests:\n- Lifecycle:\n    {lifecycle}\n"
    _, findings = check_text(text.encode(), PATH, is_json=False)
    assert all(len(f.message) < 1000 and len(f.fix) < 1000 for f in findings)
