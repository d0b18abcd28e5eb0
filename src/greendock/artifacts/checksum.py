"""Checks a file against the digest that a recipe gives for it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import Path

from greendock.base.errors import ArtifactError
from greendock.recipe.model import Artifact


def verify_checksum(artifact: Artifact, path: Path) -> None:
    """Raise ArtifactError unless `path` has the artifact's digest; no digest = trusted as is.

    Digest is the base64 of the hash; Algorithm a Java name such as SHA-256.
    """
    if artifact.digest is None or artifact.algorithm is None:
        return
    name = artifact.algorithm.lower().replace("-", "")
    if name not in hashlib.algorithms_available:
        raise ArtifactError(
            f"cannot check {path.name}: hash algorithm {artifact.algorithm} is not known here",
            codes=("ARTIFACT_DOWNLOAD_ERROR", "HASHING_ALGORITHM_UNAVAILABLE"),
            hint="use SHA-256",
        )
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, name).digest()
    try:
        expected = base64.b64decode(artifact.digest, validate=True)
    except binascii.Error:
        expected = b""
    if actual != expected:
        raise ArtifactError(
            f"cannot use artifact {artifact.uri}: {path.name} has the {artifact.algorithm} "
            f"{base64.b64encode(actual).decode()}, the recipe says {artifact.digest}",
            codes=("ARTIFACT_DOWNLOAD_ERROR", "ARTIFACT_CHECKSUM_MISMATCH"),
            hint="replace the file, or correct Digest (the base64 of the hash, not its hex text)",
        )
