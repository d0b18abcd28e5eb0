"""Checks the keys that say which component a recipe is: format, name, version, type.

Called by `parse`. The name and version become parts of paths, so nothing that a path could take
for something else passes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from greendock.base.versions import Version
from greendock.recipe.fields import Fields
from greendock.recipe.nodes import Scalar
from greendock.recipe.report import Report

FORMAT_VERSION = "2020-01-25"
GENERIC = "aws.greengrass.generic"
_OTHER_TYPES = ("aws.greengrass.lambda", "aws.greengrass.plugin", "aws.greengrass.nucleus")
_NAME = re.compile(r"[a-zA-Z0-9_.-]+", re.ASCII)
_LONGEST_NAME = 128
_LONGEST_VERSION = 64
_LARGEST_PART = 999_999


@dataclass(frozen=True, slots=True)
class Header:
    name: str
    version: str
    type: str
    description: str | None
    publisher: str | None


def read_header(fields: Fields, report: Report) -> Header:
    """The header; parts that are missing or faulty are empty text and noted in `report`."""
    _check_format(fields, report)
    name = fields.required_text("ComponentName", "com.example.MyComponent")
    version = fields.required_text("ComponentVersion", "1.0.0")
    description = fields.text("ComponentDescription")
    publisher = fields.text("ComponentPublisher")
    fields.text("ComponentSource")
    if name is not None:
        _check_name(name, report)
    if version is not None:
        _check_version(version, report)
    return Header(
        name.text if name else "",
        version.text.strip() if version else "",
        _read_type(fields, report),
        description.text if description else None,
        publisher.text if publisher else None,
    )


def _check_format(fields: Fields, report: Report) -> None:
    written = fields.required_text("RecipeFormatVersion", f"'{FORMAT_VERSION}'")
    if written is not None and written.text.strip() != FORMAT_VERSION:
        report.error(
            written.place,
            "format-version",
            f"RecipeFormatVersion cannot be {written.text!r}",
            f"write '{FORMAT_VERSION}', the only version there is",
        )


def _check_name(name: Scalar, report: Report) -> None:
    fault = name_fault(name.text)
    if fault:
        report.error(name.place, "component-name", f"ComponentName {fault[0]}", fault[1])


def name_fault(name: str) -> tuple[str, str] | None:
    """(what is wrong, what to write) when `name` can't name a component."""
    if len(name) > _LONGEST_NAME:
        return (
            f"has {len(name)} characters, {_LONGEST_NAME} are allowed",
            "shorten it",
        )
    if _NAME.fullmatch(name) is None:
        return (
            f"cannot be {name!r}",
            "use letters, digits, '-', '_' and '.', for example com.example.MyComponent",
        )
    if name.strip(".") == "":
        return (
            f"cannot be {name!r}, which names a folder of the file system",
            "use letters and digits too, for example com.example.MyComponent",
        )
    return None


def _check_version(written: Scalar, report: Report) -> None:
    text = written.text.strip()
    try:
        version = Version(text)
    except ValueError:
        _invalid_version(written, "it is not of the form MAJOR.MINOR.PATCH", report)
        return
    if len(text) > _LONGEST_VERSION:
        _invalid_version(written, f"it has more than {_LONGEST_VERSION} characters", report)
    elif max(version.major, version.minor, version.patch) > _LARGEST_PART:
        _invalid_version(written, f"a part of it is larger than {_LARGEST_PART}", report)
    elif not text.startswith(f"{version.major}.{version.minor}.{version.patch}"):
        report.warning(
            written.place,
            "version-leading-zero",
            f"ComponentVersion {text!r} has leading zeros, which semantic versions don't have",
            f"write {version.normal}",
        )


def _invalid_version(written: Scalar, reason: str, report: Report) -> None:
    report.error(
        written.place,
        "component-version",
        f"ComponentVersion cannot be {written.text!r}: {reason}",
        "write three numbers, for example 1.0.0 or 1.2.0-beta.1",
    )


def _read_type(fields: Fields, report: Report) -> str:
    written = fields.text("ComponentType")
    if written is None:
        return GENERIC
    kind = written.text.lower()
    if kind in _OTHER_TYPES:
        report.warning(
            written.place,
            "component-type",
            f"components of the type {kind} are not run by this core",
            f"use a component of the type {GENERIC}",
        )
    elif kind != GENERIC:
        report.error(
            written.place,
            "invalid-value",
            f"ComponentType cannot be {written.text!r}",
            f"write one of {', '.join((GENERIC, *_OTHER_TYPES))}, or leave the key out",
        )
    return kind
