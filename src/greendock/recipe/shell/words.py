"""Shell text into words and operators, by the quoting rules of POSIX shells.

Pure. Expands nothing: `$NAME` stays as written, and a word tells whether it has such parts. Here
documents are passed over. Text that ends within quotes is not understood. Called by `script`.
"""

from __future__ import annotations

from dataclasses import dataclass

_OPERATORS = (
    "&>>",
    "<<<",
    "<<-",
    "&&",
    "||",
    ";;",
    "|&",
    "&>",
    ">>",
    "<<",
    ">&",
    "<&",
    ">|",
    "<>",
)
_SINGLE = "&|;()<>"
_REDIRECTIONS = frozenset(
    ("<", ">", ">>", "<<", "<<-", "<<<", ">&", "<&", ">|", "<>", "&>", "&>>")
)
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_DEEPEST = 50


class NotUnderstoodError(ValueError):
    """The text ends within quotes, or nests too deeply."""


@dataclass(frozen=True, slots=True)
class Word:
    """`text`: quotes taken off, expansions as written. `inner`: scripts of its command
    substitutions. `may_split`: it can come to no word or to several."""

    text: str
    has_expansion: bool = False
    may_split: bool = False
    is_quoted: bool = False
    inner: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """The command gets exactly `text`."""
        return not self.has_expansion


@dataclass(frozen=True, slots=True)
class Operator:
    """A line's end is one too. `is_redirection`: the next word is a file or a descriptor."""

    text: str
    is_redirection: bool = False


Token = Word | Operator


def read_words(text: str) -> list[Token]:
    """Raises NotUnderstoodError."""
    return _Reader(text).tokens()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._tokens: list[Token] = []
        self._here_ends: list[tuple[str, bool]] = []

    def tokens(self) -> list[Token]:
        while self._at < len(self._text):
            self._next()
        return self._tokens

    def _next(self) -> None:
        char = self._text[self._at]
        if char in " \t\r" or self._text.startswith("\\\n", self._at):
            self._at += 1 if char != "\\" else 2
        elif char == "#":
            end = self._text.find("\n", self._at)
            self._at = len(self._text) if end < 0 else end
        elif char == "\n":
            self._at += 1
            self._tokens.append(Operator("\n"))
            self._pass_here_documents()
        elif char in _SINGLE:
            self._operator()
        else:
            self._word()

    def _operator(self) -> None:
        for text in _OPERATORS:
            if self._text.startswith(text, self._at):
                break
        else:
            text = self._text[self._at]
        self._at += len(text)
        self._tokens.append(Operator(text, text in _REDIRECTIONS))

    def _word(self) -> None:
        word = _WordReader(self._text, self._at)
        read = word.read()
        self._at = word.at
        before = self._tokens[-1] if self._tokens else None
        if isinstance(before, Operator) and before.text in ("<<", "<<-"):
            self._here_ends.append((read.text, before.text == "<<-"))
        next_char = self._text[self._at : self._at + 1]
        if next_char in ("<", ">") and read.text.isdigit() and not read.is_quoted:
            return  # the number of a descriptor
        self._tokens.append(read)

    def _pass_here_documents(self) -> None:
        for mark, takes_tabs in self._here_ends:
            while self._at < len(self._text):
                end = self._text.find("\n", self._at)
                end = len(self._text) if end < 0 else end
                line = self._text[self._at : end]
                self._at = end + 1
                if (line.lstrip("\t") if takes_tabs else line) == mark:
                    break
        self._here_ends.clear()


class _WordReader:
    """Reads one word that begins at `at`."""

    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self.at = at
        self._parts: list[str] = []
        self._inner: list[str] = []
        self._expands = False
        self._splits = False
        self._quoted = False

    def read(self) -> Word:
        while self.at < len(self._text):
            char = self._text[self.at]
            if char in " \t\r\n" or char in _SINGLE:
                break
            self._take(char)
        return Word(
            "".join(self._parts), self._expands, self._splits, self._quoted, tuple(self._inner)
        )

    def _take(self, char: str) -> None:
        if char == "'":
            end = self._find("'", self.at + 1)
            self._parts.append(self._text[self.at + 1 : end])
            self._quoted = True
            self.at = end + 1
        elif char == '"':
            self.at += 1
            self._quoted = True
            self._double()
        elif char == "\\":
            if self._text[self.at + 1 : self.at + 2] != "\n":
                self._parts.append(self._text[self.at + 1 : self.at + 2])
            self.at += 2
        elif char in "$`":
            self._expansion(in_quotes=False)
        else:
            if char in "*?[":
                self._expands = self._splits = True
            self._parts.append(char)
            self.at += 1

    def _double(self) -> None:
        while True:
            char = self._text[self.at : self.at + 1]
            if not char:
                raise NotUnderstoodError("the text ends within double quotes")
            if char == '"':
                self.at += 1
                return
            if char == "\\" and self._text[self.at + 1 : self.at + 2] in ('"', "\\", "$", "`"):
                self._parts.append(self._text[self.at + 1])
                self.at += 2
            elif self._text.startswith("\\\n", self.at):
                self.at += 2
            elif char in "$`":
                self._expansion(in_quotes=True)
            else:
                self._parts.append(char)
                self.at += 1

    def _expansion(self, *, in_quotes: bool) -> None:
        start = self.at
        if self._text[self.at] == "`":
            end = self._find("`", self.at + 1)
            self._inner.append(self._text[self.at + 1 : end])
            self.at = end + 1
        elif self._text.startswith("$(", self.at):
            self.at = _closed(self._text, self.at + 1)
            if not self._text.startswith("$((", start):
                self._inner.append(self._text[start + 2 : self.at - 1])
        elif self._text.startswith("${", self.at):
            self.at = _closed(self._text, self.at + 1)
        else:
            self.at += 1
            if not self._name():
                self._parts.append("$")
                return
        self._expands = True
        self._splits = self._splits or not in_quotes
        self._parts.append(self._text[start : self.at])

    def _name(self) -> bool:
        """Pass over the name of a variable; False when there is none."""
        start = self.at
        if self._text[self.at : self.at + 1] in tuple("@*#?$!-"):
            self.at += 1
            return True
        while self.at < len(self._text) and self._text[self.at] in _NAME:
            self.at += 1
        return self.at > start

    def _find(self, mark: str, start: int) -> int:
        end = self._text.find(mark, start)
        if end < 0:
            raise NotUnderstoodError(f"the text ends without the second {mark}")
        return end


def _closed(text: str, at: int) -> int:
    """Behind the bracket that closes the one at `at`; quotes inside are passed over."""
    pairs = {"(": ")", "{": "}"}
    open_ones: list[str] = []
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "'":
            at = text.find("'", at + 1)
            if at < 0:
                break
        elif open_ones and char == open_ones[-1]:
            open_ones.pop()
            if not open_ones:
                return at + 1
        elif char == '"':
            # Brackets in quotes pair up too, in all that people write.
            pass
        elif char in pairs:
            open_ones.append(pairs[char])
            if len(open_ones) > _DEEPEST:
                raise NotUnderstoodError("too many brackets within brackets")
        at += 1
    raise NotUnderstoodError("the text ends within brackets")
