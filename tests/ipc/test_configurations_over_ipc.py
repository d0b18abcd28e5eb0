"""Configurations are read, changed and watched with the official client, V2 and V1, unmodified."""

from __future__ import annotations

import contextlib
import datetime
import queue
from collections.abc import Iterator

import awsiot.greengrasscoreipc
import pytest
from awsiot.greengrasscoreipc import client as v1
from awsiot.greengrasscoreipc import model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from configuration_fakes import SET_AT_MS

from greendock.base.errors import DeviceError, UsageError
from greendock.config.changes import ConfigurationChanged
from greendock.ipc import rpc

A, B = "com.example.A", "com.example.B"
CONFIGURATION = {
    "Port": 80,
    "none": None,
    "list": [1, {"_x": 1}],
    "Web": {"Host": "h", "_hidden": 1, "empty": {}},
}


def at(seconds_later: float) -> datetime.datetime:
    """A time relative to when the configurations were set."""
    return datetime.datetime.fromtimestamp(SET_AT_MS / 1000 + seconds_later, datetime.UTC)


@pytest.fixture
def client(served, connect):
    """A connection of component A; A and B have configurations."""
    served.configurations.set(A, CONFIGURATION)
    served.configurations.set(B, {"key": "value", "accessControl": {}})
    return connect(served, served.component_token(A))


@contextlib.contextmanager
def refused(error: type[Exception], text: str) -> Iterator[None]:
    with pytest.raises(error) as caught:
        yield
    assert text in caught.value.message


class Events:
    """What a subscription brought, in order."""

    def __init__(self) -> None:
        self.queue: queue.Queue = queue.Queue()
        self.closed: queue.Queue = queue.Queue()

    def of(self, client: GreengrassCoreIPCClientV2, **request):
        _, operation = client.subscribe_to_configuration_update(
            **request,
            on_stream_event=self.queue.put,
            on_stream_error=lambda error: True,
            on_stream_closed=lambda: self.closed.put(True),
        )
        return operation

    def next(self) -> tuple[str, list[str]]:
        event = self.queue.get(timeout=10).configuration_update_event
        return event.component_name, event.key_path


# -- reading


@pytest.mark.parametrize(
    ("key_path", "value"),
    [
        (None, {**CONFIGURATION, "Web": {"Host": "h", "empty": {}}}),
        ([], {**CONFIGURATION, "Web": {"Host": "h", "empty": {}}}),
        (["Port"], {"Port": 80}),
        (["port"], {"Port": 80}),
        (["none"], {"none": None}),
        (["list"], {"list": [1, {"_x": 1}]}),
        (["WEB"], {"Host": "h", "empty": {}}),
        (["web", "host"], {"Host": "h"}),
        (["web", "_hidden"], {"_hidden": 1}),
        (["web", "empty"], {}),
    ],
)
def test_get_gives_containers_bare_and_leaves_with_their_names(client, key_path, value):
    answer = client.get_configuration(key_path=key_path)
    assert (answer.component_name, answer.value) == (A, value)


def test_any_component_may_be_read_by_anybody_in_any_case(served, client, connect):
    answer = client.get_configuration(component_name=B.upper(), key_path=["KEY"])
    assert (answer.component_name, answer.value) == (B, {"key": "value"})
    person = connect(served, served.client_token())
    assert person.get_configuration(component_name=A, key_path=["port"]).value == {"Port": 80}


@pytest.mark.parametrize(
    ("component", "key_path"),
    [
        (None, ["nothing"]),
        (None, ["Port", "deeper"]),
        (None, ["Web", "Host", "deeper"]),
        ("com.example.None", []),
        ("com.example.None", ["Port"]),
    ],
)
def test_what_is_not_there_is_a_key_not_found(client, component, key_path):
    for ask in (client.get_configuration, client.subscribe_to_configuration_update):
        more = {"stream_handler": None} if ask != client.get_configuration else {}
        with pytest.raises(model.ResourceNotFoundError) as caught:
            ask(component_name=component, key_path=key_path, **more)
        assert caught.value.message == "Key not found"
        assert caught.value.resource_type == "Key"


def test_a_client_has_no_configuration_of_its_own(served, connect):
    person = connect(served, served.client_token())
    with pytest.raises(model.ResourceNotFoundError):
        person.get_configuration(key_path=[])
    with refused(model.UnauthorizedError, "it is no component"):
        person.update_configuration(value_to_merge={"a": 1}, timestamp=at(1))


# -- updating


def test_update_merges_into_the_own_configuration(served, client):
    client.update_configuration(
        key_path=["web"], timestamp=at(1), value_to_merge={"host": "n", "x": None}
    )
    client.update_configuration(timestamp=at(1), value_to_merge={"new": {"list": [True, 1.5]}})
    client.update_configuration(key_path=["deep", "er"], timestamp=at(1), value_to_merge={"k": 1})
    assert served.configurations.plain(A) == {
        **CONFIGURATION,
        "Web": {"Host": "n", "_hidden": 1, "empty": {}, "x": None},
        "new": {"list": [True, 1.5]},
        "deep": {"er": {"k": 1}},
    }
    assert served.configurations.plain(B) == {"key": "value", "accessControl": {}}


def test_milliseconds_of_time_stamps_count(served, client):
    client.update_configuration(timestamp=at(0.002), value_to_merge={"Port": 1})
    client.update_configuration(timestamp=at(0.002), value_to_merge={"Port": 2})
    with refused(model.FailedUpdateConditionCheckError, "newer than the request"):
        client.update_configuration(timestamp=at(0.001), value_to_merge={"Port": 3})
    assert served.configurations.plain(A)["Port"] == 2
    assert served.configurations.trees[A]["Port"].timestamp_ms == SET_AT_MS + 2


def test_an_older_update_changes_what_is_older_still(served, client):
    client.update_configuration(timestamp=at(10), value_to_merge={"Port": 1})
    with pytest.raises(model.FailedUpdateConditionCheckError):
        client.update_configuration(timestamp=at(5), value_to_merge={"Port": 2, "none": 2})
    assert (served.configurations.plain(A)["Port"], served.configurations.plain(A)["none"]) == (
        1,
        2,
    )
    client.update_configuration(key_path=["Web"], timestamp=at(5), value_to_merge={"Host": "n"})


@pytest.mark.parametrize(
    ("request_members", "reason"),
    [
        ({"value_to_merge": {"a": 1}}, "timestamp is required"),
        ({"timestamp": at(1)}, "valueToMerge is required"),
        ({"timestamp": at(1), "value_to_merge": {"ACCESScontrol": {}}}, "accessControl"),
        (
            {"timestamp": at(1), "key_path": ["accessControl", "x"], "value_to_merge": {}},
            "accessControl",
        ),
        ({"timestamp": at(1), "value_to_merge": {"a": "x" * 1024 * 1024}}, "are the most"),
        ({"timestamp": at(1), "key_path": ["k"] * 101, "value_to_merge": {}}, "deeper than"),
        (
            {
                "timestamp": datetime.datetime(1969, 1, 1, tzinfo=datetime.UTC),
                "value_to_merge": {"a": 1},
            },
            "out of range",
        ),
    ],
)
def test_what_no_configuration_takes_is_an_invalid_argument(
    served, client, request_members, reason
):
    with pytest.raises(model.InvalidArgumentsError) as caught:
        client.update_configuration(**request_members)
    assert reason in caught.value.message
    assert served.configurations.plain(A) == CONFIGURATION


@pytest.mark.parametrize("timestamp", ["1e400", "1e300", "-1"])
def test_hostile_time_stamps_are_invalid_arguments(served, client, raw, timestamp):
    peer = raw(served, served.component_token(A))
    payload = f'{{"timestamp": {timestamp}, "valueToMerge": {{"a": 1}}}}'
    peer.send(rpc.request(1, "aws.greengrass#UpdateConfiguration", payload.encode()))
    answer = peer.receive()
    assert b"out of range" in answer.payload


def test_what_the_core_refuses_or_can_not_store_arrives_as_such(served, client):
    served.configurations.error = UsageError(f"cannot update {A}: it is part of the core")
    with refused(model.InvalidArgumentsError, "part of the core"):
        client.update_configuration(timestamp=at(1), value_to_merge={"a": 1})
    served.configurations.error = DeviceError("cannot write the core's database: full")
    with refused(model.ServiceError, "database: full"):
        client.update_configuration(timestamp=at(1), value_to_merge={"a": 1})


# -- watching


def test_one_event_for_each_changed_leaf(client):
    events = Events()
    events.of(client, key_path=[])
    client.update_configuration(
        timestamp=at(1),
        value_to_merge={"port": 81, "Web": {"Host": "h", "x": {"y": 1}}, "list": {"k": 1}},
    )
    found = sorted(events.next() for _ in range(4))
    assert found == [
        (A, ["Port"]),
        (A, ["Web", "x", "y"]),
        (A, ["list"]),
        (A, ["list", "k"]),
    ]
    # A time stamp alone, an empty map and a refused update are no changes; the next event is.
    client.update_configuration(timestamp=at(2), value_to_merge={"Port": 81, "nothing": {}})
    with pytest.raises(model.InvalidArgumentsError):
        client.update_configuration(timestamp=at(3), value_to_merge={"accessControl": 1})
    client.update_configuration(timestamp=at(3), value_to_merge={"last": 1})
    assert events.next() == (A, ["last"])


def test_a_subscription_is_for_one_component_and_what_lies_below_a_key(served, client, connect):
    other = connect(served, served.component_token(B))
    events = Events()
    events.of(other, component_name=A.lower(), key_path=["WEB", "host"])
    other.update_configuration(timestamp=at(1), value_to_merge={"Web": {"Host": 1}})
    client.update_configuration(timestamp=at(1), value_to_merge={"Port": 1, "Webs": 1})
    client.update_configuration(key_path=["Web"], timestamp=at(1), value_to_merge={"Host": 1})
    assert events.next() == (A, ["Web", "Host"])
    client.update_configuration(timestamp=at(2), value_to_merge={"Web": {"Host": {"x": 1}}})
    assert [events.next(), events.next()] == [(A, ["Web", "Host"]), (A, ["Web", "Host", "x"])]


def test_removals_and_changes_by_the_core_are_told_as_well(served, client):
    events = Events()
    events.of(client, component_name=B)
    served.publish(ConfigurationChanged(B, (("gone", "leaf"), ("key",))))
    assert [events.next(), events.next()] == [(B, ["gone", "leaf"]), (B, ["key"])]


def test_a_closed_subscription_holds_nothing(served, client, eventually):
    before = served.listener_count()
    operation = Events().of(client, key_path=[])
    assert served.listener_count() == before + 1
    operation.close().result(10)
    eventually(lambda: served.listener_count() == before)


def test_a_reader_too_slow_for_the_events_loses_the_subscription_not_the_connection(
    serve, raw, eventually
):
    served = serve(droppable_backlog=4096)
    served.configurations.set(A, CONFIGURATION)
    before = served.listener_count()
    peer = raw(served, served.component_token(A))
    peer.send(rpc.request(1, "aws.greengrass#SubscribeToConfigurationUpdate", b"{}"))
    assert b"{}" in peer.receive().payload
    many = tuple((f"key{number}" + "x" * 1000,) for number in range(1000))
    served.publish(ConfigurationChanged(A, many))
    assert served.listener_count() == before
    while b"configurationUpdateEvent" in (message := peer.receive()).payload:
        pass
    assert rpc.envelope(message)[1] == rpc.TERMINATE_STREAM
    peer.send(rpc.request(2, "aws.greengrass#GetConfiguration", b'{"keyPath": ["port"]}'))
    assert b"80" in peer.receive().payload


# -- the first generation of clients


def test_version_1_of_the_client(served, client):
    connection = awsiot.greengrasscoreipc.connect(
        ipc_socket=str(served.socket_path), authtoken=served.component_token(A)
    )
    heard: queue.Queue = queue.Queue()

    class Handler(v1.SubscribeToConfigurationUpdateStreamHandler):
        def on_stream_event(self, event):
            heard.put(event.configuration_update_event.key_path)

    try:
        watch = connection.new_subscribe_to_configuration_update(Handler())
        watch.activate(
            model.SubscribeToConfigurationUpdateRequest(component_name=A, key_path=[])
        ).result(10)
        watch.get_response().result(10)
        update = connection.new_update_configuration()
        update.activate(
            model.UpdateConfigurationRequest(
                key_path=["Web"], timestamp=at(1), value_to_merge={"Host": "n"}
            )
        ).result(10)
        assert update.get_response().result(10) is not None
        assert heard.get(timeout=10) == ["Web", "Host"]
        read = connection.new_get_configuration()
        read.activate(model.GetConfigurationRequest(key_path=["Web", "Host"])).result(10)
        assert read.get_response().result(10).value == {"Host": "n"}
        refused = connection.new_update_configuration()
        refused.activate(
            model.UpdateConfigurationRequest(
                key_path=["Web"], timestamp=at(0), value_to_merge={"Host": "o"}
            )
        ).result(10)
        with pytest.raises(model.FailedUpdateConditionCheckError):
            refused.get_response().result(10)
    finally:
        connection.close().result(10)
