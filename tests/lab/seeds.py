"""The images that the source documents name, as the lab serves them.

They carry the right names and run; what is in them is busybox.
"""

from __future__ import annotations

from . import images
from .registries import Registries

HELLO_TEXT = "Hello from Docker!"
# Says what it is, then runs until it is told to end.
_SERVICE = "echo {name} started; trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"
_SERVICES = (
    ("hub", "library/mysql", "8.0"),
    ("hub", "library/mysql", "latest"),
    ("public", "cloudwatch-agent/cloudwatch-agent", "latest"),
    ("ecr", "repository", "1.0"),
    ("ecr", "repository/image", "latest"),
    ("private", "team/app", "1.0"),
)


def hello_world() -> images.Image:
    """An image that prints `HELLO_TEXT` and ends."""
    return images.image([images.busybox()], ["/bin/echo", HELLO_TEXT])


def service(name: str) -> images.Image:
    """An image that prints `NAME started` and runs until SIGTERM. No layer of it is shared."""
    own = images.busybox({"etc/lab-name": (name.encode(), 0o644)})
    return images.image([own], ["/bin/sh", "-c", _SERVICE.format(name=name)])


def push_all(registries: Registries) -> dict[str, images.Image]:
    """Push every image; returns them by `repository:tag`."""
    pushed = {"library/hello-world:latest": hello_world()}
    registries.push("hub", "library/hello-world", "latest", pushed["library/hello-world:latest"])
    for registry, repository, tag in _SERVICES:
        reference = f"{repository}:{tag}"
        pushed[reference] = service(reference)
        registries.push(registry, repository, tag, pushed[reference])
    return pushed
