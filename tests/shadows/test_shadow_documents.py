"""The rules of shadow documents: merging, versions, delta, metadata, limits."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.shadows.document import (
    ShadowDocument,
    Situation,
    difference,
    merged,
    same,
    updated,
)
from greendock.shadows.errors import ShadowRefused, ShadowTooLarge, VersionConflict
from greendock.shadows.patch import Patch

SCALARS = st.one_of(
    st.booleans(), st.integers(-3, 3), st.sampled_from([0.0, 1.0, 1.5]), st.sampled_from(["", "x"])
)
KEYS = st.sampled_from(["a", "b", "timestamp"])


def values(leaf):
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=2), st.dictionaries(KEYS, inner, max_size=3)
        ),
        max_leaves=6,
    )


STATES = st.dictionaries(KEYS, values(SCALARS), max_size=3)
PATCHES = st.dictionaries(KEYS, values(st.one_of(SCALARS, st.none())), max_size=3)
SECTIONS = st.one_of(st.none(), PATCHES)
UPDATES = st.dictionaries(st.sampled_from(["desired", "reported"]), SECTIONS, min_size=1)


def apply(document, state, now_s=1, version=None, last_version=0):
    return updated(Patch(state, version), Situation(document, last_version, now_s))


@pytest.mark.parametrize(
    ("current", "patch", "result"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": None}, {}),
        ({"a": 1}, {"b": None}, {"a": 1}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}}, {"a": {"c": 2, "d": 3}}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {}),
        ({"a": {"b": {"c": 1}}, "d": 1}, {"a": {"b": {"c": None}}}, {"d": 1}),
        ({}, {"a": {"b": None}}, {}),
        ({}, {"a": {}}, {"a": {}}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": 5}, {"a": 5}),
        ({"a": 5}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({"a": [1, 2, 3]}, {"a": [4]}, {"a": [4]}),
        ({"a": [1]}, {"a": [None, {"b": None}]}, {"a": [None, {"b": None}]}),
        ({"a": [1]}, {"a": []}, {"a": []}),
    ],
)
def test_merging(current, patch, result):
    assert merged(current, patch) == result


@pytest.mark.parametrize(
    ("desired", "reported", "delta"),
    [
        ({}, {}, {}),
        ({"a": 1}, {}, {"a": 1}),
        ({}, {"a": 1}, {}),
        ({"a": 1}, {"a": 1, "b": 2}, {}),
        ({"a": 1}, {"a": 1.0}, {}),
        ({"a": 1}, {"a": True}, {"a": 1}),
        ({"a": 0}, {"a": False}, {"a": 0}),
        ({"a": [1, True]}, {"a": [1, 1]}, {"a": [1, True]}),
        ({"a": [1, 2]}, {"a": [1, 3]}, {"a": [1, 2]}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 2}}),
        ({"a": {"b": 1}}, {"a": 5}, {"a": {"b": 1}}),
        ({"a": 5}, {"a": {"b": 1}}, {"a": 5}),
        ({"a": {}}, {}, {"a": {}}),
        ({"a": {}}, {"a": {"b": 1}}, {}),
        ({"a": "x"}, {"a": "X"}, {"a": "x"}),
    ],
)
def test_delta(desired, reported, delta):
    assert difference(desired, reported) == delta


def test_the_delta_tells_when_each_part_was_desired():
    first = apply(None, {"desired": {"a": {"b": 1, "c": [1, {"d": 2}]}}}, now_s=10)
    second = apply(first, {"desired": {"e": 5}, "reported": {"a": {"b": 1}}}, now_s=20)
    assert second.delta == {"a": {"c": [1, {"d": 2}]}, "e": 5}
    assert second.delta_metadata == {
        "a": {"c": [{"timestamp": 10}, {"d": {"timestamp": 10}}]},
        "e": {"timestamp": 20},
    }


def test_metadata_has_the_time_of_each_leaf():
    first = apply(None, {"desired": {"a": 1, "b": {"c": 2, "d": 3}, "l": [1, 2]}}, now_s=10)
    assert first.metadata == {
        "desired": {
            "a": {"timestamp": 10},
            "b": {"c": {"timestamp": 10}, "d": {"timestamp": 10}},
            "l": [{"timestamp": 10}, {"timestamp": 10}],
        }
    }
    second = apply(first, {"desired": {"b": {"c": 2, "d": None}, "l": [7]}}, now_s=20)
    assert second.metadata == {
        "desired": {
            "a": {"timestamp": 10},
            "b": {"c": {"timestamp": 20}},
            "l": [{"timestamp": 20}],
        }
    }


@pytest.mark.parametrize("before", [5, [1], {"timestamp": 1}, {"timestamp": {"x": 2}}])
def test_members_called_timestamp_are_members(before):
    first = apply(None, {"reported": {"a": before}}, now_s=10)
    second = apply(first, {"reported": {"a": {"timestamp": {"x": 1}}}}, now_s=20)
    assert second.state == {"reported": {"a": {"timestamp": {"x": 1}}}}
    assert second.metadata == {"reported": {"a": {"timestamp": {"x": {"timestamp": 20}}}}}


def test_a_section_that_becomes_empty_is_gone():
    first = apply(None, {"desired": {"a": 1}, "reported": {"b": 2}})
    assert apply(first, {"desired": None}).state == {"reported": {"b": 2}}
    assert apply(first, {"desired": {"a": None}}).metadata == {"reported": {"b": {"timestamp": 1}}}
    emptied = apply(first, {"desired": None, "reported": None})
    assert (emptied.version, emptied.state, emptied.metadata) == (2, {}, {})


def test_a_new_shadow_may_say_version_1_and_no_other():
    assert apply(None, {"desired": {}}, version=1).version == 1
    for version in (0, 2):
        with pytest.raises(ShadowRefused, match="the shadow is new"):
            apply(None, {"desired": {}}, version=version)


def test_an_update_for_another_version_is_a_conflict():
    document = ShadowDocument(5, {"desired": {"a": 1}}, {"desired": {"a": {"timestamp": 1}}})
    assert apply(document, {"desired": {"a": 2}}, version=5).version == 6
    for version in (0, 4, 6):
        with pytest.raises(VersionConflict, match="version 5"):
            apply(document, {"desired": {"a": 2}}, version=version)


def test_a_shadow_that_is_made_again_goes_on_counting():
    assert apply(None, {"desired": {"a": 1}}, last_version=7).version == 8
    assert apply(None, {"desired": {"a": 1}}, version=1, last_version=7).version == 8


def test_the_size_of_both_sections_counts():
    state = {"desired": {"a": "ü" * 10}, "reported": {"b": 1}}
    size = len('{"a":"' + "ü" * 10 + '"}{"b":1}') + 10
    exact = Situation(None, 0, 1, size)
    assert updated(Patch(state), exact).version == 1
    with pytest.raises(ShadowTooLarge, match=f"{size} bytes"):
        updated(Patch(state), Situation(None, 0, 1, size - 1))


def test_what_is_there_already_counts_too():
    first = apply(None, {"desired": {"a": "x" * 8000}})
    with pytest.raises(ShadowTooLarge, match="the limit is 8192"):
        apply(first, {"reported": {"a": "x" * 200}})


@given(STATES, STATES)
def test_the_delta_is_empty_just_when_reported_has_all_that_is_desired(desired, reported):
    assert (difference(desired, reported) == {}) == same(merged(reported, desired), reported)


@given(STATES, STATES)
def test_reporting_the_delta_ends_it(desired, reported):
    delta = difference(desired, reported)
    after = merged(reported, delta)
    assert difference(desired, after) == {}
    for key in delta:
        assert difference({key: desired[key]}, after) == {}
    for key in reported.keys() - delta.keys():
        assert same(after[key], reported[key])


@given(STATES)
def test_there_is_no_delta_between_equal_states(state):
    assert difference(state, json.loads(json.dumps(state))) == {}


def shape_of(metadata, state):
    """Whether `metadata` has the shape of `state`, with a time stamp for each value."""
    if isinstance(state, dict):
        return metadata.keys() == state.keys() and all(
            shape_of(metadata[key], state[key]) for key in state
        )
    if isinstance(state, list):
        return len(metadata) == len(state) and all(map(shape_of, metadata, state))
    return metadata.keys() == {"timestamp"}


@given(st.lists(UPDATES, min_size=1, max_size=5))
def test_versions_rise_by_one_and_metadata_has_the_shape_of_the_state(updates):
    document, now_s = None, 100
    for update in updates:
        now_s += 1
        newer = apply(document, update, now_s=now_s)
        assert newer.version == (document.version if document else 0) + 1
        assert shape_of(newer.metadata, newer.state)
        assert shape_of(newer.delta_metadata, newer.delta)
        assert all(newer.state.values())
        document = newer


@given(STATES, PATCHES)
def test_merging_twice_is_merging_once(state, patch):
    once = merged(state, patch)
    assert same(merged(once, patch), once)


@given(UPDATES, UPDATES)
def test_an_update_leaves_the_version_before_as_it_was(first, second):
    document = apply(None, first)
    kept = json.dumps([document.state, document.metadata])
    apply(document, second, now_s=9)
    assert json.dumps([document.state, document.metadata]) == kept
