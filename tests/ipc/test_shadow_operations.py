"""Shadows through the official client (V2 and V1): documents, errors, policies, topics."""

from __future__ import annotations

import datetime
import json
from contextlib import contextmanager

import pytest
from awsiot.greengrasscoreipc import model

from greendock.shadows.ports import ShadowLimits

NAME = "com.example.Shadows"
SERVICE = "aws.greengrass.ShadowManager"
CLASSIC = "$aws/things/thing/shadow"
NAMED = "$aws/things/thing/shadow/name/lamp"
NOW = 1700000000


def policy(resources, operations=("*",)):
    return {SERVICE: {"p": {"operations": list(operations), "resources": list(resources)}}}


@pytest.fixture
def connect(connect):
    def open_client(served, name=NAME):
        return connect(served, served.component_token(name))

    return open_client


@pytest.fixture
def client(served, connect):
    served.policies[NAME] = policy("*")
    return connect(served)


@contextmanager
def refused(kind, text):
    """The official client's errors have their text in `message` alone."""
    with pytest.raises(kind) as caught:
        yield
    assert text in caught.value.message


def update(client, document, shadow="lamp", thing="thing"):
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    answer = client.update_thing_shadow(thing_name=thing, shadow_name=shadow, payload=payload)
    return json.loads(answer.payload)


def get(client, shadow="lamp", thing="thing"):
    return json.loads(client.get_thing_shadow(thing_name=thing, shadow_name=shadow).payload)


def test_an_update_is_answered_with_what_was_sent(served, client):
    answer = update(
        client, {"state": {"desired": {"on": True, "old": None}}, "clientToken": "t-1"}
    )
    assert answer == {
        "state": {"desired": {"on": True, "old": None}},
        "metadata": {"desired": {"on": {"timestamp": NOW}, "old": {"timestamp": NOW}}},
        "version": 1,
        "timestamp": NOW,
        "clientToken": "t-1",
    }


def test_a_shadow_as_it_is_read(served, client):
    update(client, {"state": {"desired": {"on": True, "level": 3}}})
    served.clock.seconds += 10
    update(client, {"state": {"reported": {"on": True, "level": 2}}, "version": 1})
    assert get(client) == {
        "state": {
            "desired": {"on": True, "level": 3},
            "reported": {"on": True, "level": 2},
            "delta": {"level": 3},
        },
        "metadata": {
            "desired": {"on": {"timestamp": NOW}, "level": {"timestamp": NOW}},
            "reported": {"on": {"timestamp": NOW + 10}, "level": {"timestamp": NOW + 10}},
        },
        "version": 2,
        "timestamp": NOW + 10,
    }
    update(client, {"state": {"reported": {"level": 3}}})
    assert "delta" not in get(client)["state"]


@pytest.mark.parametrize("name", [None, ""])
def test_the_classic_shadow_has_no_name(served, client, name):
    update(client, {"state": {"reported": {"a": 1}}}, shadow=name)
    update(client, {"state": {"reported": {"a": 2}}}, shadow="lamp")
    assert get(client, shadow=None)["state"]["reported"] == {"a": 1}
    assert served.publisher.topics[0].startswith(f"{CLASSIC}/update/")
    assert client.list_named_shadows_for_thing(thing_name="thing").results == ["lamp"]


def test_every_change_is_told_on_topics(served, client):
    update(client, {"state": {"desired": {"a": 1}}})
    update(client, {"state": {"reported": {"a": 1}}, "clientToken": "t-2"})
    told = served.publisher.told
    assert served.publisher.topics == [
        f"{NAMED}/update/delta",
        f"{NAMED}/update/documents",
        f"{NAMED}/update/accepted",
        f"{NAMED}/update/documents",
        f"{NAMED}/update/accepted",
    ]
    assert told[0][1] == {
        "version": 1,
        "timestamp": NOW,
        "state": {"a": 1},
        "metadata": {"a": {"timestamp": NOW}},
    }
    assert "previous" not in told[1][1]
    both = told[3][1]
    assert both["previous"] == {
        "state": {"desired": {"a": 1}},
        "metadata": {"desired": {"a": {"timestamp": NOW}}},
        "version": 1,
    }
    assert both["current"]["state"] == {"desired": {"a": 1}, "reported": {"a": 1}}
    assert (both["current"]["version"], both["clientToken"]) == (2, "t-2")
    assert told[4][1]["clientToken"] == "t-2"
    assert served.publisher.publishers == {SERVICE}


def test_reading_and_deleting_are_told_too(served, client):
    update(client, {"state": {"desired": {"a": 1}}})
    served.publisher.told.clear()
    document = get(client)
    client.delete_thing_shadow(thing_name="thing", shadow_name="lamp")
    assert served.publisher.told == [
        (f"{NAMED}/get/accepted", document),
        (f"{NAMED}/delete/accepted", {"version": 1, "timestamp": NOW}),
    ]


def test_topics_nobody_can_be_told_on_harm_no_update(served, client):
    served.publisher.failure = RuntimeError("no room")
    assert update(client, {"state": {"desired": {"a": 1}}})["version"] == 1
    assert get(client)["version"] == 1


def test_deleting_gives_an_empty_payload_and_keeps_the_count(served, client):
    update(client, {"state": {"desired": {"a": 1}}})
    update(client, {"state": {"desired": {"a": 2}}})
    answer = client.delete_thing_shadow(thing_name="thing", shadow_name="lamp")
    assert answer.payload == b""
    for operation in (client.get_thing_shadow, client.delete_thing_shadow):
        with pytest.raises(model.ResourceNotFoundError) as caught:
            operation(thing_name="thing", shadow_name="lamp")
        assert (caught.value.resource_type, caught.value.resource_name) == ("shadow", "lamp")
    assert client.list_named_shadows_for_thing(thing_name="thing").results == []
    assert update(client, {"state": {"desired": {"b": 1}}, "version": 1})["version"] == 3
    assert get(client)["state"] == {"desired": {"b": 1}, "delta": {"b": 1}}


def test_two_days_after_a_deletion_the_count_begins_anew(served, client):
    update(client, {"state": {"desired": {"a": 1}}})
    client.delete_thing_shadow(thing_name="thing", shadow_name="lamp")
    served.clock.seconds += 48 * 3600
    assert update(client, {"state": {"desired": {"a": 1}}})["version"] == 1


def test_a_version_that_is_not_the_last_is_a_conflict(served, client):
    update(client, {"state": {"desired": {"a": 1}}})
    served.publisher.told.clear()
    with refused(model.ConflictError, "version 1"):
        update(client, {"state": {"desired": {"a": 2}}, "version": 7, "clientToken": "t"})
    [(topic, told)] = served.publisher.told
    assert topic == f"{NAMED}/update/rejected"
    assert (told["code"], told["clientToken"], told["timestamp"]) == (409, "t", NOW)
    assert get(client)["version"] == 1


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", 400),
        (b"nothing", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"state":{"desired":{"a":{"b":{"c":{"d":{"e":{"f":{"g":1}}}}}}}}}', 400),
        (b'{"state":{"desired":{"a":1}},"version":2}', 400),
        (json.dumps({"state": {"desired": {"a": "x" * 8200}}}).encode(), 413),
    ],
)
def test_documents_that_are_refused(served, client, payload, code):
    with pytest.raises(model.InvalidArgumentsError):
        update(client, payload)
    [(topic, told)] = served.publisher.told
    assert (topic, told["code"]) == (f"{NAMED}/update/rejected", code)
    with pytest.raises(model.ResourceNotFoundError):
        get(client)


def test_the_size_limit_can_be_another(served, client):
    served.shadow_limits = ShadowLimits(state_bytes=10_000)
    assert update(client, {"state": {"desired": {"a": "x" * 9000}}})["version"] == 1


def test_a_shadow_that_is_not_there(served, client):
    with pytest.raises(model.ResourceNotFoundError) as caught:
        get(client, shadow=None)
    assert (caught.value.resource_type, caught.value.resource_name) == ("shadow", "thing")
    [(topic, told)] = served.publisher.told
    assert (topic, told["code"]) == (f"{CLASSIC}/get/rejected", 404)


def test_names_are_checked_before_the_policy(served, connect):
    client = connect(served)
    for arguments in (
        {"thing_name": "a/b"},
        {"thing_name": ""},
        {"thing_name": "thing", "shadow_name": "x" * 65},
    ):
        with pytest.raises(model.InvalidArgumentsError):
            client.get_thing_shadow(**arguments)
        with pytest.raises(model.InvalidArgumentsError):
            client.delete_thing_shadow(**arguments)
        with pytest.raises(model.InvalidArgumentsError):
            client.update_thing_shadow(**arguments, payload=b"{}")
    with refused(model.InvalidArgumentsError, "empty"):
        client.update_thing_shadow(thing_name="thing", payload=b"")
    with refused(model.InvalidArgumentsError, "pageSize"):
        client.list_named_shadows_for_thing(thing_name="thing", page_size=101)


def test_who_may_nothing_does_not_flood_who_listens(served, connect):
    """And takes nothing from the requests that the thing may have in a second."""
    served.shadow_limits = ShadowLimits(requests_per_thing=5, requests_in_total=50)
    denied, allowed = connect(served, "com.example.Denied"), connect(served)
    served.policies[NAME] = policy("*")
    served.policies["com.example.Denied"] = {}
    for payload in [b""] * 20 + [b"{}"] * 20:
        with pytest.raises(
            (model.UnauthorizedError, model.InvalidArgumentsError, model.ServiceError)
        ):
            denied.update_thing_shadow(thing_name="thing", payload=payload)
    told = [topic for topic, _ in served.publisher.told]
    assert told == [f"{CLASSIC}/update/rejected"] * 5
    for _ in range(5):
        update(allowed, {"state": {"desired": {"a": 1}}})


def test_a_policy_names_the_shadow(served, connect):
    served.policies[NAME] = policy([NAMED], ["aws.greengrass#UpdateThingShadow"])
    client = connect(served)
    assert update(client, {"state": {"desired": {"a": 1}}})["version"] == 1
    served.publisher.told.clear()
    with refused(model.UnauthorizedError, "things/thing/shadow"):
        update(client, {"state": {"desired": {"a": 1}}}, shadow=None)
    with refused(model.UnauthorizedError, "GetThingShadow"):
        get(client)
    with refused(model.UnauthorizedError, "DeleteThingShadow"):
        client.delete_thing_shadow(thing_name="thing", shadow_name="lamp")
    assert [(topic, told["code"]) for topic, told in served.publisher.told] == [
        (f"{CLASSIC}/update/rejected", 401),
        (f"{NAMED}/get/rejected", 401),
        (f"{NAMED}/delete/rejected", 401),
    ]
    with pytest.raises(model.UnauthorizedError):
        client.list_named_shadows_for_thing(thing_name="thing")
    served.policies[NAME] = policy(["thing"])
    assert client.list_named_shadows_for_thing(thing_name="thing").results == ["lamp"]
    with pytest.raises(model.UnauthorizedError):
        client.list_named_shadows_for_thing(thing_name="another")


def test_who_may_not_does_not_learn_whether_there_is_one(served, connect):
    client = connect(served)
    for shadow in ("lamp", "none"):
        with pytest.raises(model.UnauthorizedError):
            get(client, shadow=shadow)


def test_lists_come_in_pages(served, client):
    names = [f"s{number:02}" for number in range(7)]
    for name in reversed(names):
        update(client, {"state": {"desired": {"a": 1}}}, shadow=name)
    update(client, {"state": {"desired": {"a": 1}}}, thing="other")
    pages, token = [], None
    while True:
        page = client.list_named_shadows_for_thing(
            thing_name="thing", page_size=3, next_token=token
        )
        pages.append(page.results)
        token = page.next_token
        if token is None:
            break
    assert pages == [names[:3], names[3:6], names[6:]]
    when = page.timestamp
    assert when == datetime.datetime.fromtimestamp(NOW, tz=when.tzinfo)


def test_a_full_last_page_has_a_token_and_nothing_follows(served, client):
    update(client, {"state": {"desired": {"a": 1}}})
    page = client.list_named_shadows_for_thing(thing_name="thing", page_size=1)
    assert page.results == ["lamp"]
    last = client.list_named_shadows_for_thing(
        thing_name="thing", page_size=1, next_token=page.next_token
    )
    assert (last.results, last.next_token) == ([], None)


def test_25_names_without_a_page_size(served, client):
    served.shadow_limits = ShadowLimits(requests_per_thing=100)
    for number in range(26):
        update(client, {"state": {"desired": {"a": 1}}}, shadow=f"s{number}")
    assert len(client.list_named_shadows_for_thing(thing_name="thing").results) == 25


def test_a_token_is_good_for_its_caller_and_its_thing(served, client, connect):
    served.policies["com.example.Other"] = policy("*")
    other = connect(served, "com.example.Other")
    update(client, {"state": {"desired": {"a": 1}}})
    token = client.list_named_shadows_for_thing(thing_name="thing", page_size=1).next_token
    for caller, thing, text in (
        (other, "thing", token),
        (client, "another", token),
        (client, "thing", f"A{token}"),
        (client, "thing", token[:-4]),
        (client, "thing", "bGFtcA=="),
        (client, "thing", "ü"),
    ):
        with refused(model.InvalidArgumentsError, "nextToken"):
            caller.list_named_shadows_for_thing(thing_name=thing, next_token=text)


def test_more_than_twenty_in_a_second_are_too_many(served, client):
    for _ in range(20):
        update(client, {"state": {"desired": {"a": 1}}})
    served.publisher.told.clear()
    with refused(model.ServiceError, "Too Many Requests"):
        update(client, {"state": {"desired": {"a": 1}}})
    with refused(model.ServiceError, "Too Many Requests"):
        get(client)
    assert served.publisher.told == []
    assert update(client, {"state": {"desired": {"a": 1}}}, thing="other")["version"] == 1
    served.clock.seconds += 1
    assert update(client, {"state": {"desired": {"a": 1}}})["version"] == 21


def test_a_core_without_shadows_says_so(serve, connect):
    served = serve(has_stores=False)
    served.policies[NAME] = policy("*")
    client = connect(served)
    with refused(model.ServiceError, "not available on this core"):
        get(client)
    with refused(model.ServiceError, "not available on this core"):
        client.list_named_shadows_for_thing(thing_name="thing")


def test_the_first_client_generation(served, client):
    operation = client.client.new_update_thing_shadow()
    request = model.UpdateThingShadowRequest(
        thing_name="thing", shadow_name="lamp", payload=b'{"state":{"reported":{"a":1}}}'
    )
    operation.activate(request).result(10)
    answer = operation.get_response().result(10)
    assert json.loads(answer.payload)["version"] == 1
    operation = client.client.new_get_thing_shadow()
    operation.activate(model.GetThingShadowRequest(thing_name="nothing")).result(10)
    with pytest.raises(model.ResourceNotFoundError):
        operation.get_response().result(10)
    operation = client.client.new_delete_thing_shadow()
    request = model.DeleteThingShadowRequest(thing_name="thing", shadow_name="lamp")
    operation.activate(request).result(10)
    assert operation.get_response().result(10).payload == b""
    operation = client.client.new_list_named_shadows_for_thing()
    operation.activate(model.ListNamedShadowsForThingRequest(thing_name="thing")).result(10)
    assert operation.get_response().result(10).results == []
