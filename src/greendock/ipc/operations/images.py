"""Operations on the engine's images: list, prune, explain.

Deciding what may go is the Docker application manager's, behind the `ImageWork` port.
"""

from __future__ import annotations

from typing import Any

from greendock.ipc.calls import Call, Handler, Members
from greendock.ipc.errors import service_error
from greendock.ipc.ports import ImageRow, ImageWork
from greendock.ipc.rpc import EXTENSION_NAMESPACE


class ImageOperations:
    """Handlers over the `ImageWork` port; a core may lack it."""

    def __init__(self, images: ImageWork | None) -> None:
        self._port = images

    def handlers(self) -> dict[str, Handler]:
        return {
            f"{EXTENSION_NAMESPACE}ListImages": self.list,
            f"{EXTENSION_NAMESPACE}PruneImages": self.prune,
            f"{EXTENSION_NAMESPACE}ExplainImage": self.explain,
        }

    async def list(self, _call: Call) -> Members:
        return {"images": [_row(row) for row in await self._images.list()]}

    async def prune(self, call: Call) -> Members:
        dry_run = bool(call.members.get("dryRun"))
        result = await self._images.prune(dry_run=dry_run)
        return {
            "dryRun": dry_run,
            "removed": [_row(row) for row in result.removed],
            "kept": [_row(row) for row in result.kept],
            "freedBytes": result.freed_bytes,
            "warnings": list(result.warnings),
        }

    async def explain(self, call: Call) -> Members:
        found = await self._images.explain(call.members["uri"])
        members: dict[str, Any] = {"credentials": found.credentials}
        if found.present is not None:
            members["present"] = found.present
        if found.image_id is not None:
            members["imageId"] = found.image_id
        return members

    @property
    def _images(self) -> ImageWork:
        if self._port is None:
            raise service_error("this core has no Docker application manager")
        return self._port


def _row(row: ImageRow) -> dict[str, Any]:
    members: dict[str, Any] = {
        "imageId": row.image_id,
        "names": list(row.names),
        "sizeBytes": row.size_bytes,
        "neededBy": list(row.needed_by),
        "broughtByGreendock": row.is_ours,
        "why": row.why,
        "unneeded": row.would_go,
    }
    if row.since is not None:
        members["since"] = row.since
    return members
