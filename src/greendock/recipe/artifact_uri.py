"""Judges the text of an artifact URI: legal characters, scheme, and the form of each scheme.

The characters are those of RFC 2396 as the Java core's URI class reads them (it also takes
letters beyond ASCII). The grammar of image names behind `docker:` is not judged here. Pure;
called by `artifacts`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from greendock.recipe.placeholders import filled_example, find_placeholders, joined

SCHEMES = ("s3", "docker", "greengrass")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*", re.ASCII)
_ILLEGAL = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\u3000\"<>\\^`{|}]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_EXAMPLES = {
    "s3": "s3://BUCKET/folder/file.zip",
    "docker": "docker:registry/image:1.0.0",
    "greengrass": "greengrass:ID/file.zip",
}


class UriFault(NamedTuple):
    """`is_fatal` False: the URI works, but is not written as it should be."""

    rule: str
    message: str
    fix: str
    is_fatal: bool = True


def uri_fault(uri: str) -> UriFault | None:
    """What is wrong with `uri`, the most telling fault first; None when nothing is."""
    return _placeholder(uri) or _character(uri) or _scheme(uri) or _form(uri)


def _placeholder(uri: str) -> UriFault | None:
    found = find_placeholders(uri)
    if not found:
        return None
    return UriFault(
        "placeholder",
        f"the artifact URI still has {joined(found)}",
        f"write the URI that you mean, for example {filled_example(uri)}",
    )


def _character(uri: str) -> UriFault | None:
    illegal = _ILLEGAL.search(uri)
    if illegal:
        sign = illegal.group()
        return UriFault(
            "artifact-uri",
            f"an artifact URI cannot contain {sign!r} (character {illegal.start() + 1})",
            "recipe variables are not filled in here: write the URI out"
            if sign in "{}"
            else f"remove it, or write it as %{ord(sign):02X}"
            if ord(sign) < 0x80
            else "remove it",
        )
    escape = _BAD_ESCAPE.search(uri)
    if escape:
        return UriFault(
            "artifact-uri",
            f"the % at character {escape.start() + 1} of the artifact URI begins no escape",
            "write %25 for a percent sign",
        )
    if uri.count("#") > 1:
        return UriFault(
            "artifact-uri", "an artifact URI cannot contain two #", "write %23 for the second"
        )
    return None


def _scheme(uri: str) -> UriFault | None:
    scheme, colon, rest = uri.partition(":")
    if not colon or _SCHEME.fullmatch(scheme) is None:
        return UriFault(
            "artifact-scheme",
            f"the artifact URI {uri!r} has no scheme",
            f"write {', '.join(_EXAMPLES.values())}",
        )
    if scheme.lower() not in SCHEMES:
        return UriFault(
            "artifact-scheme-unsupported",
            f"artifacts cannot come from {scheme}:",
            f"write {', '.join(_EXAMPLES.values())}",
        )
    if not rest:
        return UriFault(
            "artifact-uri",
            f"nothing follows {scheme}:",
            f"write {_EXAMPLES[scheme.lower()]}",
        )
    return None


def _form(uri: str) -> UriFault | None:
    scheme, _, rest = uri.partition(":")
    if scheme.lower() == "docker":
        return None
    path = rest.partition("#")[0].partition("?")[0]
    if scheme.lower() == "s3":
        fault = _s3_fault(uri, path)
        if fault:
            return fault
    if path.rpartition("/")[2] in ("", ".", ".."):
        return UriFault(
            "artifact-file-name",
            f"the artifact URI {uri!r} names no file",
            f"end it with a file name: {_EXAMPLES[scheme.lower()]}",
        )
    if scheme == "S3":
        return UriFault(
            "artifact-scheme-case",
            "Greengrass reads S3 URIs only with a lower-case scheme",
            f"write s3:{rest}",
            is_fatal=False,
        )
    return None


def _s3_fault(uri: str, path: str) -> UriFault | None:
    bucket, slash, key = path[2:].partition("/")
    if not path.startswith("//") or not bucket or not slash or not key:
        return UriFault(
            "artifact-s3",
            f"the artifact URI {uri!r} is not of the form s3://BUCKET/KEY",
            f"write {_EXAMPLES['s3']}",
        )
    if "[" in path or "]" in path:
        return UriFault(
            "artifact-uri",
            "the path of an artifact URI cannot contain [ or ]",
            "write %5B for [ and %5D for ]",
        )
    return None
