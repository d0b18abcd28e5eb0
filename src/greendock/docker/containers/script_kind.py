"""Whether the containers of a script can go on without it: the script's kind.

Pure. A script is of a kind only when nothing but its one foreground `docker run` or `compose up`
stands between the container's end and its own, and nothing runs beside it: then an adopted
container is all that there is to the component. Whatever is not certain is no kind. Detached
starts are seen when they happen, not here. Called when a life is noted and when it is adopted.
"""

from __future__ import annotations

from enum import StrEnum

from greendock.recipe.shell.docker_calls import (
    DockerCall,
    Program,
    docker_call,
    run_options,
    up_options,
)
from greendock.recipe.shell.script import Command, read_script


class Kind(StrEnum):
    NONE = "none"
    DOCKER_RUN = "docker-run"
    COMPOSE_UP = "compose-up"


_HARMLESS = frozenset(
    (":", "true", "set", "cd", "export", "unset", "umask", "echo", "printf", "mkdir", "sleep")
)
"""What they did is done by the time the container runs, and nothing of them goes on."""
_HARMLESS_CALLS = {
    Program.DOCKER: frozenset(
        [
            "rm",
            "stop",
            "kill",
            "pull",
            "login",
            "load",
            "tag",
            "network",
            "volume",
            "version",
            "info",
        ]
    ),
    Program.COMPOSE: frozenset(("pull", "down", "rm", "stop", "kill", "version")),
}
_ENDS_OTHERWISE = ("no-start", "watch", "abort-on-container-exit", "abort-on-container-failure")
_ELSEWHERE = ("host", "context")
_ELSEWHERE_VARIABLES = frozenset(("DOCKER_HOST", "DOCKER_CONTEXT"))


def kind_of(text: str) -> Kind:
    """Of a script, its recipe variables filled in."""
    script = read_script(text)
    if not script.is_whole or not script.is_flat or not script.commands:
        return Kind.NONE
    *earlier, last = script.commands
    if any(any(command.inner) for command in script.commands):
        return Kind.NONE
    if not _all_harmless(earlier) or not _stands_alone(last):
        return Kind.NONE
    call = docker_call(last)
    if call is None or not call.is_clear or not _is_ours(call):
        return Kind.NONE
    return _kind(call)


def _all_harmless(commands: list[Command]) -> bool:
    names = {name for command in commands for name, _ in command.assignments}
    return not names & _ELSEWHERE_VARIABLES and all(_is_harmless(each) for each in commands)


def _is_harmless(command: Command) -> bool:
    if command.before in ("|", "|&") or command.after in ("|", "|&", "&"):
        return False
    if command.before == "||":  # `docker rm -f x || true`
        return command.name in (":", "true")
    if not command.words:
        return True
    if command.name in ("export", "unset"):
        names = {word.text.partition("=")[0] for word in command.words}
        return not names & _ELSEWHERE_VARIABLES
    if command.name in _HARMLESS:
        return True
    call = docker_call(command)
    return (
        call is not None
        and call.is_clear
        and call.verb in _HARMLESS_CALLS[call.program]
        and set(call.wrappers) <= {"command"}
    )


def _stands_alone(command: Command) -> bool:
    """It is the last one: what its exit code is, is the script's."""
    return (
        command.before in ("", "\n", ";", "&&")
        and command.after in ("", "\n", ";")
        and all(each.is_duplicate for each in command.redirections)
    )


def _is_ours(call: DockerCall) -> bool:
    """Its containers are made through the component's socket, and nothing stands before it."""
    options = {name for name, _ in (*call.docker_options.found, *call.options.found)}
    variables = {name for name, _ in call.assignments}
    return (
        set(call.wrappers) <= {"exec", "command"}
        and not options & set(_ELSEWHERE)
        and not variables & _ELSEWHERE_VARIABLES
    )


def _kind(call: DockerCall) -> Kind:
    if call.program is Program.DOCKER and call.verb == "run":
        options = run_options(call)
        runs = bool(options.rest) and options.is_clear and not options.has("detach")
        return Kind.DOCKER_RUN if runs and not options.has("help") else Kind.NONE
    if call.program is Program.COMPOSE and call.verb == "up":
        up = up_options(call)
        goes_on = not any(up.has(name) for name in ("detach", "wait", *_ENDS_OTHERWISE))
        foreground = goes_on and not up.values("exit-code-from") and not up.has("help")
        return Kind.COMPOSE_UP if up.is_clear and foreground else Kind.NONE
    return Kind.NONE
