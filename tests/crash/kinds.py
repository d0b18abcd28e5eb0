"""The kinds of components that have containers, as their recipes start them.

Each names the containers that there are while it runs, by `part`: a container's name, or the
service that Compose made it for. `is_adoptable`: a core that was killed takes its containers over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.component import Component

IMAGE = "registry.lab.test:5443/team/counter:1.0"
# Counts, so that a line that is missing or there twice is seen; ends at once when told to.
COUNT = (
    "trap 'exit 0' TERM; n=0; "
    'while :; do n=$((n+1)); echo "$HOSTNAME line $n."; sleep 0.2 & wait $!; done'
)


@dataclass(frozen=True)
class Kind:
    """`lifecycle` is a recipe's, with NAME for what the component's things are called by and
    VERSION for the component's."""

    name: str
    lifecycle: Mapping[str, str]
    is_adoptable: bool = True
    parts: tuple[str, ...] = ("NAME",)
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_noted_when_whole(self) -> bool:
        """It comes up step by step: only a core that saw it whole for a while takes it over."""
        return "run" in self.lifecycle and len(self.parts) > 1

    @property
    def outlives_engine(self) -> bool:
        """Engine 20.10 loses what it is to remove by itself, when it restarts."""
        return not any("--rm" in text for text in self.lifecycle.values())

    def component(self, name: str, version: str = "1.0.0") -> Component:
        def filled(text: str) -> str:
            return text.replace("NAME", short_name(name)).replace("VERSION", version)

        lifecycle = {step: filled(text) for step, text in self.lifecycle.items()}
        files = {file: filled(text).encode() for file, text in self.files.items()}
        return Component(name, lifecycle, version=version, files=files)

    def parts_of(self, name: str) -> list[str]:
        return sorted(part.replace("NAME", short_name(name)) for part in self.parts)


def short_name(component: str) -> str:
    return component.rpartition(".")[2].lower()


def _run(options: str = "") -> str:
    return f"docker run --name NAME --env SVCUID --env WHICH=VERSION {options} {IMAGE}"


_COMPOSE_FILE = f"""
version: "2.4"
services:
  NAME-one:
    image: {IMAGE}
    environment: ["SVCUID", "WHICH=VERSION"]
  NAME-two:
    image: {IMAGE}
    environment: ["SVCUID", "WHICH=VERSION"]
    depends_on: [NAME-one]
"""
_COMPOSE = "docker-compose -f {artifacts:path}/docker-compose.yml up"
_COMPOSE_PARTS = ("NAME-one", "NAME-two")
_FILES = {"docker-compose.yml": _COMPOSE_FILE}

KINDS = (
    Kind("foreground-rm", {"run": _run("--rm")}),
    Kind("foreground", {"run": _run()}),
    Kind("detached-run", {"run": _run("--detach")}),
    Kind("detached-startup", {"startup": _run("--detach")}),
    Kind("restart-always", {"startup": _run("--detach --restart always")}),
    Kind("compose-old", {"run": _COMPOSE}, True, _COMPOSE_PARTS, _FILES, {"compose": "old"}),
    Kind("compose-new", {"run": _COMPOSE}, True, _COMPOSE_PARTS, _FILES),
    Kind("compose-detached", {"startup": f"{_COMPOSE} -d"}, True, _COMPOSE_PARTS, _FILES),
    Kind("loop", {"run": f"while :; do {_run('--rm')}; sleep 0.2; done"}, is_adoptable=False),
    Kind("or", {"run": f"{_run('--rm')} || {_run('--rm')}"}, is_adoptable=False),
    Kind("healthy", {"run": _run("--rm --health-cmd true --health-interval 1s")}),
    Kind("port", {"run": _run("--rm --publish 127.0.0.1::80")}),
    Kind(
        "volume-and-network",
        {
            "run": "docker network inspect NAME-net >/dev/null 2>&1 || docker network create "
            f"NAME-net\n{_run('--rm --volume NAME-data:/data --network NAME-net')}"
        },
        is_adoptable=False,
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def environment(kind: Kind, compose: Path, path: str) -> dict[str, str]:
    """What the core's environment has for this kind: which docker-compose comes first."""
    if kind.env.get("compose") != "old":
        return {}
    rest = [part for part in path.split(":") if part != str(compose.parent)]
    return {"PATH": ":".join(rest)}
