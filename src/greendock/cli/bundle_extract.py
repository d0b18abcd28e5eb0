"""Unpacks recipes and artifacts of a verified bundle into a folder that the core can read.

The folder is made new, below the core's root where we may write there, so that a core with a
private /tmp finds it. What is in it is readable for the core's user only, where that can be had.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from greendock.base.errors import DeviceError
from greendock.base.paths import Paths
from greendock.bundle.index import IMAGES
from greendock.bundle.reader import BundleFile

_MARGIN_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Extracted:
    """`recipes` has the recipe files, `artifacts` NAME/VERSION/FILE; both are below `folder`."""

    folder: Path

    @property
    def recipes(self) -> Path:
        return self.folder / "recipes"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def require_space(place: str, needed: int, what: str) -> None:
    """Raises DeviceError unless the file system of `place` has room for `needed` bytes and some.

    A place that isn't there, such as that of an engine elsewhere, is not judged.
    """
    try:
        free = shutil.disk_usage(place).free
    except OSError:
        return
    if free < needed + _MARGIN_BYTES:
        raise DeviceError(
            f"cannot store {what}: they need {needed} bytes plus a margin of {_MARGIN_BYTES}, "
            f"{place} has {free} bytes free",
            codes=("ARTIFACT_DOWNLOAD_ERROR", "DISK_SPACE_CRITICAL"),
            hint="free some space on that file system",
        )


def place_for(root: str) -> str:
    """Where the folder is made."""
    below_root = str(Paths(Path(root)).deployments)
    writable = os.access(below_root, os.W_OK | os.X_OK, effective_ids=True)
    return below_root if writable else tempfile.gettempdir()


def extract(bundle: BundleFile, root: str) -> Extracted:
    """Everything but the images. Raises DeviceError and BundleDamaged; no folder stays then."""
    place = place_for(root)
    needed = sum(size for name, size in bundle.index.sizes().items() if name != IMAGES)
    require_space(place, needed, "the artifacts of the bundle")
    try:
        extracted = Extracted(Path(tempfile.mkdtemp(prefix="bundle-", dir=place)))
    except OSError as error:
        raise DeviceError.of("unpack the bundle", error) from error
    try:
        _write_all(bundle, extracted)
        _hand_over(extracted.folder, root)
    except OSError as error:
        extracted.remove()
        raise DeviceError.of("unpack the bundle", error) from error
    except BaseException:
        extracted.remove()
        raise
    return extracted


def _write_all(bundle: BundleFile, extracted: Extracted) -> None:
    for folder in (extracted.recipes, extracted.artifacts):
        folder.mkdir(mode=0o700)
    for component in bundle.index.components:
        _write(bundle, component.recipe, extracted.folder, 0o600)
        for artifact in component.artifacts:
            mode = artifact.mode | 0o600
            path = _write(bundle, component.member(artifact), extracted.folder, mode)
            # By size and time of its files the core knows whether it has them already.
            os.utime(path, ns=(artifact.modified_ns, artifact.modified_ns))


def _write(bundle: BundleFile, member: str, folder: Path, mode: int) -> Path:
    path = folder / member
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        for piece in bundle.read(member):
            file.write(piece)
        os.fchmod(file.fileno(), mode)
    return path


def _hand_over(folder: Path, root: str) -> None:
    """Let the core's user, who owns the root folder, read it: as the owner, else as anybody."""
    core, own = Path(root).stat(), os.geteuid()
    if own == core.st_uid:
        return
    for parent, _, names, descriptor in os.fwalk(folder, topdown=False):
        for name in names:
            if own == 0:
                os.chown(name, core.st_uid, core.st_gid, dir_fd=descriptor)
            else:
                mode = Path(parent, name).stat().st_mode
                os.chmod(name, mode & 0o777 | 0o444, dir_fd=descriptor)
        if own == 0:
            os.fchown(descriptor, core.st_uid, core.st_gid)
        else:
            os.fchmod(descriptor, 0o755)
