"""The images of this core for its operations: turns what the Docker rooms say into rows.

Fills ipc.ports.ImageWork; decides nothing.
"""

from __future__ import annotations

from greendock.daemon.docker_work import DockerWork
from greendock.docker.errors import DockerError
from greendock.docker.keeping.cleanup import ImageFate
from greendock.docker.reference import parse_artifact_uri
from greendock.ipc.ports import ImageExplanation, ImageRow, PruneResult

_ENGINE_WAIT_S = 5.0


class ImageViews:
    """Over the Docker application manager."""

    def __init__(self, docker: DockerWork) -> None:
        self._docker = docker

    async def list(self) -> list[ImageRow]:
        await self._ready()
        change = self._docker.parts.change
        return [_row(fate) for fate in await change.look()]

    async def prune(self, *, dry_run: bool) -> PruneResult:
        await self._ready()
        done = await self._docker.parts.change.prune(dry_run=dry_run)
        return PruneResult(
            tuple(_row(fate) for fate in done.removed),
            tuple(_row(fate) for fate in done.kept),
            done.freed_bytes,
            done.warnings,
        )

    async def explain(self, uri: str) -> ImageExplanation:
        reference = parse_artifact_uri(uri)
        parts = self._docker.parts
        credentials = parts.credentials.describe(reference)
        try:
            await self._ready()
            found = await parts.store.find(reference)
        except DockerError:
            return ImageExplanation(None, None, credentials)
        return ImageExplanation(found is not None, found.id if found else None, credentials)

    async def _ready(self) -> None:
        await self._docker.parts.engine.wait_until_ready(_ENGINE_WAIT_S, lambda _: None)


def _row(fate: ImageFate) -> ImageRow:
    return ImageRow(
        fate.image_id,
        fate.names,
        fate.size_bytes,
        fate.needed_by,
        fate.is_ours,
        fate.since,
        fate.why,
        fate.goes_whole,
    )
