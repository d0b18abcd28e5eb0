"""The order of command-line words: global options may stand before the command or after it.

Pure. argparse wants an option where its parser reads it, so `main` has the words put in that
order first. Knows the shape of the command line only, not what any option means.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

_WITH_VALUE = ("--root", "--ggcRootPath")
_STAY = ("-h", "--help", "-V", "--version", "--")
_MESSAGE = {"-m": "--message", "--message": "--message"}
_DASHED_VALUES = {
    "logs": {"-t": "--time-window", "--time-window": "--time-window"},
    "pubsub": _MESSAGE,
    "iotcore": _MESSAGE,
}
"""Options of a command whose values may start with a dash and a digit, with their long names."""


def arrange(argv: Sequence[str], groups: Collection[str]) -> list[str]:
    """`argv` with the command words first. `groups` are the commands that have subcommands.

    `--root /r component --json list -x` becomes `component list --root /r --json -x`.
    """
    words: list[str] = []
    moved: list[str] = []
    position, wanted = 0, 1
    while position < len(argv) and len(words) < wanted:
        word = argv[position]
        if word in _STAY:
            break
        size = 2 if word in _WITH_VALUE else 1
        if word.startswith("-"):
            moved += argv[position : position + size]
        else:
            words.append(word)
            wanted = 2 if words[0] in groups else 1
        position += size
    dashed = _DASHED_VALUES.get(words[0], {}) if words else {}
    return words + moved + _joined(argv[position:], dashed)


def _joined(argv: Sequence[str], dashed: Mapping[str, str]) -> list[str]:
    """Relative times start with a dash (`-t -1h,`), and messages may (`-m -5C`); joined to their
    option they can't be taken for another one."""
    result: list[str] = []
    for word in argv:
        if result and result[-1] in dashed and word[:1] == "-" and word[1:2].isdigit():
            result[-1] = f"{dashed[result[-1]]}={word}"
        else:
            result.append(word)
    return result
