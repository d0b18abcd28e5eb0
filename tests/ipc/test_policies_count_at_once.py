"""Remembered policies and decisions are those that the configuration holds at this moment."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.ipc import authorizer as module
from greendock.ipc.authorizer import Authorizer
from greendock.ipc.errors import OperationError
from greendock.ipc.shapes.operation import Access

A = "com.example.A"
SERVICE = "aws.greengrass.ipc.pubsub"
PUBLISH = "aws.greengrass#PublishToTopic"
ACCESS = Access(SERVICE, "topic")


def control(*resources, operations=(PUBLISH,)):
    return {SERVICE: {"p1": {"operations": list(operations), "resources": list(resources)}}}


@pytest.fixture
def policies():
    return {}


@pytest.fixture
def authorizer(policies):
    return Authorizer(policies.get)


def allows(authorizer, resource, principal=A, access=ACCESS, operation=PUBLISH):
    return authorizer.allows(principal, access, operation, resource)


def test_a_change_counts_at_the_next_call(policies, authorizer):
    assert not allows(authorizer, "a")
    policies[A] = control("a")
    assert allows(authorizer, "a")
    assert not allows(authorizer, "b")
    policies[A] = control("b")
    assert not allows(authorizer, "a")
    assert allows(authorizer, "b")
    del policies[A]
    assert not allows(authorizer, "b")


@given(st.lists(st.lists(st.sampled_from("abc*"), max_size=2), max_size=6))
def test_whatever_the_changes_are(changes):
    policies: dict = {}
    authorizer = Authorizer(policies.get)
    for resources in changes:
        policies[A] = json.dumps(control(*resources))
        for asked in ("a", "b", "a"):
            assert allows(authorizer, asked) is (asked in resources or "*" in resources)


def test_decisions_are_those_of_one_principal_operation_and_service(policies, authorizer):
    policies[A] = control("a")
    assert allows(authorizer, "a")
    assert not allows(authorizer, "a", principal="com.example.B")
    assert not allows(authorizer, "a", operation="aws.greengrass#SubscribeToTopic")
    assert not allows(authorizer, "a", access=Access("aws.greengrass.ipc.mqttproxy", "topic"))


def test_an_equal_object_is_read_once(policies, authorizer, caplog):
    policies[A] = control("a?", "a")
    assert allows(authorizer, "a")
    policies[A] = copy.deepcopy(policies[A])
    assert allows(authorizer, "a")
    assert caplog.text.count("not a valid pattern") == 1


def test_faults_are_logged_once_for_each_configuration(policies, authorizer, caplog):
    policies[A] = control("a?")
    for _ in range(3):
        assert not allows(authorizer, "a")
    assert caplog.text.count("resource 'a?' is not a valid pattern") == 1
    policies[A] = control("b?")
    assert not allows(authorizer, "a")
    assert caplog.text.count("is not a valid pattern") == 2


def test_what_is_remembered_is_bounded(policies, authorizer):
    policies[A] = control("*")
    for number in range(3 * module.MAX_DECISIONS):
        assert allows(authorizer, f"a/{number}")
        assert not allows(authorizer, "a", principal=f"com.example.{number}")
    assert len(authorizer._known) <= module.MAX_PRINCIPALS
    policies["other"] = control("*")
    for number in range(3 * module.MAX_DECISIONS):
        assert allows(authorizer, f"a/{number}", principal="other")
    assert allows(authorizer, "x" * 100_000, principal="other")
    known = authorizer._known["other"].decisions
    assert len(known) <= module.MAX_DECISIONS
    assert max(len(resource) for _, _, resource in known) < 2000


def test_every_denial_is_logged_with_its_remedy(policies, authorizer, caplog):
    policies[A] = control("a")
    for _ in range(2):
        with pytest.raises(OperationError) as caught:
            authorizer.check(A, ACCESS, PUBLISH, "b/c")
    assert caught.value.model == "aws.greengrass#UnauthorizedError"
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    remedy = json.loads(lines[0].partition("would allow it: ")[2])
    policies[A] = remedy["accessControl"]
    authorizer.check(A, ACCESS, PUBLISH, "b/c")


def test_topics_of_iot_core_are_tested_with_their_wildcards(policies, authorizer):
    service = "aws.greengrass.ipc.mqttproxy"
    policies[A] = {service: {"p": {"operations": ["*"], "resources": ["a/+/b"]}}}
    assert allows(authorizer, "a/x/b", access=Access(service, "topicName", is_topic=True))
    policies[A] = control("a/+/b")
    assert not allows(authorizer, "a/x/b")
    assert allows(authorizer, "a/+/b")
