"""What can be wrong with a bundle, as types.

BundleError            the file is no bundle, or not one that can be used
├── BundleTooNew       written in a later form of the format
└── BundleDamaged      it was one, and is cut short or changed

Raised by this package alone, before anything of the file has been used.
"""
# ruff: noqa: N818 - the names say what is the case; the base class says that they are errors

from __future__ import annotations

from greendock.base.errors import GreendockError


class BundleError(GreendockError):
    """The file can't be used as a bundle; nothing of it was used."""

    default_codes: tuple[str, ...] = ("IO_ERROR", "IO_READ_ERROR")


class BundleTooNew(BundleError):
    """A later version of Greendock wrote it in a form that this one doesn't know."""


class BundleDamaged(BundleError):
    """The file ends too early, or a byte of it is not what was written."""

    default_codes = ("ARTIFACT_CHECKSUM_MISMATCH",)
