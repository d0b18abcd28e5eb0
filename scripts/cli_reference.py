"""Writes the command tables of docs/reference/cli.md from the argument parsers.

Run it after changing an option; with --check it only says whether the page is up to date (a test
does that). Takes names, values and help texts from argparse's actions and not from its printed
help, whose layout differs between Python versions.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from greendock.cli.main import build_parser

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"
BEGIN = "<!-- written by scripts/cli_reference.py: begin -->"
END = "<!-- end -->"
_SHARED = ("--help", "--root", "--version")


def leaves(
    parser: argparse.ArgumentParser, words: str
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command that can be run, with its words."""
    groups = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        yield words, parser
    for group in groups:
        for name, child in group.choices.items():
            yield from leaves(child, f"{words} {name}")


def section(words: str, parser: argparse.ArgumentParser) -> list[str]:
    lines = [f"### `{words}`", "", f"{_sentence(parser.description or '')}", ""]
    rows = [_row(action) for action in parser._actions if _is_own(action)]
    if rows:
        lines += ["| option | meaning |", "|---|---|", *rows, ""]
    if parser.epilog:
        lines += ["```", parser.epilog.strip(), "```", ""]
    return lines


def _is_own(action: argparse.Action) -> bool:
    return not any(name in action.option_strings for name in _SHARED)


def _row(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
    if action.nargs == "?":
        value = f"[{value}]"
    names = ", ".join(f"`{name}`" for name in action.option_strings) or f"`{value}`"
    if action.option_strings and value:
        names += f" `{value}`"
    needed = " (required)" if action.required and action.option_strings else ""
    cells = (text.replace("|", "\\|") for text in (names, f"{action.help}{needed}"))
    return f"| {' | '.join(cells)} |"


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."


def page() -> str:
    """The page with its tables written anew."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    lines = [
        line
        for words, parser in leaves(build_parser(), "greendock")
        for line in section(words, parser)
    ]
    return f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n{END}{after}"


def main(argv: list[str]) -> int:
    text = page()
    if "--check" in argv:
        return 0 if text == PAGE.read_text(encoding="utf-8") else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
