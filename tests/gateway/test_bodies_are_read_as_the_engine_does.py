"""Names in any spelling, repeated members, null, odd bytes: one reading is left."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.gateway.json_body import (
    DEEPEST,
    LIST,
    MAP,
    PLAIN,
    Number,
    Shape,
    UnreadableBody,
    fold,
    read_object,
    written,
)

HOST = Shape({"Privileged": PLAIN, "Memory": PLAIN, "NetworkMode": PLAIN, "Binds": LIST})
BODY = Shape({"Image": PLAIN, "Labels": MAP, "HostConfig": HOST})

READINGS: list[tuple[str, dict[str, Any]]] = [
    ('{"hostconfig":{"PRIVILEGED":true}}', {"HostConfig": {"Privileged": True}}),
    ('{"ho\u017ftconfig":{"privileged":true}}', {"HostConfig": {"Privileged": True}}),
    ('{"HostConfig":{"Networ\u212aMode":"host"}}', {"HostConfig": {"NetworkMode": "host"}}),
    ('{"\\u0048ostConfig":{"Memory":1}}', {"HostConfig": {"Memory": 1}}),
    ('{"ho\\u017ftconfig":{"Memory":1}}', {"HostConfig": {"Memory": 1}}),
    # No other folding: a dotless i, a full-width letter.
    ('{"HostConf\u0131g":{"Memory":1}}', {"HostConf\u0131g": {"Memory": 1}}),
    ('{"\uff28ostConfig":1}', {"\uff28ostConfig": 1}),
    # Repeated objects add up, in every depth and spelling; of plain values the last counts.
    (
        '{"HostConfig":{"Privileged":true},"hostconfig":{"Memory":8}}',
        {"HostConfig": {"Privileged": True, "Memory": 8}},
    ),
    ('{"HostConfig":{"Memory":1,"memory":2}}', {"HostConfig": {"Memory": 2}}),
    (
        '{"HostConfig":{"Privileged":true,"privileged":false}}',
        {"HostConfig": {"Privileged": False}},
    ),
    # null changes no plain value, and empties an object.
    ('{"HostConfig":{"Privileged":true,"privileged":null}}', {"HostConfig": {"Privileged": True}}),
    (
        '{"HostConfig":{"Privileged":true},"hostconfig":{"privileged":null}}',
        {"HostConfig": {"Privileged": True}},
    ),
    ('{"HostConfig":{"Privileged":true},"HostConfig":null}', {"HostConfig": None}),
    ('{"HostConfig":{"Binds":["/:/x"],"binds":null}}', {"HostConfig": {"Binds": None}}),
    ('{"HostConfig":{"Binds":["/:/x"],"binds":[]}}', {"HostConfig": {"Binds": []}}),
    # A map's names are data: case counts, and a repeated map adds to the first.
    ('{"Labels":{"a":"1"},"labels":{"A":"2"}}', {"Labels": {"a": "1", "A": "2"}}),
    ('{"Labels":{"a":"1"},"labels":null}', {"Labels": None}),
    ('{"Labels":{"a":"1","a":"2"}}', {"Labels": {"a": "2"}}),
    # What nobody knows stays.
    ('{"Other":{"x":[1,{"y":null}]}}', {"Other": {"x": [1, {"y": None}]}}),
    ('  {"Image":"a"}\n\t ', {"Image": "a"}),
]


@pytest.mark.parametrize(("text", "meaning"), READINGS)
def test_a_body_has_the_engines_meaning(text: str, meaning: dict[str, Any]):
    assert read_object(text.encode(), BODY) == meaning


@pytest.mark.parametrize(("text", "meaning"), READINGS)
def test_what_is_sent_on_reads_the_same(text: str, meaning: dict[str, Any]):
    again = written(read_object(text.encode(), BODY))
    assert json.loads(again) == meaning


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b'{"a":1}{"HostConfig":{"Privileged":true}}',
        b'{"a":1} x',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":01}',
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":"\x01"}',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'{"a":' * 100_000,
        b'{"a":' * (DEEPEST + 2) + b"1" + b"}" * (DEEPEST + 2),
        b'{"a":' + b"[" * (DEEPEST + 2) + b"]" * (DEEPEST + 2) + b"}",
    ],
)
def test_what_is_not_exactly_one_object_is_refused(body: bytes):
    with pytest.raises(UnreadableBody):
        read_object(body, BODY)


def test_bytes_that_are_not_utf8_and_halves_of_pairs_become_the_replacement():
    assert read_object(b'{"Image":"a\xff"}', BODY) == {"Image": "a\ufffd"}
    assert read_object(rb'{"Image":"\ud800"}', BODY) == {"Image": "\ufffd"}
    assert read_object(rb'{"Image":"\ud83d\ude00"}', BODY) == {"Image": "\U0001f600"}


@pytest.mark.parametrize(
    "number", ["1.50", "1e400", "-0.0", "123456789012345678901234567890", "9" * 5000, "1E+2"]
)
def test_numbers_are_kept_as_they_are_written(number: str):
    members = read_object(f'{{"x":{number}}}'.encode(), BODY)
    assert members == {"x": Number(number)}
    assert written(members) == f'{{"x":{number}}}'.encode()


@pytest.mark.parametrize("number", [0, -1, 2**63 - 1, -(2**63), 2**64 - 1])
def test_whole_numbers_of_64_bits_are_numbers(number: int):
    members = read_object(f'{{"HostConfig":{{"memory":{number}}}}}'.encode(), BODY)
    assert members == {"HostConfig": {"Memory": number}}


def go_equal_fold(one: str, other: str) -> bool:
    """strings.EqualFold for a name of ASCII letters: Unicode's simple folding has two letters
    beyond ASCII in these orbits."""
    orbits = {"\u017f": "S", "\u212a": "K"}

    def plain(text: str) -> list[str]:
        return [orbits.get(c, c.upper() if c.isascii() else c) for c in text]

    return plain(one) == plain(other)


LETTERS = st.text(alphabet="kKsS\u017f\u212aiI\u0131\u0130\uff2baZ_1", max_size=6)


@given(LETTERS, LETTERS)
def test_names_fold_as_in_go(one: str, other: str):
    assert (fold(one) == fold(other)) == go_equal_fold(one, other)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_a_body_of_which_nothing_is_known_comes_through_whole(members: dict[str, Any]):
    sent = written(read_object(json.dumps(members).encode(), Shape()))
    expected = json.loads(json.dumps(members).encode("utf-8", "replace"))
    assert json.loads(sent) == expected


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(body: bytes):
    try:
        members = read_object(body, BODY)
    except UnreadableBody:
        return
    assert read_object(written(members), BODY) == members
