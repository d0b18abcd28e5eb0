"""Peers that break the protocol, stay silent or send noise harm nobody but themselves."""

from __future__ import annotations

import json
import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greendock.deployment.record import DeploymentRecord, Phase, Status
from greendock.ipc import rpc
from greendock.ipc.eventstream import encode

LIST = "aws.greengrass#ListComponents"
STATUS = "aws.greengrass#GetLocalDeploymentStatus"
SUBSCRIBE = "greendock#SubscribeToDeployment"


def in_progress(deployment_id):
    return DeploymentRecord(deployment_id, 1700000000.0, Status.IN_PROGRESS, Phase.PREPARING)


def headers(kind, flags, stream):
    return [(":message-type", kind), (":message-flags", flags), (":stream-id", stream)]


def connect_message(version="0.1.0", payload=b'{"authToken": "x"}'):
    return encode([(":version", version), *headers(rpc.CONNECT, 0, 0)], payload)


def assert_protocol_error(client, text):
    message = client.receive()
    assert message is not None
    assert rpc.envelope(message)[:3] == (rpc.PROTOCOL_ERROR, 0, 0)
    assert message.headers[":content-type"] == "application/json"
    assert text in json.loads(message.payload)["message"]
    assert client.receive() is None


def assert_works(client, stream=1):
    client.send(rpc.request(stream, LIST, b"{}"))
    message = client.receive()
    assert message is not None
    assert rpc.envelope(message) == (0, 2, stream, None, f"{LIST}Response")
    assert message.headers[":content-type"] == "application/json"
    assert json.loads(message.payload) == {"components": []}


# -- the handshake


@pytest.mark.parametrize(
    "message",
    [
        connect_message(),
        connect_message(payload=b""),
        connect_message(payload=b"{"),
        connect_message(payload=b"[]"),
        connect_message(payload=b"[" * 60000),
        connect_message(payload=b'{"authToken": null}'),
        connect_message(payload=b'{"authToken": ""}'),
        connect_message(payload=b'{"authToken": "\\ud800"}'),
        connect_message(payload=b'{"componentName": "com.example.A"}'),
    ],
)
def test_a_connect_without_a_valid_token_is_refused(serve, raw, message):
    client = raw(serve(linger_s=0.05))
    client.send(message)
    answer = client.receive()
    assert rpc.envelope(answer)[:3] == (rpc.CONNECT_ACK, 0, 0)
    assert client.receive() is None


@pytest.mark.parametrize("version", ["0.1.1", "", 1])
def test_a_valid_token_with_another_version_is_refused(served, raw, version):
    client = raw(served)
    payload = json.dumps({"authToken": served.client_token()}).encode()
    client.send(connect_message(version, payload))
    assert rpc.envelope(client.receive())[:3] == (rpc.CONNECT_ACK, 0, 0)


def test_a_refused_peer_is_not_served_while_it_lingers(serve, raw):
    served = serve(linger_s=0.05)
    client = raw(served)
    client.send(connect_message(), rpc.connect(served.client_token()), rpc.request(1, LIST, b"{}"))
    assert rpc.envelope(client.receive())[:2] == (rpc.CONNECT_ACK, 0)
    assert client.receive() is None


def test_a_refused_peer_may_hang_up_first(serve, raw, eventually):
    """Clients that see the end of the connection first don't report the refusal."""
    served = serve(linger_s=3600)
    client = raw(served)
    client.send(connect_message())
    assert rpc.envelope(client.receive())[:3] == (rpc.CONNECT_ACK, 0, 0)
    assert served.server.connection_count == 1
    client.close()
    eventually(lambda: served.server.connection_count == 0)


def test_a_silent_peer_is_dropped(serve, raw):
    served = serve(handshake_timeout_s=0.05)
    silent, greeted = raw(served), raw(served, served.client_token())
    assert silent.receive() is None
    assert_works(greeted)


def test_half_a_message_is_no_greeting(serve, raw):
    served = serve(handshake_timeout_s=0.05)
    client = raw(served)
    client.send(connect_message()[:-1])
    assert client.receive() is None


def test_a_peer_without_a_token_gets_little_room(served, raw):
    client = raw(served)
    lengths = struct.pack(">II", 1_000_000, 100)
    client.send(lengths + struct.pack(">I", zlib.crc32(lengths)))
    assert client.receive() is None


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 5, 6, 7, 8])
def test_anything_before_connect_is_a_violation(serve, raw, kind):
    served = serve(linger_s=0.05)
    client = raw(served)
    client.send(encode(headers(kind, 0, 0)))
    assert_protocol_error(client, "CONNECT")


def test_many_peers_that_never_greet_make_room_for_one_that_does(serve, raw):
    served = serve(greeting_connections=3, handshake_timeout_s=3600)
    idle = [raw(served) for _ in range(5)]
    assert_works(raw(served, served.client_token()))
    assert idle[0].receive() is None


def test_more_connections_than_allowed_are_refused(serve, raw, eventually):
    served = serve(connections=2)
    token = served.client_token()
    first, second = raw(served, token), raw(served, token)
    assert raw(served).receive() is None
    assert_works(first)
    second.close()
    eventually(lambda: served.server.connection_count == 1)
    assert_works(raw(served, token))


def test_one_component_cannot_take_all_connections(serve, raw, eventually):
    served = serve(connections=8)
    names = "com.example.A", "com.example.B"
    listing = {"p": {"operations": ["*"], "resources": ["*"]}}
    served.policies.update({name: {"aws.greengrass.Cli": listing} for name in names})
    token, other = (served.component_token(name) for name in names)
    first, second = raw(served, token), raw(served, token)
    refused = raw(served)
    refused.send(connect_message(token))
    assert rpc.envelope(refused.receive())[:2] == (rpc.CONNECT_ACK, 0)
    for client in (first, second, raw(served, other), raw(served, served.client_token())):
        assert_works(client)
    second.close()
    eventually(lambda: served.server.connection_count == 3)
    assert_works(raw(served, token))


# -- after the handshake


VIOLATIONS = {
    "second CONNECT": ([connect_message()], "one CONNECT"),
    "missing header": ([encode([(":message-type", 0), (":stream-id", 1)])], "int32"),
    "ping on a stream": ([encode(headers(2, 0, 1))], "stream 1"),
    "request on stream 0": ([rpc.request(0, LIST, b"{}")], "stream 0"),
    "unknown type": ([encode(headers(8, 0, 0))], "type 8"),
    "negative stream": ([rpc.request(-1, LIST, b"{}")], "stream -1"),
    "id skipped": ([rpc.request(2, LIST, b"{}")], "rise by one"),
    "id used again": ([rpc.request(1, LIST, b"{}")] * 2, "ids are used once"),
    "no operation": ([encode(headers(0, 0, 1), b"{}")], "operation"),
}


@pytest.mark.parametrize(("frames", "text"), VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_violations_end_the_connection_with_the_reason(serve, raw, frames, text):
    served = serve(linger_s=0.05)
    client, other = raw(served, served.client_token()), raw(served, served.client_token())
    client.send(*frames)
    for _ in frames[1:]:
        assert rpc.envelope(client.receive())[:2] == (0, 2)
    assert_protocol_error(client, text)
    assert_works(other)


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", rpc.terminate(1)[:-1] + b"\x00", bytes(64)]
)
def test_what_is_no_frame_ends_the_connection_without_a_word(served, raw, garbage):
    client, other = raw(served, served.client_token()), raw(served, served.client_token())
    client.send(garbage)
    assert client.receive() is None
    assert_works(other)


def test_a_peer_that_reports_an_error_is_let_go(served, raw):
    client = raw(served, served.client_token())
    client.send(rpc.protocol_error("you are wrong"))
    assert client.receive() is None


def test_ping_is_answered_with_its_payload_and_its_own_headers(served, raw):
    client = raw(served, served.client_token())
    client.send(encode([*headers(rpc.PING, 0, 0), ("mine", 7), (":theirs", 8)], b"payload"))
    answer = client.receive()
    assert answer.payload == b"payload"
    assert answer.headers == dict([*headers(rpc.PING_RESPONSE, 0, 0), ("mine", 7)])


def test_a_stream_that_ends_with_its_first_message_is_not_carried_out(served, raw):
    client = raw(served, served.client_token())
    request = [(":content-type", "application/json"), ("operation", LIST), *headers(0, 2, 1)]
    client.send(encode(request, b"{}"))
    assert_works(client, stream=2)


def test_the_end_of_a_stream_that_is_over_is_ignored(served, raw):
    client = raw(served, served.client_token())
    assert_works(client, stream=1)
    client.send(rpc.terminate(1))
    assert_works(client, stream=2)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"[]", "not a JSON object"),
        (b"{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b'{"deploymentId": NaN}', "NaN"),
        (b'{"deploymentId": "\\ud800"}', "surrogate"),
        (b'{"deploymentId": "\xed\xa0\x80"}', "not valid JSON"),
        ('{"deploymentId": "x"}'.encode("utf-16"), "not valid JSON"),
        (b'\xef\xbb\xbf{"deploymentId": "x"}', "not valid JSON"),
        (b'{"deploymentId": {}}', "deploymentId has to be a UUID"),
        (b'{"deploymentId": null}', "deploymentId is required"),
        (b"", "deploymentId is required"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"deploymentId":' * 100_000, "not valid JSON"),
    ],
)
def test_requests_that_are_no_requests(served, raw, payload, text):
    client = raw(served, served.client_token())
    client.send(rpc.request(1, STATUS, payload))
    answer = client.receive()
    assert rpc.envelope(answer)[:3] == (rpc.APPLICATION_ERROR, rpc.TERMINATE_STREAM, 1)
    assert answer.headers["service-model-type"] == "aws.greengrass#InvalidArgumentsError"
    body = json.loads(answer.payload)
    assert text in body["message"]
    assert body["_message"] == body["message"]
    assert body["_errorCode"] == "InvalidArgumentsError"
    assert body["_service"] == "aws.greengrass#GreengrassCoreIPC"
    assert_works(client, stream=2)


def test_a_request_as_large_as_a_frame_gets_a_short_answer(served, raw):
    client = raw(served, served.client_token())
    name = "n" * (20 * 1024 * 1024)
    payload = json.dumps({"rootComponentVersionsToAdd": {name: 1}}).encode()
    client.send(rpc.request(1, "aws.greengrass#CreateLocalDeployment", payload))
    answer = client.receive()
    assert answer.headers["service-model-type"] == "aws.greengrass#InvalidArgumentsError"
    assert len(answer.payload) < 20_000


def test_more_data_on_a_subscription_ends_it_with_an_error(served, raw, deployment_id):
    served.deployments.records[deployment_id] = in_progress(deployment_id)
    client = raw(served, served.client_token())
    client.send(rpc.request(1, SUBSCRIBE, rpc.to_json({"deploymentId": deployment_id})))
    assert rpc.envelope(client.receive())[:2] == (0, 0)
    assert rpc.envelope(client.receive()).model == "greendock#DeploymentEvent"
    client.send(rpc.request(1, SUBSCRIBE, b"{}"))
    answer = client.receive()
    assert rpc.envelope(answer)[:3] == (1, 2, 1)
    assert_works(client, stream=2)


def test_streams_of_one_connection_are_limited(serve, raw, deployment_id):
    served = serve(streams=2)
    served.deployments.records[deployment_id] = in_progress(deployment_id)
    client = raw(served, served.client_token())
    for stream in (1, 2):
        client.send(rpc.request(stream, SUBSCRIBE, rpc.to_json({"deploymentId": deployment_id})))
        client.receive()
        client.receive()
    client.send(rpc.request(3, LIST, b"{}"))
    answer = client.receive()
    assert answer.headers["service-model-type"] == "aws.greengrass#ServiceError"
    assert "more than 2 streams" in json.loads(answer.payload)["message"]
    client.send(rpc.terminate(1))
    assert_works(client, stream=4)


def test_a_document_without_an_end_is_refused(served, raw):
    client = raw(served, served.client_token())
    depth = 150
    document = b'{"a":' * depth + b"1" + b"}" * depth
    payload = b'{"componentToConfiguration": {"com.example.A": {"MERGE": ' + document + b"}}}"
    client.send(rpc.request(1, "aws.greengrass#CreateLocalDeployment", payload))
    answer = client.receive()
    assert answer.headers["service-model-type"] == "aws.greengrass#InvalidArgumentsError"
    assert "nested deeper" in json.loads(answer.payload)["message"]


@pytest.mark.parametrize("ending", ["terminate", "hang up"])
def test_what_a_caller_waits_for_is_given_up_with_it(
    served, raw, deployment_id, eventually, ending
):
    served.deployments.records[deployment_id] = in_progress(deployment_id)
    served.deployments.hold_cancel = True
    client = raw(served, served.client_token())
    members = rpc.to_json({"deploymentId": deployment_id})
    client.send(rpc.request(1, "aws.greengrass#CancelLocalDeployment", members))
    eventually(lambda: served.deployments.cancelled != [])
    if ending == "terminate":
        client.send(rpc.terminate(1))
        assert_works(client, stream=2)
    else:
        client.close()
    eventually(lambda: served.deployments.cancel_interrupted)


def test_a_subscriber_that_vanishes_is_forgotten(served, raw, deployment_id, eventually):
    served.deployments.records[deployment_id] = in_progress(deployment_id)
    client = raw(served, served.client_token())
    client.send(rpc.request(1, SUBSCRIBE, rpc.to_json({"deploymentId": deployment_id})))
    client.receive()
    assert served.listener_count() > 0
    client.close()
    eventually(lambda: served.listener_count() == 0)


# -- anything at all


frames = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda kind, flags, stream, payload: encode(
            [*headers(kind, flags, stream), ("operation", LIST)], payload
        ),
        st.integers(-1, 9),
        st.integers(0, 3),
        st.integers(-1, 4),
        st.binary(max_size=50),
    ),
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(frames, max_size=8), st.booleans())
def test_noise_never_harms_another_connection(noise_server, raw, sent, greeted):
    served, token, other, streams = noise_server
    client = raw(served, token if greeted else None)
    try:
        client.send(*sent)
    except (BrokenPipeError, ConnectionResetError):
        assert client.receive() is None
    client.close()
    streams.append(len(streams) + 1)
    assert_works(other, stream=streams[-1])


@pytest.fixture
def noise_server(serve, raw):
    served = serve(linger_s=0.01)
    token = served.client_token()
    return served, token, raw(served, token), []


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_mutated_conversations_never_harm_another_connection(noise_server, raw, data):
    served, token, other, streams = noise_server
    conversation = bytearray(
        rpc.connect(token)
        + rpc.request(1, LIST, b"{}")
        + rpc.request(2, STATUS, b'{"deploymentId": "x"}')
        + rpc.terminate(2)
    )
    for _ in range(data.draw(st.integers(1, 4))):
        conversation[data.draw(st.integers(0, len(conversation) - 1))] ^= 1 << data.draw(
            st.integers(0, 7)
        )
    client = raw(served)
    client.send(bytes(conversation))
    client.close()
    streams.append(len(streams) + 1)
    assert_works(other, stream=streams[-1])
