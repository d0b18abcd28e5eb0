"""What a simple command asks of docker or docker-compose: options, verb and the rest.

Pure. Sees through `exec`, `sudo`, `env`, `timeout` and their like. The options are those of
docker 20.10 to 28 and of Compose 1.29 to 5. Called by the kinds of scripts, the ways around the
gateway and the search for compose files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from greendock.recipe.shell.options import Options, OptionTable, read_options
from greendock.recipe.shell.script import Command
from greendock.recipe.shell.words import Word


class Program(StrEnum):
    DOCKER = "docker"
    COMPOSE = "docker-compose"
    """As a program of its own, or as `docker compose`."""


@dataclass(frozen=True, slots=True)
class DockerCall:
    """`wrappers`: programs before it (`sudo`, `exec` …); `sudo` with their own words. `options`
    stand before the verb. `verb`: "" when there is none. `words` follow it."""

    program: Program
    command: Command
    wrappers: tuple[str, ...]
    sudo: tuple[Word, ...] | None
    assignments: tuple[tuple[str, Word], ...]
    docker_options: Options
    options: Options
    verb: str
    words: tuple[Word, ...]

    @property
    def is_clear(self) -> bool:
        return self.docker_options.is_clear and self.options.is_clear


_PLAIN_WRAPPERS = frozenset(("exec", "nohup", "command", "setsid", "builtin", "time", "stdbuf"))
_SUDO = OptionTable(
    switches=frozenset(
        ("preserve-env", "login", "shell", "non-interactive", "stdin", "background")
    )
    | {"set-home", "reset-timestamp", "preserve-groups"},
    short_switches={
        "E": "preserve-env",
        "i": "login",
        "s": "shell",
        "n": "non-interactive",
        "S": "stdin",
        "b": "background",
        "H": "set-home",
        "k": "reset-timestamp",
        "P": "preserve-groups",
    },
    short_values={"u": "user", "g": "group", "p": "prompt", "C": "close-from", "h": "host"}
    | {"D": "chdir", "r": "role", "t": "type", "R": "chroot", "T": "timeout"},
    others_take_values=True,
)
_WRAPPERS = {
    "env": OptionTable(
        switches=frozenset(("ignore-environment", "null", "debug")),
        short_switches={"i": "ignore-environment", "0": "null", "v": "debug"},
        short_values={"u": "unset", "C": "chdir", "S": "split-string"},
        values=frozenset(("unset", "chdir", "split-string")),
    ),
    "nice": OptionTable(frozenset(), {}, {"n": "adjustment"}, frozenset(("adjustment",))),
    "ionice": OptionTable(frozenset(), {"t": "ignore"}, {"c": "class", "n": "classdata"}),
    "timeout": OptionTable(
        frozenset(("foreground", "preserve-status", "verbose")),
        {"v": "verbose"},
        {"k": "kill-after", "s": "signal"},
        frozenset(("kill-after", "signal")),
    ),
    "sudo": _SUDO,
}
_DOCKER = OptionTable(
    switches=frozenset(("debug", "tls", "tlsverify", "version", "help")),
    short_switches={"D": "debug", "v": "version"},
    short_values={"H": "host", "c": "context", "l": "log-level"},
    values=frozenset(("host", "context", "log-level", "config", "tlscacert", "tlscert", "tlskey")),
)
_COMPOSE = OptionTable(
    switches=frozenset(("verbose", "no-ansi", "version", "tls", "tlsverify", "compatibility"))
    | {"skip-hostname-check", "all-resources", "dry-run", "help", "insecure-registry"},
    short_switches={"v": "version", "h": "help"},
    short_values={"f": "file", "p": "project-name", "H": "host", "c": "context"},
    values=frozenset(("file", "project-name", "profile", "context", "host", "project-directory"))
    | {"env-file", "ansi", "log-level", "tlscacert", "tlscert", "tlskey", "parallel", "progress"},
)


def docker_call(command: Command) -> DockerCall | None:
    """None for a command that is not docker's, as far as can be told."""
    words, assignments = command.words, list(command.assignments)
    wrappers: list[str] = []
    sudo: tuple[Word, ...] | None = None
    while words:
        name = _name(words[0])
        if name in ("docker", "docker-compose"):
            return _call(command, tuple(wrappers), sudo, tuple(assignments), name, words[1:])
        if name in _PLAIN_WRAPPERS:
            words = words[1:]
        elif name in _WRAPPERS:
            inside = read_options(words[1:], _WRAPPERS[name]).rest
            if name == "sudo":
                sudo = words[1 : len(words) - len(inside)]
            if name == "timeout":
                inside = inside[1:]
            while inside and "=" in inside[0].text and name in ("env", "sudo"):
                variable, _, value = inside[0].text.partition("=")
                assignments.append((variable, Word(value, inside[0].has_expansion)))
                inside = inside[1:]
            words = inside
        else:
            return None
        wrappers.append(name)
    return None


def _name(word: Word) -> str:
    return "" if word.has_expansion else word.text.rpartition("/")[2]


def _call(
    command: Command,
    wrappers: tuple[str, ...],
    sudo: tuple[Word, ...] | None,
    assignments: tuple[tuple[str, Word], ...],
    name: str,
    words: Sequence[Word],
) -> DockerCall:
    docker_options = Options((), tuple(words))
    program = Program.COMPOSE
    if name == "docker":
        docker_options = read_options(words, _DOCKER)
        words = docker_options.rest
        if words and words[0].text == "compose":
            words = words[1:]
        else:
            program = Program.DOCKER
    options = Options((), tuple(words))
    if program is Program.COMPOSE:
        options = read_options(words, _COMPOSE)
    rest = options.rest
    verb = rest[0].text if rest and rest[0].is_plain else ""
    words = rest[1:]
    if program is Program.DOCKER and verb in ("container", "image") and words:
        verb = f"{verb} {words[0].text}"
        words = words[1:]
    return DockerCall(
        program,
        command,
        wrappers,
        sudo,
        assignments,
        docker_options,
        options,
        verb.removeprefix("container "),
        tuple(words),
    )


_RUN = OptionTable(
    switches=frozenset(("detach", "disable-content-trust", "help", "init", "interactive", "tty"))
    | {"no-healthcheck", "oom-kill-disable", "privileged", "publish-all", "quiet", "read-only"}
    | {"rm", "sig-proxy", "use-api-socket"},
    short_switches={
        "d": "detach",
        "i": "interactive",
        "t": "tty",
        "P": "publish-all",
        "q": "quiet",
    },
    short_values={
        "a": "attach",
        "c": "cpu-shares",
        "e": "env",
        "h": "hostname",
        "l": "label",
        "m": "memory",
        "p": "publish",
        "u": "user",
        "v": "volume",
        "w": "workdir",
    },
    others_take_values=True,
)
_UP = OptionTable(
    switches=frozenset(("detach", "build", "no-build", "force-recreate", "no-recreate", "no-deps"))
    | {"renew-anon-volumes", "remove-orphans", "no-color", "quiet-pull", "no-start", "wait"}
    | {"abort-on-container-exit", "abort-on-container-failure", "always-recreate-deps", "yes"}
    | {"attach-dependencies", "no-log-prefix", "timestamps", "watch", "menu", "dry-run"}
    | {"quiet-build", "help"},
    short_switches={
        "d": "detach",
        "V": "renew-anon-volumes",
        "w": "watch",
        "y": "yes",
    },
    short_values={"t": "timeout"},
    values=frozenset(("scale", "timeout", "exit-code-from", "attach", "no-attach", "pull"))
    | {"wait-timeout"},
    interspersed=True,
)


def run_options(call: DockerCall) -> Options:
    """Of `docker run` and `docker create`; the rest begins with the image."""
    return read_options(call.words, _RUN)


def up_options(call: DockerCall) -> Options:
    """Of `docker-compose up`; the rest are services."""
    return read_options(call.words, _UP)
