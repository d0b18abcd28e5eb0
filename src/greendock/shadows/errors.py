"""Why a shadow operation is refused.

ShadowError
├── ShadowRefused      a name, a page or a document that can't be used
│   └── ShadowTooLarge the state would be larger than the limit
├── NoSuchShadow       there is none of that name
├── VersionConflict    the update is for another version
└── TooManyRequests    more than the limits allow

Raised by the rules and the service; the IPC operations turn them into those of the model.
"""
# ruff: noqa: N818 - the names say what is the case; the base class says that they are errors

from __future__ import annotations

from greendock.base.errors import GreendockError


class ShadowError(GreendockError):
    """`code`: of the message on the shadow's `rejected` topic."""

    code = 400
    default_codes = ("BAD_REQUEST",)


class ShadowRefused(ShadowError):
    """Nothing was changed."""


class ShadowTooLarge(ShadowRefused):
    """Nothing was changed."""

    code = 413


class NoSuchShadow(ShadowError):
    """It never was, or it was deleted."""

    code = 404


class VersionConflict(ShadowError):
    """Somebody else has changed the shadow in between."""

    code = 409


class TooManyRequests(ShadowError):
    """Not told on any topic: that would be one message more."""

    code = 429
