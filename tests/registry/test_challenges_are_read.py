"""What a 401 asks for is read from any header, and nothing in one can do harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.registry.challenge import Challenge, read_challenges

HUB = (
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
    'scope="repository:library/mysql:pull,push",error="insufficient_scope"'
)
TABLE = [
    (
        HUB,
        [
            (
                "bearer",
                {
                    "realm": "https://auth.docker.io/token",
                    "service": "registry.docker.io",
                    "scope": "repository:library/mysql:pull,push",
                    "error": "insufficient_scope",
                },
            )
        ],
    ),
    ('Basic realm="Registry, private"', [("basic", {"realm": "Registry, private"})]),
    ("BASIC REALM=x", [("basic", {"realm": "x"})]),
    ("Bearer", [("bearer", {})]),
    (r'Basic realm="a \"b\" \\ c"', [("basic", {"realm": r'a "b" \ c'})]),
    (
        'Basic realm = "spaced" , charset = UTF-8',
        [("basic", {"realm": "spaced", "charset": "UTF-8"})],
    ),
    (
        "Negotiate YIIJvwYGKwYBBQUCoIIJ==, Basic realm=x",
        [("negotiate", {}), ("basic", {"realm": "x"})],
    ),
    (
        'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',
        [
            ("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}),
            ("basic", {"realm": "simple"}),
        ],
    ),
    ("Bearer realm=first,realm=second", [("bearer", {"realm": "first"})]),
    ("Basic realm=x,,, ,Bearer realm=y", [("basic", {"realm": "x"}), ("bearer", {"realm": "y"})]),
    ('Bearer realm="never closed', [("bearer", {})]),
    ("realm=nobody", []),
    ("", []),
]


@pytest.mark.parametrize(("header", "expected"), TABLE)
def test_headers_as_servers_write_them(header, expected):
    found = [(x.scheme, dict(x.parameters)) for x in read_challenges([header])]
    if "closed" in header:  # what follows the open quote may be taken for anything
        assert found[0] == expected[0]
        return
    assert found == expected


def test_several_headers_are_one_list():
    found = read_challenges(["Basic realm=x", "Bearer realm=y"])
    assert [x.scheme for x in found] == ["basic", "bearer"]


words = st.text(st.sampled_from("abcXYZ019-_.~"), min_size=1, max_size=12)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


def written(challenges: list[tuple[str, dict[str, str]]]) -> str:
    parts = []
    for scheme, parameters in challenges:
        quoted = (
            '{}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
            for name, value in parameters.items()
        )
        parts.append(f"{scheme} {', '.join(quoted)}".strip())
    return ", ".join(parts)


@given(st.lists(st.tuples(words, st.dictionaries(words.map(str.lower), values, max_size=4))))
def test_what_is_written_is_read(challenges):
    expected = tuple(Challenge(scheme.lower(), parameters) for scheme, parameters in challenges)
    assert read_challenges([written(challenges)]) == expected


@given(st.lists(st.text() | st.text(st.sampled_from('Basicrelm="\\, =')), max_size=4))
def test_no_header_is_too_odd(headers):
    for challenge in read_challenges(headers):
        assert challenge.scheme == challenge.scheme.lower()
        assert all(isinstance(value, str) for value in challenge.parameters.values())


def test_a_long_header_takes_no_long_time():
    # The longest that HTTP clients let through is far below; exponential matching would not end.
    assert len(read_challenges(['a="\\' * 20_000])) == 0
    assert len(read_challenges(["x " * 50_000])) == 50_000
    assert read_challenges(["a" * 200_000 + "/"]) == ()
    assert read_challenges(["a/" * 100_000]) == ()
    assert read_challenges([" " * 100_000 + "= " * 50_000]) == ()
