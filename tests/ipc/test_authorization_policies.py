"""Policies allow exactly what they say."""

from __future__ import annotations

import json

import pytest

from greendock.ipc.authorization import (
    denial,
    is_allowed,
    is_client,
    parse_pattern,
    parse_policies,
    remedy,
)

SERVICE = "aws.greengrass.Cli"
LIST = "aws.greengrass#ListComponents"
DETAILS = "aws.greengrass#GetComponentDetails"


def control(operations, resources, service=SERVICE):
    return {service: {"p1": {"operations": operations, "resources": resources}}}


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("*", "anything/at all", True),
        ("com.example.A", "com.example.A", True),
        ("com.example.A", "com.example.AB", False),
        ("com.example.A", "COM.example.A", False),
        ("com.*", "com.example.A", True),
        ("com.*", "com.", True),
        ("*A", "com.example.A", True),
        ("a*b*c", "a1b2c", True),
        ("a*b*c", "acb", False),
        ("ab*ba", "aba", False),
        ("a**b", "ab", True),
        ("a${*}b", "a*b", True),
        ("a${*}b", "axb", False),
        ("${?}${$}", "?$", True),
        ("$aws/x", "$aws/x", True),
        ("+/#", "+/#", True),
        ("+/#", "a/b", False),
        ("", "", True),
    ],
)
def test_resource_patterns(pattern, resource, expected):
    parsed = parse_pattern(pattern)
    assert parsed is not None
    assert parsed.matches(resource) is expected


@pytest.mark.parametrize("pattern", ["a?", "${x}", "${", "a${*", "${*"])
def test_invalid_patterns(pattern):
    assert parse_pattern(pattern) is None


def test_a_pattern_of_many_wildcards_comes_to_an_end():
    """A matcher that goes back for each wildcard would not, in the life of this machine."""
    pattern = parse_pattern("*a" * 2000 + "b")
    assert pattern is not None
    assert not pattern.matches("a" * 100_000)


@pytest.mark.parametrize("form", [lambda value: value, json.dumps])
def test_an_object_and_its_json_text_mean_the_same(form):
    policies, problems = parse_policies(form(control([LIST], ["*"])))
    assert problems == []
    assert is_allowed(policies, SERVICE, LIST, "*")
    assert not is_allowed(policies, SERVICE, DETAILS, "x")
    assert not is_allowed(policies, "aws.greengrass.ipc.pubsub", LIST, "*")


def test_names_inside_a_policy_have_any_case_and_lists_may_be_single_texts():
    value = {SERVICE: {"p": {"Operations": "*", "RESOURCES": "com.example.*", "other": 1}}}
    policies, problems = parse_policies(value)
    assert problems == []
    assert is_allowed(policies, SERVICE, DETAILS, "com.example.A")
    assert not is_allowed(policies, SERVICE, DETAILS, "org.example.A")


def test_an_empty_resource_is_never_allowed():
    policies, _ = parse_policies(control(["*"], ["*"]))
    assert not is_allowed(policies, SERVICE, DETAILS, "")


def test_a_policy_without_resources_allows_nothing():
    policies, _ = parse_policies({SERVICE: {"p": {"operations": ["*"]}}})
    assert not is_allowed(policies, SERVICE, LIST, "*")


def test_a_faulty_entry_goes_alone_and_is_named():
    value = {
        SERVICE: {
            "none": {"resources": ["*"]},
            "odd": 7,
            "half": {"operations": [LIST], "resources": ["bad?", "*"]},
        },
        "other": [],
    }
    policies, problems = parse_policies(value)
    assert is_allowed(policies, SERVICE, LIST, "*")
    assert [p.id for p in policies] == ["half"]
    assert len(problems) == 4
    assert any("accessControl.aws.greengrass.Cli.half" in p and "bad?" in p for p in problems)


@pytest.mark.parametrize("value", ["{", "[]", 7, "[" * 100_000])
def test_what_is_no_policy_allows_nothing_and_is_reported(value):
    policies, problems = parse_policies(value)
    assert policies == []
    assert len(problems) == 1


@pytest.mark.parametrize("value", [None, "", {}])
def test_no_policy_is_no_problem(value):
    assert parse_policies(value) == ([], [])


@pytest.mark.parametrize("resource", ["*", "com.example.B", "odd*?$name"])
def test_the_remedy_allows_exactly_what_was_denied(resource):
    text = remedy("com.example.A", SERVICE, DETAILS, resource)
    policies, problems = parse_policies(json.loads(text)["accessControl"])
    assert problems == []
    assert is_allowed(policies, SERVICE, DETAILS, resource)
    assert is_allowed(policies, SERVICE, DETAILS, "another") is (resource == "*")


def test_the_text_of_a_denial():
    assert denial("com.example.A", SERVICE, LIST, "*") == (
        "Principal com.example.A is not authorized to perform "
        "aws.greengrass.Cli:aws.greengrass#ListComponents on resource *"
    )


def test_only_the_command_line_is_a_client():
    assert is_client("greengrass-cli#user-0")
    assert not is_client("greengrass-cli")
    assert not is_client("com.example.A")
