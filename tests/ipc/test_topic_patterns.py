"""MQTT wildcards in the resources of policies cover what they cover in AWS IoT Core."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.ipc.authorization import is_allowed, parse_policies, remedy
from greendock.ipc.resource_patterns import parse_pattern

SERVICE = "aws.greengrass.ipc.mqttproxy"
SUBSCRIBE = "aws.greengrass#SubscribeToIoTCore"


def covers(pattern: str, topic: str) -> bool:
    parsed = parse_pattern(pattern)
    assert parsed is not None
    return parsed.matches(topic, is_topic=True)


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a//c", True),
        ("a/+/c", "a/b/b/c", False),
        ("a/+/c", "a/+/c", True),
        ("+", "a", True),
        ("+", "a/b", False),
        ("+", "+", True),
        ("a/+", "a/b", True),
        ("a/+", "a/", True),
        ("a/+", "a", False),
        ("+/b", "a/b", True),
        ("+/+", "a/b", True),
        ("abc/#", "abc", True),
        ("abc/#", "abc/", True),
        ("abc/#", "abc/x/y", True),
        ("abc/#", "abcd", False),
        ("abc/#", "x/abc", False),
        ("#", "any/thing", True),
        ("a/#", "a/+", True),
        ("a/#", "a/#", True),
        ("+/#", "a", True),
        ("+/#", "a/b/c", True),
        ("a+", "a+", True),
        ("a+", "ab", False),
        ("+a/b", "xa/b", False),
        ("a/+b", "a/xb", False),
        ("a#", "a#", True),
        ("a#", "ab", False),
        ("a/b#", "a/bc", False),
        ("a/#/b", "a/x/b", False),
        ("a/#/b", "a/#/b", True),
        ("*/+", "a/b/c", True),
        ("*/+", "a", False),
        ("*+", "a+", True),
        ("*+", "ab", False),
        ("a/+*", "a/bc", False),
        ("a/+/*", "a/b/c/d", True),
        ("a/+/*", "a/b", False),
        ("*/#", "a", True),
        ("*/#", "a/", True),
        ("*/x/#", "a/x", True),
        ("*/x/#", "a/b/x/y/z", True),
        ("*/x/#", "a/xy", False),
        ("${*}/+", "*/a", True),
        ("${*}/+", "a/a", False),
        ("a.c/+", "abc/x", False),
        ("a/+", "a/x\n", True),
        ("a/b", "a/b\n", False),
        ("+", "a\n", True),
        ("a/#", "a/x\ny", True),
    ],
)
def test_table_of_topics(pattern, topic, expected):
    assert covers(pattern, topic) is expected


def test_elsewhere_they_are_themselves():
    for pattern in ("a/+/c", "a/#", "+", "#"):
        parsed = parse_pattern(pattern)
        assert parsed is not None
        assert parsed.matches(pattern)
        assert not parsed.matches("a/b/c")


# -- against a second definition, one expression for the whole

pieces = st.sampled_from(["a", "b", "/", "+", "#", "*", "\n"])
patterns = st.lists(pieces, max_size=9).map("".join)
subjects = st.text(alphabet="ab/+#\n", max_size=9)


def by_expression(pattern: str, topic: str) -> bool:
    found = pattern.split("/")
    levels = []
    for number, level in enumerate(found):
        if level == "+":
            levels.append("[^/]*")
        elif level == "#" and number == len(found) - 1:
            levels.append(None)
        else:
            levels.append(".*".join(re.escape(part) for part in level.split("*")))
    if levels[-1] is None:
        whole = "/".join(levels[:-1]) + "(/.*)?" if levels[:-1] else ".*"
    else:
        whole = "/".join(levels)
    return re.fullmatch(whole, topic, re.DOTALL) is not None


@given(patterns, subjects)
def test_a_pattern_agrees_with_the_definition(pattern, topic):
    assert covers(pattern, topic) is by_expression(pattern, topic)


@pytest.mark.parametrize("piece", ["*a", "*/+/a", "+/", "*/a/+/b"])
def test_a_pattern_of_many_wildcards_comes_to_an_end(piece):
    assert not covers(piece * 500 + "/+/b", "a/" * 20_000)


@pytest.mark.parametrize("topic", ["a/+/b", "a/#", "#", "a/b", "*", "odd*?$/+"])
def test_the_remedy_allows_what_was_denied(topic):
    import json

    text = remedy("com.example.A", SERVICE, SUBSCRIBE, topic)
    policies, problems = parse_policies(json.loads(text)["accessControl"])
    assert problems == []
    assert is_allowed(policies, SERVICE, SUBSCRIBE, topic, is_topic=True)
