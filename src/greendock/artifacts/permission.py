"""File modes of artifacts from the recipe's Permission; pure.

Source: the Permission table of the component recipe reference. The owner can always read; the
group reads when Read is not NONE or Execute is not NONE; Execute implies reading for the same
class. A core that is not root also gives the owner write permission, or it couldn't replace the
file later.
"""

from __future__ import annotations

from greendock.recipe.model import Access, Artifact


def artifact_mode(artifact: Artifact, *, owner_writes: bool) -> int:
    """The mode bits of a listed artifact's file."""
    mode = 0o400
    if artifact.read is not Access.NONE or artifact.execute is not Access.NONE:
        mode |= 0o040
    if artifact.read is Access.ALL or artifact.execute is Access.ALL:
        mode |= 0o004
    if artifact.execute is not Access.NONE:
        mode |= 0o110
    if artifact.execute is Access.ALL:
        mode |= 0o001
    return mode | (0o200 if owner_writes else 0)


def unlisted_mode(source_mode: int, *, owner_writes: bool) -> int:
    """The mode of a file that lies in the artifact folder without being listed in the recipe.

    Owner and group read; a script stays executable for those who may read it.
    """
    mode = 0o440 | (0o110 if source_mode & 0o100 else 0)
    return mode | (0o200 if owner_writes else 0)
