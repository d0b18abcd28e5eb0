"""A shell script as its simple commands, with what stands between them.

Pure. Not a parser of the whole grammar: `if`, loops, functions and groups only make a script "not
flat", and the commands within them are listed all the same. Called by whoever has to know what a
component's script does with Docker.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from greendock.recipe.shell.words import NotUnderstoodError, Operator, Token, Word, read_words

_KEYWORDS = frozenset(
    [
        "if",
        "then",
        "else",
        "elif",
        "fi",
        "while",
        "until",
        "do",
        "done",
        "esac",
        "{",
        "}",
        "!",
        "time",
        "coproc",
    ]
)
_HEADS = frozenset(("for", "case", "select", "function", "[["))
"""What follows these up to the next operator is no command."""
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_DEEPEST = 5


@dataclass(frozen=True, slots=True)
class Redirection:
    operator: str
    target: Word

    @property
    def is_duplicate(self) -> bool:
        """`2>&1` and the like: no file is named."""
        return self.operator == ">&" and self.target.text in ("1", "2")


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command. `before` and `after`: the operators around it, a line's end among
    them, "" at the ends of the script."""

    words: tuple[Word, ...]
    assignments: tuple[tuple[str, Word], ...] = ()
    redirections: tuple[Redirection, ...] = ()
    before: str = ""
    after: str = ""

    @property
    def name(self) -> str:
        """The program without its folders; "" for mere assignments and for `$PROGRAM`."""
        if not self.words or self.words[0].has_expansion:
            return ""
        return self.words[0].text.rpartition("/")[2]

    @property
    def inner(self) -> Iterator[str]:
        for word in (*self.words, *(value for _, value in self.assignments)):
            yield from word.inner


@dataclass(frozen=True, slots=True)
class Script:
    """`is_flat`: nothing but simple commands. `is_whole`: all of it was understood. `heads`:
    command substitutions of `for` and `case`."""

    commands: tuple[Command, ...]
    is_flat: bool = True
    is_whole: bool = True
    heads: tuple[str, ...] = ()


def read_script(text: str) -> Script:
    """Never raises: what can't be understood says so."""
    try:
        tokens = read_words(text)
    except NotUnderstoodError:
        return Script((), is_flat=False, is_whole=False)
    return _Builder().build(tokens)


def all_commands(text: str, depth: int = 0) -> Iterator[Command]:
    """Those within command substitutions and `sh -c` too."""
    script = read_script(text)
    yield from script.commands
    inside = list(script.heads)
    for command in script.commands:
        inside += (*command.inner, *_given_to_a_shell(command))
    for inner in inside if depth < _DEEPEST else ():
        yield from all_commands(inner, depth + 1)


def _given_to_a_shell(command: Command) -> Iterator[str]:
    texts = [word.text for word in command.words]
    for index, text in enumerate(texts[:-2]):
        if text.rpartition("/")[2] in ("sh", "bash", "dash", "ash"):
            option = texts[index + 1]
            if option.startswith("-") and option.endswith("c"):
                yield texts[index + 2]
                return


@dataclass(slots=True)
class _Builder:
    commands: list[Command] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    assignments: list[tuple[str, Word]] = field(default_factory=list)
    redirections: list[Redirection] = field(default_factory=list)
    before: str = ""
    is_flat: bool = True
    skips: bool = False
    heads: list[str] = field(default_factory=list)

    def build(self, tokens: list[Token]) -> Script:
        waiting: Operator | None = None
        for token in tokens:
            if isinstance(token, Word):
                if waiting is not None:
                    self.redirections.append(Redirection(waiting.text, token))
                    waiting = None
                else:
                    self._word(token)
            elif token.is_redirection:
                waiting = token
            else:
                self._operator(token.text)
        self._end("")
        return Script(tuple(self.commands), self.is_flat, heads=tuple(self.heads))

    def _word(self, word: Word) -> None:
        starts = not self.words and not self.skips
        if starts and not word.is_quoted and word.text in _KEYWORDS:
            self.is_flat = False
        elif starts and not word.is_quoted and word.text in _HEADS:
            self.is_flat = False
            self.skips = True
        elif starts and (match := _ASSIGNMENT.match(word.text)):
            name = match.group().rstrip("+=")
            value = word.text[match.end() :]
            rest = Word(value, word.has_expansion, word.may_split, word.is_quoted, word.inner)
            self.assignments.append((name, rest))
        elif self.skips:
            self.heads += word.inner
        else:
            self.words.append(word)

    def _operator(self, text: str) -> None:
        if text in ("(", ")", ";;"):
            self.is_flat = False
        self._end(text)
        # An empty line after an operator that goes on (`&&`, `|`) changes nothing.
        if text != "\n" or self.before in ("", "\n", ";"):
            self.before = text

    def _end(self, after: str) -> None:
        if self.words or self.assignments or self.redirections:
            command = Command(
                tuple(self.words),
                tuple(self.assignments),
                tuple(self.redirections),
                self.before,
                after,
            )
            self.commands.append(command)
            self.words, self.assignments, self.redirections = [], [], []
            self.before = after
        self.skips = False
