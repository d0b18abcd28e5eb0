"""What a component may change of its own configuration, leaf by leaf, and who is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.base.errors import UsageError
from greendock.config.changes import changed_leaves
from greendock.config.lookup import Found, is_below, look_up, without_hidden
from greendock.config.own_update import (
    DEEPEST,
    LARGEST_BYTES,
    LAST_TIMESTAMP_MS,
    MOST_VALUES,
    OwnUpdate,
    require_acceptable,
    updated_by,
)
from greendock.config.tree import Leaf, from_plain, leaves, load, to_plain, updated

keys = st.text(alphabet="abAB_", max_size=2)
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.floats(0, 1) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
maps = st.dictionaries(keys, values, max_size=4)


def updated_plain(old: Any, key_path: list[str], value: dict, at: int) -> tuple[Any, bool]:
    tree, is_newest = updated_by(load(old), OwnUpdate(tuple(key_path), value, at))
    return to_plain(tree), is_newest


# The first column is a tree as it is stored: a leaf is [value, time stamp].
@pytest.mark.parametrize(
    ("stored", "key_path", "value", "at", "after", "is_newest"),
    [
        ({"a": [1, 10]}, [], {"a": 2}, 20, {"a": 2}, True),
        ({"a": [1, 10]}, [], {"a": 2}, 10, {"a": 2}, True),
        ({"a": [1, 10]}, [], {"a": 2}, 9, {"a": 1}, False),
        ({"a": [1, 10]}, [], {"b": 2}, 20, {"a": 1, "b": 2}, True),
        # Older than something beside it: done, and said to be older.
        ({"a": [1, 10], "b": [1, 30]}, [], {"a": 2}, 20, {"a": 2, "b": 1}, False),
        ({"a": [1, 10], "b": [1, 30]}, [], {"a": 2, "b": 2}, 20, {"a": 2, "b": 1}, False),
        ({"m": {"a": [1, 10]}, "b": [1, 30]}, ["m"], {"a": 2}, 20, {"m": {"a": 2}, "b": 1}, True),
        ({"m": {"a": [1, 10]}}, [], {"m": {"b": None}}, 20, {"m": {"a": 1, "b": None}}, True),
        ({"l": [[1, 2], 10]}, [], {"l": [3]}, 20, {"l": [3]}, True),
        ({"l": [[1, 2], 10]}, [], {"l": [3]}, 5, {"l": [1, 2]}, False),
        # A leaf becomes a map, and the other way round.
        ({"a": [1, 10]}, [], {"a": {"b": 2}}, 20, {"a": {"b": 2}}, True),
        ({"a": [1, 10]}, [], {"a": {"b": 2}}, 5, {"a": 1}, False),
        ({"a": [1, 10]}, ["a"], {"b": 2}, 20, {"a": {"b": 2}}, True),
        ({"a": [1, 10]}, ["a"], {"b": 2}, 5, {"a": 1}, False),
        ({"a": [1, 10]}, ["a", "b"], {"c": 2}, 20, {"a": {"b": {"c": 2}}}, True),
        ({"m": {"a": [1, 10]}}, [], {"m": 3}, 20, {"m": 3}, True),
        ({"m": {"a": [1, 10]}}, [], {"m": 3}, 5, {"m": {"a": 1}}, False),
        ({"m": {"a": [1, 10], "b": [1, 30]}}, [], {"m": 3}, 20, {"m": {"a": 1, "b": 1}}, False),
        # What is not there is made.
        ({}, ["x", "y"], {"z": 1}, 5, {"x": {"y": {"z": 1}}}, True),
        ({}, ["x", "y"], {}, 5, {"x": {"y": {}}}, True),
        ({"a": [1, 30]}, ["x"], {"z": 1}, 5, {"a": 1, "x": {"z": 1}}, True),
        # Stored spellings stay, and two spellings in one request are one key.
        ({"Port": [1, 10]}, [], {"PORT": 2}, 20, {"Port": 2}, True),
        ({"Web": {"Port": [1, 10]}}, ["web"], {"port": 2}, 20, {"Web": {"Port": 2}}, True),
        ({}, [], {"m": {"Port": 1, "port": 2}}, 20, {"m": {"Port": 2}}, True),
        # Anywhere below it, this is a name like any other.
        ({}, ["x"], {"accessControl": 1}, 20, {"x": {"accessControl": 1}}, True),
        ({"a": [1, 10]}, [], {}, 20, {"a": 1}, True),
        ({"a": [1, 10]}, [], {}, 5, {"a": 1}, False),
    ],
)
def test_each_leaf_takes_what_is_as_new(stored, key_path, value, at, after, is_newest):
    require_acceptable(OwnUpdate(tuple(key_path), value, at))
    assert updated_plain(stored, key_path, value, at) == (after, is_newest)


def test_the_time_stamp_of_the_request_is_the_leafs():
    tree, _ = updated_by(load({"a": [1, 10], "b": [1, 10]}), OwnUpdate((), {"a": 1}, 20))
    assert tree == {"a": Leaf(1, 20), "b": Leaf(1, 10)}


def test_an_update_that_changes_nothing_is_the_same_tree():
    tree = load({"m": {"a": [1, 10]}})
    assert updated_by(tree, OwnUpdate(("m",), {"a": 1}, 10))[0] is tree
    assert updated_by(tree, OwnUpdate(("m",), {"a": 2}, 5))[0] is tree


def test_a_value_of_another_type_is_another_value():
    tree = load({"a": [1, 7], "b": [[1], 7]})
    after, _ = updated_by(tree, OwnUpdate((), {"a": True, "b": [1.0]}, 7))
    assert json.dumps(to_plain(after)) == '{"a": true, "b": [1.0]}'


def test_an_update_with_the_time_stamp_of_defaults_outlives_the_next_deployment():
    tree, is_newest = updated_by(from_plain({"a": 1}, 1), OwnUpdate((), {"a": 2}, 1))
    assert is_newest
    after, _ = updated(tree, {"a": 1}, merge_value=None, reset=(), timestamp_ms=5)
    assert to_plain(after) == {"a": 2}


@pytest.mark.parametrize(
    ("key_path", "value"),
    [
        (["accessControl"], {"x": 1}),
        (["ACCESSCONTROL", "service"], {"x": 1}),
        (["accesscontrol"], {}),
        ([], {"accessControl": {}}),
        ([], {"AccessControl": None}),
        ([], {"fine": 1, "aCCESScONTROL": 1}),
        ([], {"acce\u017f\u017fControl": 1}),
    ],
)
def test_access_policies_are_never_touched(key_path, value):
    with pytest.raises(UsageError, match="accessControl is set by deployments only"):
        require_acceptable(OwnUpdate(tuple(key_path), value, 1700000000000))


@pytest.mark.parametrize(
    ("key_path", "value"),
    [
        (["greendock", "docker"], {"policy": "greengrass"}),
        (["greendock", "docker", "policy"], {"binds": ["/"]}),
        (["Greendock"], {"DOCKER": {"Access": "all"}}),
        ([], {"greendock": {"docker": {"pullPolicy": "Always", "inject": ["ipc"]}}}),
        ([], {"greendoc\u212a": {"doc\u212aer": {"access": "all"}}}),
        # What stands in their place takes them away.
        ([], {"greendock": None}),
        ([], {"greendock": "none"}),
        (["greendock"], {"docker": []}),
    ],
)
def test_what_containers_may_do_is_never_touched(key_path, value):
    with pytest.raises(UsageError, match="are set by deployments only"):
        require_acceptable(OwnUpdate(tuple(key_path), value, 1700000000000))


@pytest.mark.parametrize(
    ("key_path", "value"),
    [
        (["greendock", "docker"], {"pullPolicy": "Always"}),
        ([], {"greendock": {"docker": {}}}),
        (["greendock"], {"policy": 1}),
        (["app", "greendock", "docker"], {"policy": "strict"}),
    ],
)
def test_other_settings_of_ours_and_names_elsewhere_are_the_components(key_path, value):
    require_acceptable(OwnUpdate(tuple(key_path), value, 1700000000000))


def nested(levels: int) -> dict:
    value: dict = {}
    for _ in range(levels - 1):
        value = {"k": value}
    return value


def test_depth_and_time_stamps_are_bounded():
    require_acceptable(OwnUpdate(("k",) * 50, nested(50), 0))
    require_acceptable(OwnUpdate((), {"l": [[1]]}, LAST_TIMESTAMP_MS))
    for key_path, value in ((("k",) * 50, nested(51)), (("k",) * (DEEPEST + 1), {})):
        with pytest.raises(UsageError, match="deeper than 100 levels"):
            require_acceptable(OwnUpdate(key_path, value, 0))
    for at in (-1, LAST_TIMESTAMP_MS + 1):
        with pytest.raises(UsageError, match="timestamp is out of range"):
            require_acceptable(OwnUpdate((), {"a": 1}, at))


def test_a_component_can_not_fill_the_device():
    large = "ü" * (LARGEST_BYTES // 4)
    require_acceptable(OwnUpdate((), {"a": large}, 0))
    tree, _ = updated_by({}, OwnUpdate((), {"a": large}, 5))
    with pytest.raises(UsageError, match="1048576 are the most"):
        require_acceptable(OwnUpdate((), {"a": large, "b": large}, 0))
    with pytest.raises(UsageError, match="1048576 are the most"):
        updated_by(tree, OwnUpdate((), {"b": large}, 5))
    smaller, _ = updated_by(tree, OwnUpdate((), {"a": ""}, 5))
    assert to_plain(smaller) == {"a": ""}


def test_the_number_of_values_is_bounded_too():
    names = {f"name{number}": 0 for number in range(MOST_VALUES - 1)}
    require_acceptable(OwnUpdate((), names, 5))
    tree, _ = updated_by(from_plain({"NAME7": 1}, 1), OwnUpdate((), names, 5))
    assert len(to_plain(tree)) == MOST_VALUES - 1
    assert to_plain(tree)["NAME7"] == 0
    with pytest.raises(UsageError, match="10001 values, and 10000 are the most"):
        updated_by(tree, OwnUpdate((), {"one more": 1}, 5))
    with pytest.raises(UsageError, match="10001 values, and 10000 are the most"):
        require_acceptable(OwnUpdate((), {"m": dict.fromkeys(names)}, 5))


# -- which leaves have changed


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a",)]),
        ({"a": 1}, {}, [("a",)]),
        ({}, {"a": None}, [("a",)]),
        ({"a": None}, {}, [("a",)]),
        ({"a": 1}, {"a": True}, [("a",)]),
        ({"a": 1}, {"a": 1.0}, [("a",)]),
        ({"a": [1]}, {"a": [True]}, [("a",)]),
        ({"a": [{"x": 1}]}, {"a": [{"x": 2}]}, [("a",)]),
        ({}, {"m": {}}, []),
        ({"m": {}}, {}, []),
        ({"m": {"a": 1, "b": 2}}, {"m": {"a": 1, "b": 3, "c": 4}}, [("m", "b"), ("m", "c")]),
        ({"m": {"a": 1, "b": {"c": 2}}}, {}, [("m", "a"), ("m", "b", "c")]),
        ({"a": 1}, {"a": {"b": 2}}, [("a",), ("a", "b")]),
        ({"a": {"b": 2}}, {"a": 1}, [("a",), ("a", "b")]),
        (None, {"a": 1}, [("a",)]),
        ({"a": 1}, None, [("a",)]),
    ],
)
def test_changed_leaves_are_named(old, new, changed):
    assert list(changed_leaves(old, new)) == changed


@given(maps, maps)
def test_no_change_is_named_exactly_when_all_leaves_are_equal(old, new):
    def all_leaves(value: dict) -> dict:
        found = dict(leaves(from_plain(value, 1)))
        return {
            path: json.dumps(leaf.value, sort_keys=True)
            for path, leaf in found.items()
            if isinstance(leaf, Leaf)
        }

    before, after = all_leaves(old), all_leaves(new)
    differing = {path for path in {**before, **after} if before.get(path) != after.get(path)}
    assert set(changed_leaves(old, new)) == differing


# -- what is found by a key path

CONFIGURATION = {
    "Web": {"Port": 80, "_secret": 1, "more": {"_x": 1, "y": [{"_kept": 1}]}},
    "log": 1,
    "LOG": 2,
    "none": None,
    "_hidden": {"a": 1},
}


@pytest.mark.parametrize(
    ("key_path", "found"),
    [
        ([], Found((), CONFIGURATION)),
        (["web", "PORT"], Found(("Web", "Port"), 80)),
        (["log"], Found(("log",), 1)),
        (["LOG"], Found(("LOG",), 2)),
        (["none"], Found(("none",), None)),
        (["_hidden", "a"], Found(("_hidden", "a"), 1)),
        (["nothing"], None),
        (["log", "deeper"], None),
        (["none", "deeper"], None),
        (["Web", "more", "y", "0"], None),
    ],
)
def test_keys_are_found_in_any_case_of_their_letters(key_path, found):
    assert look_up(CONFIGURATION, key_path) == found


def test_hidden_names_are_left_out_at_every_level_of_maps():
    assert without_hidden(CONFIGURATION) == {
        "Web": {"Port": 80, "more": {"y": [{"_kept": 1}]}},
        "log": 1,
        "LOG": 2,
        "none": None,
    }


@pytest.mark.parametrize(
    ("path", "container", "below"),
    [
        (("a", "b"), (), True),
        (("a", "b"), ("A",), True),
        (("a", "b"), ("a", "b"), True),
        (("a", "b"), ("a", "b", "c"), False),
        (("ab",), ("a",), False),
    ],
)
def test_what_lies_below_a_container(path, container, below):
    assert is_below(path, container) is below
