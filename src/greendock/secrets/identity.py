"""Names, ARNs and versions of secrets: what is made up for local ones, and what is meant; pure."""

from __future__ import annotations

import hashlib
import re
import string
import uuid
from collections.abc import Mapping

_ACCOUNT = "000000000000"
_LETTERS = string.ascii_letters + string.digits
_SUFFIXED = re.compile(r"(?P<head>.+:secret:(?P<name>.+))-[A-Za-z0-9]{6}", re.ASCII)
_SUFFIX_LETTERS = 6


def local_arn(name: str, region: str) -> str:
    """An ARN of the form that AWS makes; the same for the same name."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    letters = []
    for _ in range(_SUFFIX_LETTERS):
        number, place = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[place])
    return f"arn:aws:secretsmanager:{region}:{_ACCOUNT}:secret:{name}-{''.join(letters)}"


def version_of(arn: str, value: bytes) -> str:
    """A version id of the form that AWS makes; the same for the same value."""
    digest = hashlib.blake2b(value, key=arn.encode()[:64], digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))


def name_in(arn: str) -> str:
    """The name of the secret that AWS made this ARN for."""
    found = _SUFFIXED.fullmatch(arn)
    return found["name"] if found else arn.rpartition(":secret:")[2]


def meant(secret_id: str, arns: Mapping[str, str]) -> str | None:
    """The ARN that a name, an ARN, or an ARN without its last six characters stands for. `arns`:
    by name. What is written in full goes first."""
    if secret_id in arns:
        return arns[secret_id]
    if secret_id in arns.values():
        return secret_id
    for arn in arns.values():
        found = _SUFFIXED.fullmatch(arn)
        if found is not None and found["head"] == secret_id:
            return arn
    return None
