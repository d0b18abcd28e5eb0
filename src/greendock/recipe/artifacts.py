"""Checks the Artifacts of one manifest. Called by `manifests`.

Image names behind `docker:` are judged by `docker.reference`, above this layer; the place of
every URI that passed here is handed out for that.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from greendock.recipe.artifact_uri import uri_fault
from greendock.recipe.fields import Fields
from greendock.recipe.model import Access, Artifact, Unarchive
from greendock.recipe.nodes import ListNode, MapNode, Node, Place, Scalar, kind_of
from greendock.recipe.report import Report

_NAMES = ("URI", "Unarchive", "Digest", "Algorithm", "Permission")
_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_IGNORED_FOR_DOCKER = ("Unarchive", "Permission", "Digest", "Algorithm")


@dataclass(frozen=True, slots=True)
class LocatedArtifact:
    """An artifact and where its URI is written."""

    artifact: Artifact
    place: Place


def hash_name(algorithm: str) -> str | None:
    """hashlib's name of a Java digest algorithm (`SHA-256`), or None when there is none."""
    folded = algorithm.lower().strip()
    name = folded if folded.startswith("sha3-") else folded.replace("-", "", 1)
    name = name.replace("/", "_").replace("-", "_")
    return name if name in hashlib.algorithms_guaranteed and "shake" not in name else None


def read_artifacts(node: ListNode | None, report: Report) -> tuple[LocatedArtifact, ...]:
    """The artifacts whose URI passed, in the order of the recipe."""
    if node is None:
        return ()
    found = [_read_artifact(item, report) for item in node.items]
    artifacts = tuple(located for located in found if located is not None)
    _check_file_names(artifacts, report)
    return artifacts


def _read_artifact(node: Node, report: Report) -> LocatedArtifact | None:
    if not isinstance(node, MapNode):
        report.error(
            node.place,
            "wrong-type",
            f"an artifact must be a map, not {kind_of(node)}",
            "write - URI: s3://BUCKET/folder/file.zip",
        )
        return None
    fields = Fields(node, _NAMES, "an artifact", report)
    uri = fields.required_text("URI", "s3://BUCKET/folder/file.zip")
    unarchive = fields.choice("Unarchive", Unarchive.NONE)
    read, execute = _read_permission(fields, report)
    digest, algorithm = fields.text("Digest"), fields.text("Algorithm")
    if uri is None or not _passes(uri, report):
        return None
    artifact = Artifact(
        uri.text,
        unarchive,
        digest.text if digest else None,
        algorithm.text if algorithm else None,
        read,
        execute,
    )
    if artifact.scheme == "docker":
        _warn_ignored(fields, report)
    else:
        _check_digest(fields, digest, algorithm, report)
    return LocatedArtifact(artifact, uri.place)


def _passes(uri: Scalar, report: Report) -> bool:
    fault = uri_fault(uri.text)
    if fault is None:
        return True
    note = report.error if fault.is_fatal else report.warning
    note(uri.place, fault.rule, fault.message, fault.fix)
    return not fault.is_fatal


def _read_permission(fields: Fields, report: Report) -> tuple[Access, Access]:
    node = fields.map("Permission")
    if node is None:
        return Access.OWNER, Access.NONE
    permission = Fields(node, ("Read", "Execute"), "Permission", report)
    return (
        permission.choice("Read", Access.OWNER),
        permission.choice("Execute", Access.NONE),
    )


def _warn_ignored(fields: Fields, report: Report) -> None:
    for name in _IGNORED_FOR_DOCKER:
        node = fields.node(name)
        if node is None or (isinstance(node, Scalar) and node.text.upper() == "NONE"):
            continue
        report.warning(
            fields.key_place(name),
            "ignored-for-docker",
            f"{name} has no meaning for a Docker image; it is ignored",
            "pin the image by its digest in the URI (docker:image@sha256:…), and remove this key"
            if name in ("Digest", "Algorithm")
            else "remove this key",
        )


def _check_digest(
    fields: Fields, digest: Scalar | None, algorithm: Scalar | None, report: Report
) -> None:
    if digest is not None and algorithm is None:
        place = fields.key_place("Digest")
        message, fix = "a Digest without Algorithm cannot be checked", "add Algorithm: SHA-256"
        report.error(place, "digest-without-algorithm", message, fix)
    elif algorithm is not None and digest is None:
        place = fields.key_place("Algorithm")
        message, fix = (
            "an Algorithm without Digest checks nothing",
            "add Digest, or remove this key",
        )
        report.error(place, "algorithm-without-digest", message, fix)
    elif algorithm is not None and digest is not None:
        name = hash_name(algorithm.text)
        if name is None:
            message = f"there is no digest Algorithm {algorithm.text!r}"
            report.error(algorithm.place, "digest-algorithm", message, "write SHA-256")
        else:
            _check_digest_text(digest, name, report)


def _check_digest_text(digest: Scalar, name: str, report: Report) -> None:
    size = hashlib.new(name, usedforsecurity=False).digest_size
    if len(digest.text) == 2 * size and _HEX.fullmatch(digest.text):
        fix = f"write {base64.b64encode(bytes.fromhex(digest.text)).decode()}"
        report.error(digest.place, "digest-text", "a Digest is written in base64, not in hex", fix)
        return
    try:
        is_right = len(base64.b64decode(digest.text, validate=True)) == size
    except (binascii.Error, ValueError):
        is_right = False
    if not is_right:
        report.error(
            digest.place,
            "digest-text",
            f"the Digest is not the base64 text of the {size} bytes that its Algorithm gives",
            f"write the output of: openssl dgst -{name} -binary FILE | base64",
        )


def _check_file_names(artifacts: tuple[LocatedArtifact, ...], report: Report) -> None:
    earlier: dict[str, Place] = {}
    for located in artifacts:
        if located.artifact.scheme == "docker":
            continue
        name = located.artifact.file_name
        if name in earlier:
            report.warning(
                located.place,
                "artifact-name-twice",
                f"the artifact of line {earlier[name].line} has the file name {name!r} too; "
                "this one overwrites it",
                "rename one of the files",
            )
        earlier[name] = located.place
