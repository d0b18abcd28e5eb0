"""Modelled errors of the IPC operations, and which failure of the core becomes which of them.

Raised by the handlers and by the request checks; stream.py writes them to the wire. Nothing in
here logs: who catches an unexpected exception does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greendock.base.errors import GreendockError, UsageError
from greendock.ipc.rpc import NAMESPACE

MAX_TEXT = 4096
"""Characters of one text in an error."""


class OperationError(GreendockError):
    """An answer of the error kind. `model` is the full shape name; `members` always has a
    message. Texts are cut: they may quote a request, which can be as large as a frame."""

    def __init__(self, name: str, message: str, **members: str) -> None:
        super().__init__(message[:MAX_TEXT])
        self.model = f"{NAMESPACE}{name}"
        texts = {"message": message, **members}
        self.members: Mapping[str, Any] = {key: text[:MAX_TEXT] for key, text in texts.items()}


def invalid_arguments(text: str) -> OperationError:
    return OperationError("InvalidArgumentsError", text)


def not_found(kind: str, name: str, text: str) -> OperationError:
    """`kind` is the resourceType that clients test for, such as LocalDeployment."""
    return OperationError("ResourceNotFoundError", text, resourceType=kind, resourceName=name)


def unauthorized(text: str) -> OperationError:
    return OperationError("UnauthorizedError", text)


def service_error(text: str, context: Mapping[str, Any] | None = None) -> OperationError:
    """`context`: a small object for programs; its texts are ours or bounded."""
    error = OperationError("ServiceError", text)
    if context:
        error.members = {**error.members, "context": context}
    return error


def is_expected(error: BaseException) -> bool:
    """Whether the core raised it on purpose, so that its text is meant for the caller."""
    return isinstance(error, GreendockError)


def as_operation_error(error: BaseException) -> OperationError:
    """The modelled error for any failure of a handler.

    The text of an unexpected exception stays in the core's log: it may hold anything.
    """
    if isinstance(error, OperationError):
        return error
    if isinstance(error, UsageError):
        return invalid_arguments(error.explain())
    if isinstance(error, GreendockError):
        return service_error(error.explain())
    if isinstance(error, TimeoutError):
        return service_error("cannot answer in time: the operation took too long")
    return service_error("cannot carry out the operation: the log of the core says why")
