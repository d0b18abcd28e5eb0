"""Filters of local publish/subscribe match what the Greengrass nucleus matches, and no more."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.ipc.errors import OperationError
from greendock.ipc.pubsub.topics import (
    FilterTree,
    check_filter,
    check_topic,
    is_filter,
    levels,
    matches,
)

TABLE = [
    ("a", "a", True),
    ("a", "A", False),
    ("a", "a/b", False),
    ("a/b/", "a/b", True),
    ("a/b", "a/b//", True),
    ("/a", "a", False),
    ("/a", "/a", True),
    ("/", "//", True),
    ("/", "a", False),
    ("a//b", "a/b", False),
    ("+", "a", True),
    ("+", "a/b", False),
    ("+", "", False),
    ("a/+/c", "a/b/c", True),
    ("a/+/c", "a//c", True),
    ("a/+/c", "a/b/d/c", False),
    ("a/+", "a", False),
    ("a/+", "a/b/", True),
    ("+/b", "a/b", True),
    ("+/b", "/b", True),
    ("#", "a", True),
    ("#", "a/b/c", True),
    ("#", "$aws/x", True),
    ("#", "/", False),
    ("a/#", "a", False),
    ("a/#", "a/", False),
    ("a/#", "a/b", True),
    ("a/#", "a/b/c", True),
    ("a/#", "b/a", False),
    ("a/#/", "a/b/c", True),
    ("a/#/c", "a/b/c", True),
    ("a/#/c", "a/b/d/c", False),
    ("#/b", "a/b", True),
    ("#/b", "a/c/b", False),
    ("a/#/#", "a/b", False),
    ("a/#/#", "a/b/c/d", True),
    ("a+", "ab", False),
    ("a+", "a+", True),
    ("a#", "a#", True),
    ("a/b#", "a/bc", False),
]


@pytest.mark.parametrize(("text", "topic", "expected"), TABLE)
def test_table_of_matches(text, topic, expected):
    assert matches(text, topic) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a/b", False), ("a/+", True), ("#", True), ("a/#/b", True), ("a+b", False), ("a/b#", False)],
)
def test_what_is_a_filter(text, expected):
    assert is_filter(text) is expected


@pytest.mark.parametrize("topic", ["", "+", "a/#", "a*", "a+b", "x" * 1025, "/" * 64])
def test_topics_that_nobody_can_publish_to(topic):
    with pytest.raises(OperationError) as caught:
        check_topic(topic)
    assert caught.value.model == "aws.greengrass#InvalidArgumentsError"


@pytest.mark.parametrize("topic", ["a", "/", "$aws/things/x/shadow", "a b/ü", "x" * 1024])
def test_topics_that_one_can_publish_to(topic):
    check_topic(topic)
    check_filter(topic)


@pytest.mark.parametrize("text", ["", "x" * 1025, "+/" * 64])
def test_filters_that_nobody_can_subscribe_to(text):
    with pytest.raises(OperationError):
        check_filter(text)


# -- against a second definition, by expressions

words = st.sampled_from(["a", "b", "", "$x"])
topics = st.lists(words, min_size=1, max_size=5).map("/".join)
filters = st.lists(st.one_of(words, st.sampled_from("+#")), min_size=1, max_size=5).map("/".join)


def by_expression(text: str, topic: str) -> bool:
    parts = []
    found = levels(text)
    for number, level in enumerate(found):
        last = number == len(found) - 1
        wild = r"[^/]+(/[^/]+)*" if level == "#" and last else r"[^/]+"
        # Every level gets a sign in front, so that an empty one is as long as the others.
        parts.append(wild if level in ("+", "#") else re.escape("=" + level))
    return (
        re.fullmatch("/".join(parts), "/".join("=" + level for level in levels(topic))) is not None
    )


@given(filters, topics)
def test_the_tree_agrees_with_the_definition(text, topic):
    assert matches(text, topic) is by_expression(text, topic)


@given(st.lists(filters, max_size=8), st.lists(st.integers(0, 7), max_size=8), topics)
def test_many_filters_find_each_match_once_and_are_forgotten(texts, removed, topic):
    tree: FilterTree[int] = FilterTree()
    kept = dict(enumerate(texts))
    for number, text in kept.items():
        tree.add(text, number)
    for number in removed:
        if number in kept:
            tree.remove(kept.pop(number), number)
    expected = [number for number, text in kept.items() if by_expression(text, topic)]
    assert sorted(tree.matching(topic)) == expected
    for number, text in kept.items():
        tree.remove(text, number)
    assert tree.is_empty


def test_forgetting_what_was_never_there_changes_nothing():
    tree: FilterTree[str] = FilterTree()
    tree.add("a/b", "x")
    tree.remove("a/b/c", "x")
    tree.remove("a/b", "y")
    tree.remove("a", "x")
    assert tree.matching("a/b") == ["x"]
