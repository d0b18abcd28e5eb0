"""What a request asks of the engine: method and target as one of the acts of rules; pure.

Knows the engine's routes (Docker 1.9.1 to 29, Podman's twins under /libpod). What it doesn't
know is UNKNOWN, never something near to it. Called by the rules of a component's socket.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from greendock.docker.gateway.target import Target, read_target


class Act(StrEnum):
    """The values are the words of `greendock.docker.policy.endpoints`."""

    READ = "read"
    CREATE_CONTAINER = "containers.create"
    START_CONTAINER = "containers.start"
    UPDATE_CONTAINER = "containers.update"
    CHANGE_CONTAINER = "containers.change"
    ATTACH = "containers.attach"
    WAIT = "containers.wait"
    REMOVE_CONTAINER = "containers.remove"
    CHECKPOINT = "checkpoints"
    CREATE_EXEC = "exec.create"
    START_EXEC = "exec.start"
    CREATE_NETWORK = "networks.create"
    JOIN_NETWORK = "networks.connect"
    REMOVE_NETWORK = "networks.remove"
    CREATE_VOLUME = "volumes.create"
    UPDATE_VOLUME = "volumes.update"
    REMOVE_VOLUME = "volumes.remove"
    PRUNE_OWN = "prune"
    PRUNE_IMAGES = "images.prune"
    PULL_IMAGE = "images.pull"
    LOAD_IMAGE = "images.load"
    BUILD = "build"
    PRUNE_BUILD = "build.prune"
    TAG_IMAGE = "images.tag"
    PUSH_IMAGE = "images.push"
    REMOVE_IMAGE = "images.remove"
    COMMIT = "commit"
    CHECK_LOGIN = "auth"
    SESSION = "session"
    SWARM = "swarm"
    PLUGINS = "plugins"
    UNKNOWN = "unknown"


HIJACKS = frozenset({Act.ATTACH, Act.START_EXEC, Act.SESSION})
"""Calls whose connection may become a stream of other content."""

HAVE_BODIES = frozenset(
    {
        Act.CREATE_CONTAINER,
        Act.START_CONTAINER,
        Act.UPDATE_CONTAINER,
        Act.CREATE_EXEC,
        Act.CREATE_NETWORK,
        Act.JOIN_NETWORK,
        Act.CREATE_VOLUME,
        Act.COMMIT,
    }
)
"""Calls that can't be judged without their body."""


@dataclass(frozen=True, slots=True)
class Call:
    """`ref`: the name or id that the path names. `verb`: what is done, as the path says it."""

    act: Act
    target: Target
    ref: str = ""
    verb: str = ""


_ROUTES: tuple[tuple[str, str, Act], ...] = (
    ("POST", r"/containers/create", Act.CREATE_CONTAINER),
    ("POST", r"/(containers|networks|volumes)/(?P<verb>prune)", Act.PRUNE_OWN),
    ("POST", r"/containers/(?P<ref>.+)/(?P<verb>start)", Act.START_CONTAINER),
    ("POST", r"/containers/(?P<ref>.+)/(?P<verb>update)", Act.UPDATE_CONTAINER),
    (
        "POST",
        r"/containers/(?P<ref>.+)/(?P<verb>kill|pause|unpause|restart|stop|resize|rename|init)",
        Act.CHANGE_CONTAINER,
    ),
    # These read and write where on the host the client likes.
    (
        "POST",
        r"/containers/(?P<ref>.+)/(?P<verb>checkpoints|checkpoint|restore|mount|unmount)",
        Act.CHECKPOINT,
    ),
    ("POST", r"/containers/(?P<ref>.+)/(?P<verb>attach)", Act.ATTACH),
    ("GET", r"/containers/(?P<ref>.+)/(?P<verb>attach/ws)", Act.ATTACH),
    ("POST", r"/containers/(?P<ref>.+)/(?P<verb>wait)", Act.WAIT),
    ("POST", r"/containers/(?P<ref>.+)/(?P<verb>copy)", Act.READ),
    ("POST", r"/containers/(?P<ref>.+)/(?P<verb>exec)", Act.CREATE_EXEC),
    ("PUT", r"/containers/(?P<ref>.+)/(?P<verb>archive)", Act.CHANGE_CONTAINER),
    ("DELETE", r"/containers/(?P<ref>.+)/(?P<verb>checkpoints)/[^/]+", Act.CHECKPOINT),
    ("DELETE", r"/containers/(?P<ref>.+)", Act.REMOVE_CONTAINER),
    ("POST", r"/exec/(?P<ref>.+)/(?P<verb>start|resize)", Act.START_EXEC),
    ("POST", r"/networks/create", Act.CREATE_NETWORK),
    ("POST", r"/networks/(?P<ref>.+)/(?P<verb>connect|disconnect)", Act.JOIN_NETWORK),
    ("DELETE", r"/networks/(?P<ref>.+)", Act.REMOVE_NETWORK),
    ("POST", r"/volumes/create", Act.CREATE_VOLUME),
    ("PUT", r"/volumes/(?P<ref>.+)", Act.UPDATE_VOLUME),
    ("DELETE", r"/volumes/(?P<ref>.+)", Act.REMOVE_VOLUME),
    ("POST", r"/images/(?P<verb>prune)", Act.PRUNE_IMAGES),
    ("POST", r"/images/create", Act.PULL_IMAGE),
    ("POST", r"/images/load", Act.LOAD_IMAGE),
    ("POST", r"/images/(?P<ref>.+)/(?P<verb>push)", Act.PUSH_IMAGE),
    ("POST", r"/images/(?P<ref>.+)/(?P<verb>tag)", Act.TAG_IMAGE),
    ("DELETE", r"/images/(?P<ref>.+)", Act.REMOVE_IMAGE),
    ("POST", r"/build", Act.BUILD),
    ("POST", r"/build/(?P<verb>cancel)", Act.WAIT),
    ("POST", r"/build/(?P<verb>prune)", Act.PRUNE_BUILD),
    ("POST", r"/commit", Act.COMMIT),
    ("POST", r"/auth", Act.CHECK_LOGIN),
    ("POST", r"/(session|grpc)", Act.SESSION),
    ("POST|PUT|DELETE", r"/(swarm|nodes|services|tasks|secrets|configs)(/.*)?", Act.SWARM),
    ("POST|PUT|DELETE", r"/plugins(/.*)?", Act.PLUGINS),
    ("GET|HEAD|OPTIONS", r".*", Act.READ),
)
_COMPILED = tuple(
    (frozenset(methods.split("|")), re.compile(pattern, re.DOTALL), act)
    for methods, pattern, act in _ROUTES
)


def read_call(method: str, target_text: str) -> Call:
    """Raises AmbiguousTarget."""
    target = read_target(target_text)
    for methods, pattern, act in _COMPILED:
        found = pattern.fullmatch(target.path) if method in methods else None
        if found is None:
            continue
        parts = found.groupdict()
        return Call(act, target, parts.get("ref") or "", parts.get("verb") or "")
    return Call(_of_libpod(method, target) or Act.UNKNOWN, target)


def _of_libpod(method: str, target: Target) -> Act | None:
    """Podman pulls by a path of its own."""
    is_pull = target.is_libpod and method == "POST" and target.path == "/images/pull"
    return Act.PULL_IMAGE if is_pull else None
