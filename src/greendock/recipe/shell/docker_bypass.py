"""Ways in a script around the Docker socket that a component is given.

Pure. A container that is started past it is nobody's: it gets no limits, is not stopped with its
component and not found after a crash of the core. Findings only; whoever calls (the check of
recipes, and a deployment) shows them as warnings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from greendock.recipe.shell.docker_calls import DockerCall, Program, docker_call, run_options
from greendock.recipe.shell.options import OptionTable, read_options
from greendock.recipe.shell.script import Command, all_commands

_LONGEST_SHOWN = 60
_SO = "so containers that it starts are not the component's own"
_ENGINE_SOCKET = re.compile(r"(?:/var)?/run/docker\.sock(?![\w.-])")
VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT")
"""What the docker command takes its engine from."""
_OWN = re.compile(r"\$\{?DOCKER_HOST\b")
_SUDO_KEEPS = OptionTable(
    frozenset(("preserve-env",)), {"E": "preserve-env"}, {}, others_take_values=True
)
_SOCKET_CLIENTS = frozenset(("curl", "socat", "nc", "ncat", "wget", "http"))


@dataclass(frozen=True, slots=True)
class Bypass:
    """`what` the script does and what comes of it, and what to write instead."""

    what: str
    fix: str


def bypasses(script: str) -> tuple[Bypass, ...]:
    """Each way once, in the order of the script. Never raises."""
    found: dict[Bypass, None] = {}
    for command in all_commands(script):
        for look in _LOOKS:
            found |= dict.fromkeys(look(command))
    return tuple(found)


def names_engine_socket(volume: str) -> bool:
    """Whether a volume, as docker and compose write it, is the engine's own socket."""
    return bool(_ENGINE_SOCKET.search(volume))


def environment_bypasses(names: Iterator[str] | tuple[str, ...]) -> tuple[Bypass, ...]:
    """For the variables that a recipe sets."""
    return tuple(_variable(name, "it sets") for name in names if name in VARIABLES)


def _sudo(command: Command) -> Iterator[Bypass]:
    call = docker_call(command)
    if call is None or call.sudo is None or _keeps_environment(call):
        return
    yield Bypass(
        f"{_shown(command)}: sudo takes DOCKER_HOST away, {_SO}",
        "leave sudo out (the component's Docker socket needs no group and no root), or write "
        "sudo -E",
    )


def _keeps_environment(call: DockerCall) -> bool:
    if any(name == "DOCKER_HOST" for name, _ in call.assignments):
        return True  # said by another finding, unless it is the component's own
    options = read_options(call.sudo or (), _SUDO_KEEPS)
    return any(
        name == "preserve-env" and (value is None or "DOCKER_HOST" in value.text.split(","))
        for name, value in options.found
    )


def _options(command: Command) -> Iterator[Bypass]:
    call = docker_call(command)
    if call is None:
        return
    for options in (call.docker_options, call.options):
        for name, value in options.found:
            if name not in ("host", "context") or (value and _OWN.search(value.text)):
                continue
            yield Bypass(
                f"{_shown(command)}: --{name} names another engine than DOCKER_HOST does, {_SO}",
                f"leave --{name} out",
            )


def _variables(command: Command) -> Iterator[Bypass]:
    # `X= docker …` in front of any command, `export X=…`, `unset X`, `env -u X docker …`
    pairs = list(command.assignments)
    call = docker_call(command)
    if call is not None:
        pairs += [pair for pair in call.assignments if pair not in pairs]
    for name, value in pairs:
        if name in VARIABLES and name not in value.text:
            yield _variable(name, "it sets")
    texts = [word.text for word in command.words]
    if command.name in ("export", "declare", "readonly"):
        for text in texts[1:]:
            name, sign, value_text = text.partition("=")
            if name in VARIABLES and sign and name not in value_text:
                yield _variable(name, "it sets")
    if command.name in ("unset", "env"):
        for name in VARIABLES:
            if name in texts[1:] or f"--unset={name}" in texts or f"-u{name}" in texts:
                yield _variable(name, "it takes away")


def _variable(name: str, verb: str) -> Bypass:
    return Bypass(
        f"{verb} {name}, which leads docker to the component's Docker socket, {_SO}",
        f"leave {name} as it is",
    )


def _socket(command: Command) -> Iterator[Bypass]:
    texts = [word.text for word in command.words]
    if command.name in _SOCKET_CLIENTS and any(map(_ENGINE_SOCKET.search, texts)):
        yield Bypass(
            f"{_shown(command)}: it talks to the engine's own socket, {_SO}",
            "use the socket in DOCKER_HOST: ${DOCKER_HOST#unix://}",
        )


def _mount(command: Command) -> Iterator[Bypass]:
    call = docker_call(command)
    if call is None or call.program is not Program.DOCKER or call.verb not in ("run", "create"):
        return
    options = run_options(call)
    for value in (*options.values("volume"), *options.values("mount")):
        if _ENGINE_SOCKET.search(value.text):
            yield Bypass(
                f"{_shown(command)}: it mounts the engine's own socket, {_SO}",
                "mount the component's: -v ${DOCKER_HOST#unix://}:/var/run/docker.sock",
            )
            return


_LOOKS: tuple[Callable[[Command], Iterator[Bypass]], ...] = (
    _sudo,
    _options,
    _variables,
    _socket,
    _mount,
)


def _shown(command: Command) -> str:
    """The beginning of the command: nothing that could be a password stands there."""
    call = docker_call(command)
    if call is None:
        return f"`{command.name} …`"
    texts = [*call.wrappers, *call.program.split(), call.verb]
    text = " ".join(text for text in texts if text)
    return f"`{text[:_LONGEST_SHOWN]} …`"
