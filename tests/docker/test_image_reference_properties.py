"""Whatever the text: no crash, work linear in its length, and what is read reads back the same."""

from __future__ import annotations

import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendock.docker.errors import ImageReferenceError
from greendock.docker.reference import ImageReference, parse_artifact_uri, parse_image

LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
component = st.from_regex(r"[a-z0-9]{1,8}(?:(?:[._]|__|-{1,3})[a-z0-9]{1,6}){0,3}", fullmatch=True)
label = st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,6}[A-Za-z0-9])?", fullmatch=True)
port = st.integers(1, 65535).map(lambda number: f":{number}")
host = st.one_of(
    st.lists(label, min_size=2, max_size=4).map(".".join),
    st.just("localhost"),
    st.sampled_from(["[::1]", "[2001:db8::ff]", "docker.io", "index.docker.io"]),
)
registry = st.tuples(host, st.one_of(st.just(""), port)).map("".join)
tag = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
digest = st.sampled_from([("sha256", 64), ("sha384", 96), ("sha512", 128)]).flatmap(
    lambda kind: st.text("0123456789abcdef", min_size=kind[1], max_size=kind[1]).map(
        lambda text: f"{kind[0]}:{text}"
    )
)
path = st.lists(component, min_size=1, max_size=4).map("/".join)


@st.composite
def names(draw: st.DrawFn) -> str:
    """Names that the grammar allows."""
    text = draw(path)
    if draw(st.booleans()) or "." in text.partition("/")[0]:
        text = f"{draw(registry)}/{text}"
    if draw(st.booleans()):
        text += f":{draw(tag)}"
    if draw(st.booleans()):
        text += f"@{draw(digest)}"
    return text


near_names = st.text(f"{LOWER}ABZ._-:/@[]{{}}|<>% \n\u00e9\u0131\u212a\u0660", max_size=60)


def reads_back_the_same(text: str) -> None:
    found = parse_image(text)
    for shown in (found.canonical, found.familiar, found.pull_reference):
        assert parse_image(shown).canonical == found.canonical, text
    assert parse_image(found.familiar) == found, text
    assert parse_artifact_uri(f"docker:{text}") == found, text


def is_read_or_refused(text: str) -> None:
    try:
        found = parse_artifact_uri(f"docker:{text}")
    except ImageReferenceError as error:
        assert 0 <= error.position <= len("docker:") + len(text), text
        assert len(error.message) < 600, text
    else:
        assert found.canonical.isascii(), text
        reads_back_the_same(text)


@settings(max_examples=200, deadline=None)
@given(names())
def test_what_is_read_reads_back_the_same(text):
    reads_back_the_same(text)


@settings(max_examples=500, deadline=None)
@given(st.one_of(near_names, st.text(max_size=300)))
def test_any_text_is_read_or_refused_with_a_place_in_it(text):
    is_read_or_refused(text)


PIECES = ["", "a", "b9", "0", "-", "--", ".", "_", "__", "/", "/", ":", ":", "@", "localhost"]
PIECES += ["docker.io/", "library/", "q.io", ":5000/", "[::1]", "sha256:", "0" * 64, "A", "latest"]
PIECES += ["123456789012.dkr.ecr.us-east-1.amazonaws.com/", "account-id", "[:tag]", " ", "\u00e9"]


def test_ten_thousand_names_put_together_by_chance():
    chance = random.Random(20)
    texts = ["".join(chance.choices(PIECES, k=chance.randint(1, 9))) for _ in range(10_000)]
    for text in texts:
        is_read_or_refused(text)


class Steps:
    """Counts the lines and calls that the parser executes."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _frame: object, _event: str, _argument: object) -> Steps:
        self.count += 1
        return self

    def of(self, text: str) -> int:
        before = sys.gettrace()
        sys.settrace(self)
        try:
            self._parse(text)
        finally:
            sys.settrace(before)
        return self.count

    @staticmethod
    def _parse(text: str) -> ImageReference | None:
        try:
            return parse_image(text)
        except ImageReferenceError:
            return None


HOSTILE = [
    ("a" * 24 + "_", ""),
    ("a-", ""),
    ("a_", ""),
    ("a__", ""),
    ("a.", "!"),
    ("-", "a"),
    ("a/", "A"),
    ("a.", "/x"),
    ("a-", ".io/x"),
    ("0", ".dkr.ecr.us-east-1.amazonaws.com.evil/x"),
    ("a-", ".dkr.ecr.a.amazonaws.com/x"),
    ("[::", "]/x"),
    (":", ""),
    ("@", ""),
    ("a:", ""),
]


@pytest.mark.parametrize(("repeated", "end"), HOSTILE)
def test_hostile_texts_take_steps_in_proportion_to_their_length(repeated, end):
    # A pattern that is exponential or quadratic would not come back from the last length.
    lengths = (1_000, 2_000, 100_000)
    steps = [Steps().of("x" + repeated * (length // len(repeated)) + end) for length in lengths]
    assert steps[1] <= 2 * steps[0] + 200
    assert steps[2] <= 110 * steps[0] + 200
