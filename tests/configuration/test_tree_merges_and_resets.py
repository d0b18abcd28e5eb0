"""Component configuration: merge, reset, defaults and time stamps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from greendock.config.tree import Leaf, dump, from_plain, load, merge, to_plain, updated, without

keys = st.text(alphabet="ab/~", min_size=0, max_size=2)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
maps = st.dictionaries(keys, values, max_size=4)


def model_merge(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {
            k: model_merge(old[k], new[k]) if k in old and k in new else new.get(k, old.get(k))
            for k in {**old, **new}
        }
    return new


def plain(node: object) -> Any:
    return to_plain(node)  # type: ignore[arg-type]


@given(maps, maps)
def test_a_newer_update_wins_everywhere_like_a_plain_deep_merge(old: dict, new: dict) -> None:
    merged, kept = merge(from_plain(old, 5), new, 6)
    assert plain(merged) == model_merge(old, new)
    assert kept == []


@given(maps)
def test_dump_and_load_keep_values_and_time_stamps(value: dict) -> None:
    node = from_plain(value, 7)
    assert load(dump(node)) == node
    assert plain(node) == value


def has_empty_map(value: Any) -> bool:
    return isinstance(value, dict) and (not value or any(map(has_empty_map, value.values())))


@given(maps, maps)
def test_an_older_update_changes_no_existing_leaf(old: dict, new: dict) -> None:
    assume(not has_empty_map(old))  # an empty map has no leaf, so no time stamp protects it
    merged, _ = merge(from_plain(old, 9), new, 8)
    unchanged, _ = merge(merged, old, 9)
    assert plain(unchanged) == plain(merged)


def test_lists_and_scalars_replace_whole_and_null_is_a_value() -> None:
    tree = from_plain({"list": [1, 2], "map": {"a": 1}}, 1)
    merged, _ = merge(tree, {"list": [3], "map": {"a": None}}, 2)
    assert plain(merged) == {"list": [3], "map": {"a": None}}


def test_what_the_device_set_later_is_kept_and_named() -> None:
    tree, _ = merge(from_plain({"a": {"b/c": 1}}, 1), {"a": {"b/c": 2}}, 100)
    merged, kept = merge(tree, {"a": {"b/c": 3, "d": 4}}, 50)
    assert plain(merged) == {"a": {"b/c": 2, "d": 4}}
    assert kept == ["/a/b~1c"]


def test_a_new_default_replaces_an_old_default_but_never_a_deployed_value() -> None:
    first, _ = updated(
        None, {"a": 1, "b": 1, "gone": 1}, merge_value={"b": 5}, reset=(), timestamp_ms=10
    )
    second, _ = updated(first, {"a": 2, "b": 2}, merge_value=None, reset=(), timestamp_ms=20)
    assert plain(second) == {"a": 2, "b": 5}


def test_reset_comes_before_merge_and_brings_the_default_back() -> None:
    first, _ = updated(
        None, {"a": 1}, merge_value={"a": 5, "x": {"y": 1, "z": 2}}, reset=(), timestamp_ms=10
    )
    second, _ = updated(
        first, {"a": 1}, merge_value={"n": 1}, reset=("/a", "/x/y"), timestamp_ms=20
    )
    assert plain(second) == {"a": 1, "x": {"z": 2}, "n": 1}
    third, _ = updated(second, {"a": 1}, merge_value=None, reset=("",), timestamp_ms=30)
    assert plain(third) == {"a": 1}


@pytest.mark.parametrize(
    ("pointer", "left"),
    [("/a~1b", {"m~n": 2}), ("/m~0n", {"a/b": 1}), ("/none", {"a/b": 1, "m~n": 2}), ("", {})],
)
def test_pointers_unescape_their_parts(pointer: str, left: dict) -> None:
    assert plain(without(from_plain({"a/b": 1, "m~n": 2}, 1), pointer)) == left


def test_keys_are_found_in_any_case_and_keep_their_spelling() -> None:
    tree = from_plain({"Server": {"logLevel": "INFO"}, "log": 1, "LOG": 2}, 1)
    merged, _ = merge(tree, {"SERVER": {"loglevel": "WARN", "new": 1}, "log": 3}, 2)
    assert plain(merged) == {"Server": {"logLevel": "WARN", "new": 1}, "log": 3, "LOG": 2}
    assert plain(without(merged, "/server/LOGLEVEL")) == {
        "Server": {"new": 1},
        "log": 3,
        "LOG": 2,
    }


def test_a_pointer_without_a_slash_is_refused() -> None:
    with pytest.raises(ValueError, match="has to start with /"):
        without(from_plain({"a": 1}, 1), "a")


def test_an_empty_map_is_kept_as_a_value() -> None:
    tree, _ = updated(None, {"m": {}}, merge_value=None, reset=(), timestamp_ms=3)
    assert plain(tree) == {"m": {}}
    assert isinstance(from_plain(1, 1), Leaf)
