"""Checks that an image is for the engine's machine, with what engine and kernel say of it.

Carries out `platform_match`. Called for images that are on the device already and for those that
have just been fetched.
"""

from __future__ import annotations

import asyncio

from greendock.docker.engine.client import Engine
from greendock.docker.engine.emulation import emulated_architectures
from greendock.docker.engine.model import EngineInfo, ImageInfo
from greendock.docker.errors import PlatformMismatch
from greendock.docker.platform_match import Match, Platform, match_platform
from greendock.docker.pulling.image_story import ImageStory
from greendock.docker.reference import ImageReference
from greendock.docker.registry.endpoints import RegistryPlace, variant_of


class PlatformCheck:
    """For one engine; what it says of its machine is asked for once after each `refresh`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._info: EngineInfo | None = None
        self._is_old = True

    def refresh(self) -> None:
        """Ask the engine anew: it may have been set up differently since."""
        self._is_old = True

    @property
    def engine_is_local(self) -> bool:
        return self._engine.address.socket_path is not None

    async def engine_info(self) -> EngineInfo:
        if self._info is None or self._is_old:
            self._info = await self._engine.info()
            self._is_old = False
        return self._info

    @property
    def known_info(self) -> EngineInfo | None:
        """What the engine last said of itself, if it was asked."""
        return self._info

    async def place(self) -> RegistryPlace:
        """For whom registries are asked."""
        info = await self.engine_info()
        return RegistryPlace(
            info, self.engine_is_local, variant_of(info.machine), await self._emulated()
        )

    async def _emulated(self) -> frozenset[str] | None:
        """None for an engine elsewhere: nobody knows."""
        if not self.engine_is_local:
            return None
        return await asyncio.to_thread(emulated_architectures)

    async def check(
        self, reference: ImageReference, image: ImageInfo, story: ImageStory
    ) -> str | None:
        """A warning for an image that needs emulation; PlatformMismatch for a wrong one."""
        info = await self.engine_info()
        engine = Platform(info.os, info.architecture)
        wanted = Platform(image.os, image.architecture)
        differs = wanted.architecture != engine.architecture
        emulated = await self._emulated() if differs else None
        match = match_platform(wanted, engine, emulated)
        if match is Match.WRONG:
            raise PlatformMismatch(
                f"cannot use {reference}: the image is for {wanted}, the engine runs {engine}"
            )
        if match is Match.FITS:
            return None
        warning = f"{reference} is for {wanted} and runs on {engine} by emulation only"
        story.warned(warning)
        return warning
