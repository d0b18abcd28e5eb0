"""Command line options as docker and docker-compose read them: which take a value, which don't.

Pure. Written down since `-d` can be an option, or the value or a part of another one. An option
that is not listed makes what follows unclear. Called by `docker_calls`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from greendock.recipe.shell.words import Word


@dataclass(frozen=True, slots=True)
class OptionTable:
    """`switches` and `short_switches` take no value (`--x=false` is possible), `short_values` maps
    letters to long names. Long options that are not switches take a value: all of them where
    `others_take_values`, else those in `values`."""

    switches: frozenset[str]
    short_switches: dict[str, str]
    short_values: dict[str, str]
    values: frozenset[str] = frozenset()
    others_take_values: bool = False
    interspersed: bool = False
    """Options may stand behind the first word that is none."""

    def takes_value(self, name: str) -> bool | None:
        """None: not known."""
        if name in self.switches:
            return False
        if name in self.values or self.others_take_values:
            return True
        return None


@dataclass(frozen=True, slots=True)
class Options:
    """`found`: long names with their values (None for a switch). `is_clear`: all was understood,
    and no expansion stands where options may stand."""

    found: tuple[tuple[str, Word | None], ...]
    rest: tuple[Word, ...]
    is_clear: bool = True

    def values(self, name: str) -> list[Word]:
        return [value for found, value in self.found if found == name and value is not None]

    def has(self, name: str) -> bool:
        """Whether a switch is on: the last one counts."""
        on = False
        for found, value in self.found:
            if found == name:
                on = value is None or value.text.lower() not in ("false", "f", "0")
        return on


def read_options(words: Sequence[Word], table: OptionTable) -> Options:
    """Options from the first word on."""
    return _Reading(words, table).read()


@dataclass(slots=True)
class _Reading:
    words: Sequence[Word]
    table: OptionTable
    at: int = 0
    is_clear: bool = True
    found: list[tuple[str, Word | None]] = field(default_factory=list)
    rest: list[Word] = field(default_factory=list)

    def read(self) -> Options:
        while self.at < len(self.words):
            word = self.words[self.at]
            self.at += 1
            if word.text == "--":
                self.rest += self.words[self.at :]
                break
            if word.text.startswith("--"):
                self._long(word)
            elif word.text.startswith("-") and len(word.text) > 1:
                self._short(word)
            else:
                # Unquoted, it may be options: OPTIONS="-d --rm"; docker run $OPTIONS image
                self.is_clear = self.is_clear and not (word.may_split and word.text[0] in "$`")
                self.rest.append(word)
                if not self.table.interspersed:
                    self.rest += self.words[self.at :]
                    break
        return Options(tuple(self.found), tuple(self.rest), self.is_clear)

    def _long(self, word: Word) -> None:
        name, sign, value = word.text[2:].partition("=")
        takes = self.table.takes_value(name)
        if sign:
            self.is_clear = self.is_clear and takes is not None
            self.found.append((name, Word(value, word.has_expansion, word.may_split)))
        elif takes:
            self.found.append((name, self._value()))
        else:
            self.is_clear = self.is_clear and takes is False
            self.found.append((name, None))

    def _short(self, word: Word) -> None:
        letters = word.text[1:]
        for index, letter in enumerate(letters):
            after = letters[index + 1 :]
            if letter in self.table.short_values:
                value = Word(after.removeprefix("="), word.has_expansion, word.may_split)
                self.found.append(
                    (self.table.short_values[letter], value if after else self._value())
                )
                return
            name = self.table.short_switches.get(letter)
            if name is None:
                self.is_clear = False
                return
            if after.startswith("="):
                self.found.append((name, Word(after[1:], word.has_expansion)))
                return
            self.found.append((name, None))

    def _value(self) -> Word | None:
        if self.at >= len(self.words):
            self.is_clear = False
            return None
        self.at += 1
        return self.words[self.at - 1]
