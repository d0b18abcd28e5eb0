"""Checks on disk of the paths that a local deployment names, before anything is queued.

Asks the file system only; every refusal names the path and the user that the core runs as, since
it is the core that reads them, not the person who typed them.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable
from pathlib import Path

from greendock.ipc.errors import OperationError

_RECIPES = "InvalidRecipeDirectoryPathError"
_ARTIFACTS = "InvalidArtifactsDirectoryPathError"


def check_recipe_paths(paths: Iterable[Path]) -> None:
    """Each has to be a readable file or folder. Blocks on the disk."""
    for path in paths:
        mode = _mode(path, _RECIPES)
        if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            raise _refusal(_RECIPES, path, "neither a file nor a folder")
        if not os.access(path, os.R_OK | (os.X_OK if stat.S_ISDIR(mode) else 0)):
            raise _refusal(_RECIPES, path, "permission denied")


def check_artifact_folders(folders: Iterable[Path], store: Path) -> None:
    """Each has to be a readable folder that does not contain `store`. Blocks on the disk."""
    for folder in folders:
        if not stat.S_ISDIR(_mode(folder, _ARTIFACTS)):
            raise _refusal(_ARTIFACTS, folder, "not a folder")
        if not os.access(folder, os.R_OK | os.X_OK):
            raise _refusal(_ARTIFACTS, folder, "permission denied")
        if store.resolve().is_relative_to(folder.resolve()):
            raise _refusal(_ARTIFACTS, folder, f"it contains the core's own store {store}")


def _mode(path: Path, model: str) -> int:
    if not path.is_absolute():
        raise _refusal(model, path, "the path has to be absolute")
    try:
        return path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refusal(model, path, reason.lower()) from error


def _refusal(model: str, path: Path, cause: str) -> OperationError:
    return OperationError(model, f"cannot use {path} (the core runs as {_user()}): {cause}")


def _user() -> str:
    try:
        return f"user {pwd.getpwuid(os.geteuid()).pw_name}"
    except KeyError:
        return f"uid {os.geteuid()}"
