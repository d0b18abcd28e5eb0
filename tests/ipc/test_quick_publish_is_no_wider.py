"""What the fast way of PublishToTopic lets through, the ordinary way takes, and means the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.ipc.errors import OperationError
from greendock.ipc.kinds import parse
from greendock.ipc.operations.pubsub import QuickPublish
from greendock.ipc.pubsub.broker import Kind, LocalPubSub
from greendock.ipc.shapes.table import OPERATIONS

PUBLISH = OPERATIONS[QuickPublish.OPERATION]
NAMES = {Kind.JSON: "jsonMessage", Kind.BINARY: "binaryMessage"}
DEEP = 101


def read(payload: bytes):
    return QuickPublish(LocalPubSub()).read(payload)


def assert_not_wider(payload: bytes) -> bool:
    """Whether the fast way takes it; if so, the ordinary way has to."""
    request = read(payload)
    if request is None:
        return False
    members = parse(payload, PUBLISH.request)
    assert members["topic"] == request.resource
    [(name, content)] = members["publishMessage"].items()
    assert name == NAMES[request.kind]
    assert json.loads(request.content) == content["message"]
    return True


def message(kind: str, content: str, more: str = "") -> bytes:
    inner = f'{{"{kind}": {{"message": {content}{more}}}}}'
    return f'{{"topic": "a/b", "publishMessage": {inner}}}'.encode()


TAKEN = [
    message("jsonMessage", '{"a": [1, 2.5, null, true, "x\\n\\u00fc"]}'),
    message("jsonMessage", "{}"),
    message("jsonMessage", '{"ü": "ü"}'),
    message("jsonMessage", '  { "a" : 1 }  '),
    message("jsonMessage", '{"a": 1}', ', "context": {"topic": "x"}, "other": 7'),
    message("jsonMessage", '{"a": "' + "x" * 100_000 + '"}'),
    message("binaryMessage", '"AAH/"'),
    message("binaryMessage", '""'),
    b'{"publishMessage": {"binaryMessage": {"message": "AA=="}, "jsonMessage": null},'
    b' "topic": "\\u0061"}',
]
LEFT = [
    b"",
    b"[]",
    b"{",
    message("jsonMessage", "[1]"),
    message("jsonMessage", "null"),
    message("jsonMessage", '"text"'),
    message("jsonMessage", '{"a": NaN}'),
    message("jsonMessage", '{"a": 01}'),
    message("jsonMessage", '{"a": 1.}'),
    message("jsonMessage", '{"a": +1}'),
    message("jsonMessage", '{"a": "\t"}'),
    message("jsonMessage", '{"a": "\\x"}'),
    message("jsonMessage", '{"a": "\\ud800"}'),
    message("jsonMessage", '{"a": 1,}'),
    message("jsonMessage", "{'a': 1}"),
    message("jsonMessage", '{"a": ' + "1" * 5000 + "}"),
    message("jsonMessage", '{"a":' * DEEP + "1" + "}" * DEEP),
    message("jsonMessage", '{"a":' * 5000 + "1" + "}" * 5000),
    message("jsonMessage", "{}", ', "context": 5'),
    message("jsonMessage", "{}", ', "context": {"topic": 5}'),
    message("jsonMessage", "{}") + b"x",
    message("jsonMessage", '{"a": "X"}').replace(b"X", b"\xff"),
    message("jsonMessage", '{"a": "X"}').replace(b"X", b"\xed\xa0\x80"),
    message("binaryMessage", '"AAH"'),
    message("binaryMessage", '"AA-_"'),
    message("binaryMessage", '"A\\u0041AA"'),
    message("binaryMessage", "{}"),
    message("binaryMessage", "7"),
    message("otherMessage", "{}"),
    b'{"topic": 5, "publishMessage": {"jsonMessage": {"message": {}}}}',
    b'{"topic": "a", "publishMessage": {}}',
    b'{"topic": "a", "publishMessage": {"jsonMessage": {}}}',
    b'{"topic": "a", "publishMessage": {"jsonMessage": {"message": {}},'
    b' "binaryMessage": {"message": ""}}}',
]


@pytest.mark.parametrize("payload", TAKEN)
def test_common_requests_take_the_fast_way(payload):
    assert assert_not_wider(payload)


@pytest.mark.parametrize("payload", LEFT)
def test_odd_requests_are_left_to_the_ordinary_way(payload):
    assert read(payload) is None


@pytest.mark.parametrize("depth", [99, 100])
def test_the_deepest_documents_are_the_same_for_both_ways(depth):
    assert assert_not_wider(message("jsonMessage", '{"a":' * depth + "1" + "}" * depth))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), json_values, max_size=4), st.booleans())
def test_whatever_a_document_is(document, ascii_only):
    whole = {"topic": "t", "publishMessage": {"jsonMessage": {"message": document}}}
    text = json.dumps(whole, ensure_ascii=ascii_only)
    assert_not_wider(text.encode("utf-8", "surrogatepass"))


@given(st.data())
def test_whatever_becomes_of_a_request(data):
    payload = bytearray(data.draw(st.sampled_from(TAKEN[:5] + TAKEN[6:])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(payload) - 1))
        change = data.draw(st.sampled_from(["flip", "cut", "insert", "repeat"]))
        if change == "flip":
            payload[at] = data.draw(st.integers(0, 255))
        elif change == "cut":
            del payload[at : at + data.draw(st.integers(1, 4))]
        elif change == "insert":
            payload[at:at] = data.draw(st.sampled_from(ODD))
        else:
            payload[at:at] = payload[at : at + 10]
        if not payload:
            break
    assert_not_wider(bytes(payload))


ODD = [b"\\u", b"\\", b'"', b"{", b"}", b"[", b",", b":", b"1e999", b"-", b"0", b"\xc3", b"null",
       b" ", b"\n", b"\x00", b"1E+5", b".5", b"\\ud83d\\ude00", b"/*", b"NaN", b"tru"]  # fmt: skip


def test_an_infinite_number_stays_as_it_was_written():
    """The text is passed on; only who reads it may think it infinite."""
    request = read(message("jsonMessage", '{"a": 1e999}'))
    assert request is None or request.content == b'{"a": 1e999}'


def test_errors_are_those_of_the_ordinary_way():
    with pytest.raises(OperationError, match="nested deeper"):
        parse(message("jsonMessage", '{"a":' * DEEP + "1" + "}" * DEEP), PUBLISH.request)
