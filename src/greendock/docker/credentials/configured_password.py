"""The password of a registry account, from the file or the variable that its entry names.

Knows nothing of registries. Called by the credentials of registries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from greendock.base.secret_file import read_secret_file
from greendock.docker.errors import CredentialsFailed

_MOST_BYTES = 65536  # tokens of some registries are long; nothing else is


@dataclass(frozen=True, slots=True)
class Password:
    """`is_open_to_others`: it came from a file that group or others may read."""

    text: str = field(repr=False)
    is_open_to_others: bool = False


def password_from_file(path: str) -> Password:
    """The content without one newline at its end. Blocks. Raises CredentialsFailed."""
    what = f"cannot use password file {path}"
    try:
        file = read_secret_file(Path(path), _MOST_BYTES)
    except OSError as error:
        raise CredentialsFailed(f"{what}: {error.strerror or error}") from error
    except ValueError as error:
        raise CredentialsFailed(f"{what}: {error}") from error
    try:
        text = _without_newline(file.content.decode())
    except UnicodeDecodeError:
        # Not chained: the error holds the content.
        raise CredentialsFailed(f"{what}: it is no UTF-8 text") from None
    if not text:
        raise CredentialsFailed(f"{what}: it is empty")
    return Password(text, file.is_open_to_others)


def password_from_variable(name: str, environ: Mapping[str, str]) -> Password:
    """Raises CredentialsFailed when there is none."""
    text = _without_newline(environ.get(name, ""))
    if not text:
        state = "empty" if name in environ else "not set"
        raise CredentialsFailed(
            f"cannot use the variable {name} for a registry's password: it is {state}",
            hint="set it in the environment of the core, for example by its service unit",
        )
    return Password(text)


def _without_newline(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
