"""What can go wrong for the person at the command line, with the exit code that says it.

0 done · 1 the thing asked for failed · 2 wrong usage · 3 no core can be reached ·
4 not over after --timeout · 130 interrupted.
"""

from __future__ import annotations

from greendock.base.errors import GreendockError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NO_CORE = 3
EXIT_NOT_OVER = 4
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


class CliError(GreendockError):
    """What was asked for failed. `model` is the IPC error's name when the core said it."""

    exit_code = EXIT_FAILED

    def __init__(
        self,
        message: str,
        *,
        codes: tuple[str, ...] | None = None,
        hint: str | None = None,
        model: str | None = None,
    ) -> None:
        super().__init__(message, codes=codes, hint=hint)
        self.model = model


class ArgumentsError(CliError):
    """The arguments make no sense together, or a file that they name doesn't."""

    exit_code = EXIT_USAGE


class NoCoreError(CliError):
    """No core runs at the root folder, or this user can't talk to it, or it went away."""

    exit_code = EXIT_NO_CORE


class NotOverError(CliError):
    """What was waited for did not come before --timeout."""

    exit_code = EXIT_NOT_OVER


class TokenRefusedError(NoCoreError):
    """The core answered, and does not know the token."""
