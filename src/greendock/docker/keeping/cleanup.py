"""Which images may go; pure.

Only images that we brought, that no component version needs under any spelling of their names, and
that no container is made of, whoever made it. Carried out by image_removal.py; the same decision
is what `image list` shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from greendock.docker.engine.model import ContainerUse, StoredImage
from greendock.docker.keeping.ledger import LedgerView
from greendock.docker.reference import canonical_name


@dataclass(frozen=True, slots=True)
class ImageFate:
    """One image of the engine. `remove`: the names to take away, and with them the image when
    `goes_whole`; () for one that is kept. `why`: in words. `needed_by`: `name version`."""

    image_id: str
    names: tuple[str, ...]
    size_bytes: int
    needed_by: tuple[str, ...]
    is_ours: bool
    since: float | None
    why: str
    remove: tuple[str, ...] = ()
    goes_whole: bool = False


def decide(
    ledger: LedgerView,
    stored: Sequence[StoredImage],
    containers: Sequence[ContainerUse],
    protected: Collection[str],
) -> list[ImageFate]:
    """What becomes of each stored image. `protected`: ids that a deployment is working with."""
    brought = {image.image_id: image for image in ledger.brought}
    users = _users(ledger, stored)
    running: dict[str, list[str]] = {}
    for container in containers:
        running.setdefault(container.image_id, []).append(container.name)
    fates = []
    for image in stored:
        ours = brought.get(image.id)
        why = _why_kept(
            is_ours=ours is not None,
            users=users[image.id],
            is_protected=image.id in protected,
            containers=running.get(image.id, ()),
        )
        own_names = ledger.names.get(image.id, frozenset())
        end = _End(why) if why is not None else _end(image, own_names)
        fates.append(
            ImageFate(
                image.id,
                image.repo_tags or image.repo_digests,
                image.size_bytes,
                users[image.id],
                ours is not None,
                ours.since if ours else None,
                end.why,
                end.remove,
                end.goes_whole,
            )
        )
    return fates


def gone(ledger: LedgerView, stored: Iterable[StoredImage]) -> list[str]:
    """Images of the ledger that the engine does not have any more."""
    there = {image.id for image in stored}
    return [image.image_id for image in ledger.brought if image.image_id not in there]


def _users(ledger: LedgerView, stored: Sequence[StoredImage]) -> dict[str, tuple[str, ...]]:
    """Who needs each image: by its id, and by what its names mean."""
    by_id: dict[str, list[str]] = {}
    by_name: dict[str, list[str]] = {}
    for use in ledger.uses:
        by_id.setdefault(use.image_id, []).append(use.who)
        by_name.setdefault(use.name, []).append(use.who)
    found: dict[str, tuple[str, ...]] = {}
    for image in stored:
        who = list(by_id.get(image.id, ()))
        for name in (*image.repo_tags, *image.repo_digests):
            who += by_name.get(canonical_name(name), ())
        found[image.id] = tuple(dict.fromkeys(who))
    return found


def _why_kept(
    *, is_ours: bool, users: Sequence[str], is_protected: bool, containers: Sequence[str]
) -> str | None:
    if users:
        return f"needed by {', '.join(users)}"
    if not is_ours:
        return "not brought by Greendock"
    if is_protected:
        return "a deployment is working with it"
    if containers:
        shown = ", ".join(sorted(containers)[:3])
        more = f" and {len(containers) - 3} more" if len(containers) > 3 else ""
        return f"used by container {shown}{more}"
    return None


@dataclass(frozen=True, slots=True)
class _End:
    why: str
    remove: tuple[str, ...] = ()
    goes_whole: bool = False


def _end(image: StoredImage, own: Collection[str]) -> _End:
    """How an image that nothing needs ends: a tag that somebody else gave keeps it. Digests are
    the engine's notes of our pulls."""
    strangers = tuple(tag for tag in image.repo_tags if canonical_name(tag) not in own)
    if strangers:
        ours = tuple(tag for tag in image.repo_tags if tag not in strangers)
        return _End(f"somebody else named it {', '.join(strangers)}", ours)
    return _End("nothing needs it", (*image.repo_tags, *image.repo_digests), goes_whole=True)
