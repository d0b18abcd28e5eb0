"""Says which of the engine's containers belong to a component, by what can be seen of them.

Pure. What was created through a component's Docker socket has labels: then they alone tell. Of the
others, the token, the Compose project and the image tell; one that could be somebody else's is
left out, with the reason. Called before a pause, and to find what was started past the sockets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from greendock.docker.containers.labels import Owner, read_owner
from greendock.docker.engine.container_model import ContainerInfo

COMPOSE_LABEL = "com.docker.compose.project"
TOKEN_VARIABLES = ("SVCUID", "AWS_CONTAINER_AUTHORIZATION_TOKEN")


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a component leaves on the engine. `image_ids`: of the images that its recipe lists."""

    compose_project: str
    image_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Seeker:
    """The component whose containers are looked for. `token_digest`: SHA-256 of its present
    token; `began_at_s`: when its present life began, seconds since the epoch. `core` and
    `generation`: as in the labels; empty where it has no socket of its own."""

    component: str
    token_digest: bytes = field(repr=False)
    began_at_s: float
    core: str = ""
    generation: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """`doubtful`: containers that have something of the component, and why they don't count."""

    own: tuple[ContainerInfo, ...]
    doubtful: tuple[tuple[ContainerInfo, str], ...]


def find_own(
    seeker: Seeker, known: Mapping[str, Footprint], containers: Iterable[ContainerInfo]
) -> Found:
    """`known`: all components of this core, the seeker among them."""
    others = {name: known[name] for name in known if name != seeker.component}
    judge = _Judge(seeker, known.get(seeker.component, Footprint("")), others)
    own: list[ContainerInfo] = []
    doubtful: list[tuple[ContainerInfo, str]] = []
    for container in containers:
        verdict = judge.of(container)
        if verdict is True:
            own.append(container)
        elif verdict:
            doubtful.append((container, verdict))
    return Found(tuple(own), tuple(doubtful))


@dataclass(frozen=True, slots=True)
class _Judge:
    seeker: Seeker
    own: Footprint
    others: Mapping[str, Footprint]

    def of(self, container: ContainerInfo) -> bool | str:
        """True: its own. A text: why not, although it could be. False: not."""
        owner = read_owner(container.labels)
        if owner is not None:
            return self._by_labels(owner)
        by_token = self._by_token(container)
        project = container.labels.get(COMPOSE_LABEL, "")
        if by_token is None:
            return self._without_token(container, project)
        if by_token is not True:
            return by_token if self._has_image(container) or self._is_ours(project) else False
        if any(project == other.compose_project for other in self.others.values()):
            return f"it is of the Compose project {project} of another component"
        return True

    def _by_labels(self, owner: Owner) -> bool | str:
        if (owner.core, owner.component) != (self.seeker.core, self.seeker.component):
            return False
        if owner.generation == self.seeker.generation:
            return True
        return "it is of an earlier life of the component"

    def _by_token(self, container: ContainerInfo) -> bool | str | None:
        """None: it has no token at all."""
        texts = {container.environment.get(name) for name in TOKEN_VARIABLES} - {None, ""}
        if not texts:
            return None
        digests = {hashlib.sha256(text.encode()).digest() for text in texts if text}
        if digests == {self.seeker.token_digest}:
            return True
        return "it holds a token that is not the component's present one"

    def _without_token(self, container: ContainerInfo, project: str) -> bool | str:
        if self._is_ours(project):
            return True
        if not self._has_image(container):
            return False
        if project:
            return f"it is of the Compose project {project}, which is not the component's"
        return self._by_image(container)

    def _by_image(self, container: ContainerInfo) -> bool | str:
        users = [n for n, other in self.others.items() if container.image_id in other.image_ids]
        if users:
            return f"{', '.join(sorted(users))} has the same image"
        if container.created_at_s < self.seeker.began_at_s:
            return "it is older than this life of the component"
        for name, other in self.others.items():
            marks = (name.lower(), other.compose_project)
            if any(_is_called(container, mark) for mark in marks if mark):
                return f"it is called as if it were {name}'s"
        return True

    def _is_ours(self, project: str) -> bool:
        return bool(project) and project == self.own.compose_project

    def _has_image(self, container: ContainerInfo) -> bool:
        return container.image_id in self.own.image_ids


def _is_called(container: ContainerInfo, mark: str) -> bool:
    """Whether a name is `mark`, or begins with it and goes on after a sign."""
    for name in container.names:
        rest = name.lower().removeprefix(mark)
        if len(rest) < len(name) and (not rest or rest[0] in "-_."):
            return True
    return False
