"""Says in a reader's words what is wrong with text that is not YAML.

Decides by the characters where the parser stopped, not by the parser's wording. Called by
`yaml_reader`.
"""

from __future__ import annotations

import re

import yaml

from greendock.recipe.lines import Lines
from greendock.recipe.malformed import MalformedError

_INDICATORS = "@`%*&!|>"
_VARIABLE_VALUE = re.compile(r"(?:^|[:\-])[ ]+(\{[\w.\-]+:[^{}\n]*\})", re.ASCII)
_QUOTES = "'\""


def explain(error: yaml.MarkedYAMLError, text: str, lines: Lines) -> MalformedError:
    """The fault at the place that a writer has to change."""
    problem = error.problem_mark.index if error.problem_mark else 0
    context = error.context_mark.index if error.context_mark else problem
    return (
        _tab(problem, text, lines)
        or _indicator((context, problem), text, lines)
        or _quotes(context, problem, text, lines)
        or _variable(problem, text, lines)
        or _colon(problem, text, lines)
        or MalformedError(
            lines.place(problem),
            "invalid-yaml",
            f"not valid YAML: {error.problem}" + (f" ({error.context})" if error.context else ""),
            "check indentation, brackets and quotes here and in the line above",
        )
    )


def _tab(at: int, text: str, lines: Lines) -> MalformedError | None:
    if text[at : at + 1] != "\t":
        return None
    return MalformedError(
        lines.place(at),
        "tab-indentation",
        "a tab cannot indent YAML",
        "replace the tab by spaces",
    )


def _indicator(offsets: tuple[int, ...], text: str, lines: Lines) -> MalformedError | None:
    for at in offsets:
        sign = text[at : at + 1]
        if sign and sign in _INDICATORS:
            value = re.split(r"[\r\n]", text[at : at + 80], maxsplit=1)[0].rstrip()
            return MalformedError(
                lines.place(at),
                "quote-value",
                f"a value that starts with {sign} must be quoted",
                f'quote this value: "{value}"',
            )
    return None


def _quotes(context: int, problem: int, text: str, lines: Lines) -> MalformedError | None:
    opening = text[context : context + 1]
    if not opening or opening not in _QUOTES:
        return None
    if opening == '"' and text[problem : problem + 1] == "\\":
        return MalformedError(
            lines.place(problem),
            "invalid-escape",
            "this \\ begins no escape that YAML knows",
            "write \\\\ for a backslash, or use single quotes",
        )
    return MalformedError(
        lines.place(context),
        "unclosed-quote",
        f"the {opening} that opens here is not closed",
        f"close it with {opening}, and write a {opening} inside as {_escaped(opening)}",
    )


def _escaped(quote: str) -> str:
    return "''" if quote == "'" else '\\"'


def _variable(problem: int, text: str, lines: Lines) -> MalformedError | None:
    """`Run: {artifacts:path}/x` is a flow map to YAML; the writer meant a recipe variable."""
    start = lines.line_start(problem)
    for begin in (start, lines.line_start(max(start - 1, 0))):
        line = re.split(r"[\r\n]", text[begin : begin + 1000], maxsplit=1)[0]
        match = _VARIABLE_VALUE.search(line)
        if match:
            return MalformedError(
                lines.place(begin + match.start(1)),
                "quote-value",
                "a value that starts with { must be quoted, or YAML reads it as a map",
                f'quote this value: "{line[match.start(1) :].rstrip()}"',
            )
    return None


def _colon(at: int, text: str, lines: Lines) -> MalformedError | None:
    if text[at : at + 1] != ":":
        return None
    return MalformedError(
        lines.place(at),
        "invalid-yaml",
        "this : cannot stand here",
        "put a nested map on lines of its own, quote text that contains ': ', "
        "and check the line above",
    )
