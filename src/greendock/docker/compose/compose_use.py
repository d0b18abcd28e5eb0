"""Which compose commands a script runs, and on which files.

Pure. Follows `cd`, assignments and `export` from command to command; what depends on more than
that (a command's output, a loop's variable) is left alone. Paths are only joined here: which of
them may be read is for whoever reads.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from greendock.docker.compose.interpolation import InterpolationError, interpolate
from greendock.docker.compose.model import ComposeUse
from greendock.recipe.shell.docker_calls import (
    DockerCall,
    Program,
    docker_call,
    up_options,
)
from greendock.recipe.shell.options import Options
from greendock.recipe.shell.script import Command, all_commands
from greendock.recipe.shell.words import Word

_VERBS = frozenset(("up", "create", "pull", "run"))
_OWN_IMAGES = {
    Program.DOCKER: frozenset(("load", "build", "buildx", "import", "tag", "commit", "login"))
    | {"image load", "image build", "image import", "image tag", "builder"},
    Program.COMPOSE: frozenset(("build",)),
}


def compose_uses(
    script: str, folder: str, environment: Mapping[str, str]
) -> tuple[ComposeUse, ...]:
    """`folder`: where the script starts; `environment`: what it is given."""
    walk = _Walk(folder, dict(environment))
    found = []
    for command in all_commands(script):
        use = walk.use(command)
        if use is not None:
            found.append(use)
        walk.follow(command)
    return tuple(found)


def provides_images(script: str) -> bool:
    """Whether it sees to images itself: loads, builds or names them, or logs in to a registry.

    What its compose files name may exist nowhere else then.
    """
    calls = (docker_call(command) for command in all_commands(script))
    return any(call is not None and call.verb in _OWN_IMAGES[call.program] for call in calls)


@dataclass(slots=True)
class _Walk:
    """`folder` is None where it can't be told any more."""

    folder: str | None
    environment: dict[str, str]

    def follow(self, command: Command) -> None:
        """What `command` changes for those after it."""
        if not command.words:
            self._assign(command.assignments)
        elif command.name == "export":
            pairs = (word for word in command.words[1:] if "=" in word.text)
            for word in pairs:
                name, _, value = word.text.partition("=")
                self._assign(((name, Word(value, word.has_expansion, inner=word.inner)),))
        elif command.name == "unset":
            for word in command.words[1:]:
                self.environment.pop(word.text, None)
        elif command.name in ("cd", "pushd"):
            targets = [word for word in command.words[1:] if word.text not in ("--", "-P", "-L")]
            self.folder = self._path(targets[0]) if len(targets) == 1 else None

    def use(self, command: Command) -> ComposeUse | None:
        call = docker_call(command)
        if call is None or call.program is not Program.COMPOSE or call.verb not in _VERBS:
            return None
        reads_input = any(word.text == "-" for word in call.options.values("file"))
        if not call.options.is_clear or reads_input or self.folder is None:
            return None
        files = self._paths(call.options, "file")
        folders = self._paths(call.options, "project-directory")
        env_files = self._paths(call.options, "env-file")
        if files is None or folders is None or env_files is None:
            return None
        profiles = (self._text(word) for word in call.options.values("profile"))
        return ComposeUse(
            self.folder,
            files,
            folders[-1] if folders else None,
            env_files,
            tuple(text for text in profiles if text),
            tuple(self._services(call)),
            {**self.environment, **self._given(call)},
        )

    def _assign(self, pairs: tuple[tuple[str, Word], ...]) -> None:
        for name, word in pairs:
            text = self._text(word)
            if text is None:
                self.environment.pop(name, None)
            else:
                self.environment[name] = text

    def _given(self, call: DockerCall) -> dict[str, str]:
        """Variables that stand before the command."""
        pairs = (*call.command.assignments, *call.assignments)
        found = ((name, self._text(word)) for name, word in pairs)
        return {name: text for name, text in found if text is not None}

    def _services(self, call: DockerCall) -> Iterator[str]:
        if call.verb == "up":
            rest = up_options(call).rest
        else:
            # What may be an option's value is taken for a service at worst, which there isn't.
            rest = tuple(word for word in call.words if not word.text.startswith("-"))
        for word in rest:
            text = self._text(word)
            if text:
                yield text

    def _paths(self, options: Options, name: str) -> tuple[str, ...] | None:
        found = [self._path(word) for word in options.values(name)]
        paths = tuple(path for path in found if path is not None)
        return paths if len(paths) == len(found) else None

    def _path(self, word: Word) -> str | None:
        text = self._text(word)
        if not text or self.folder is None:
            return None
        return posixpath.normpath(posixpath.join(self.folder, text))

    def _text(self, word: Word) -> str | None:
        """None where only the shell can tell."""
        if word.inner or (word.has_expansion and "$" not in word.text):
            return None
        if word.is_plain:
            return word.text
        try:
            return interpolate(word.text, self.environment)
        except InterpolationError:
            return None
