"""Recipe variables in all namespaces, and what stays as written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.base.errors import ConfigurationError
from greendock.recipe.interpolate import Namespace, interpolate

OWN = Namespace(
    Path("/r/packages/artifacts/a/1.0.0"),
    Path("/r/packages/artifacts-unarchived/a/1.0.0"),
    Path("/r/work/a"),
    {
        "text": "it's",
        "two": 2,
        "float": 2.0,
        "half": 0.5,
        "yes": True,
        "nothing": None,
        "map": {"b": 1.0, "a": ["x", {"c": "é"}]},
        "list": ["zero", {"one": 1}],
        "a/b": {"m~n": "escaped"},
        "": "empty key",
        "inner": "{b.c:work:path} {artifacts:path}",
    },
)
OTHER = Namespace(Path("/o/a"), Path("/o/u"), Path("/o/w"), {"key": "other"})


def fill(value, **options):
    return interpolate(value, OWN, {"b.c": OTHER}, Path("/r"), "thing", **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{artifacts:path}/x.sh", "/r/packages/artifacts/a/1.0.0/x.sh"),
        ("{artifacts:decompressedPath}", "/r/packages/artifacts-unarchived/a/1.0.0"),
        ("{work:path}", "/r/work/a"),
        ("{kernel:rootPath}", "/r"),
        ("{iot:thingName}", "thing"),
        ("{configuration:/text}", "it's"),
        ("{configuration:/two}{configuration:/float}", "22"),
        ("{configuration:/half}", "0.5"),
        ("{configuration:/yes}", "true"),
        ("{configuration:/nothing}", "null"),
        ("{configuration:/map}", '{"a":["x",{"c":"é"}],"b":1}'),
        ("{configuration:/list/0}", "zero"),
        ("{configuration:/list/1/one}", "1"),
        ("{configuration:/list}", '["zero",{"one":1}]'),
        ("{configuration:/a~1b/m~0n}", "escaped"),
        ("{configuration:/}", "empty key"),
        ("{b.c:work:path}", "/o/w"),
        ("{b.c:artifacts:path}", "/o/a"),
        ("{b.c:artifacts:decompressedPath}", "/o/u"),
        ("{b.c:configuration:/key}", "other"),
        ("{b.c:configuration:}", '{"key":"other"}'),
        ("${artifacts:path}", "$/r/packages/artifacts/a/1.0.0"),
        ("{{work:path}}", "{/r/work/a}"),
        ("no variable { } {} {:} {a}", "no variable { } {} {:} {a}"),
        (
            "docker ps --format '{{.Names}} {{json .}}'",
            "docker ps --format '{{.Names}} {{json .}}'",
        ),
    ],
)
def test_a_text_is_filled_in(text, expected):
    assert fill(text) == (expected, ())


def test_text_of_the_first_pass_is_seen_by_the_second_only():
    assert fill("{configuration:/inner}") == ("/o/w {artifacts:path}", ())


@pytest.mark.parametrize(
    "text",
    [
        "{configuration:/missing}",
        "{configuration:text}",
        "{configuration:/text/x}",
        "{configuration:/list/9}",
        "{configuration:/list/-}",
        "{configuration:/list/01}",
        "{configuration:/a~2b}",
        "{artifacts:Path}",
        "{Artifacts:path}",
        "{nowhere:x}",
        "{kernel:root}",
        "{x.y:work:path}",
        "{b.c:kernel:rootPath}",
        "{b.c:configuration:/missing}",
    ],
)
def test_what_has_no_value_stays_and_is_reported(text):
    assert fill(f"a {text} b") == (f"a {text} b", (text,))


@pytest.mark.parametrize("text", ["${VAR:-x}", "${VAR:=x}", "${a:b:c}", "$" + "{VAR:/x}"])
def test_shell_text_stays_quietly(text):
    assert fill(text) == (text, ())


def test_values_of_maps_and_lists_are_filled_in_but_keys_are_not():
    value = {"{work:path}": ["{work:path}", 1, None, {"a": "{iot:thingName}"}]}
    assert fill(value) == ({"{work:path}": ["/r/work/a", 1, None, {"a": "thing"}]}, ())


def test_a_configuration_can_use_system_namespaces_only():
    value = ["{work:path}", "{b.c:work:path}", "{configuration:/two}", "{b.c:configuration:/key}"]
    filled, unresolved = fill(value, in_configuration=True)
    assert filled == ["/r/work/a", "/o/w", *value[2:]]
    assert unresolved == tuple(value[2:])


def test_unresolved_variables_are_named_once():
    assert fill(["{a:b}", "{a:b} {c:d}"])[1] == ("{a:b}", "{c:d}")


def test_an_absurd_amount_of_text_is_refused():
    own = Namespace(Path("/a"), Path("/b"), Path("/c"), {"big": "x" * 1_000_000})
    with pytest.raises(ConfigurationError) as caught:
        interpolate("{configuration:/big}" * 20, own, {}, Path("/r"), "t")
    assert caught.value.codes == ("CONFIG_INTERPOLATE_ERROR",)


@pytest.mark.parametrize("part", ["{a:", "{a:b:", "{", "{a", "{a:{", "{a:b:{c", "a:}"])
def test_long_texts_that_almost_match_stay_as_they_are(part):
    """Half a million characters: anything but linear time would not end."""
    text = part * (500_000 // len(part))
    assert fill(text) == (text, ())


PIECES = ["{", "}", ":", "$", "/", "a", "configuration", "artifacts", "path", "b.c", "work", "~"]


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_filling_in_never_fails_and_what_it_reports_is_still_there(pieces):
    text = "".join(pieces)
    filled, unresolved = fill(text)
    assert isinstance(filled, str)
    for placeholder in unresolved:
        assert placeholder in filled
    if not unresolved and "{" not in filled:
        assert fill(filled) == (filled, ())


@given(st.text())
def test_text_without_a_brace_stays(text):
    cleaned = text.replace("{", "")
    assert fill(cleaned) == (cleaned, ())
