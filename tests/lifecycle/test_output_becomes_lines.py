"""Bytes to lines: nothing lost, bounded, split like Greengrass."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from greendock.base.lines import LineSplitter


def split(data: bytes, cuts: list[int], limit: int = 64 * 1024) -> list[str]:
    splitter, lines, at = LineSplitter(limit), [], 0
    for cut in sorted({c % (len(data) + 1) for c in cuts}):
        lines += splitter.feed(data[at:cut])
        at = cut
    return [*lines, *splitter.feed(data[at:]), *splitter.finish()]


TEXT = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=20)


@given(
    st.lists(st.tuples(TEXT, st.sampled_from(["\n", "\r", "\r\n"])), max_size=20),
    st.lists(st.integers(0, 1000)),
)
def test_lines_do_not_depend_on_chunks(parts, cuts):
    # "\r" before an empty line with "\n" reads as one line end, as it should.
    parts = [(text or "x", end) for text, end in parts]
    data = "".join(text + end for text, end in parts).encode()
    assert split(data, cuts) == [text for text, _ in parts]


@given(
    st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"])),
    st.lists(st.integers(0, 500)),
)
def test_long_lines_are_cut_between_characters(text, cuts):
    lines = split(text.encode() + b"\n", cuts, limit=8)
    assert "".join(lines) == text
    assert all(len(line.encode()) <= 8 for line in lines)


def test_blank_lines_and_a_missing_end_are_kept():
    assert split(b"a\n\nb", []) == ["a", "", "b"]
    assert split(b"", []) == []
    assert split(b"\r\n\r\n", [1, 2, 3]) == ["", ""]
