"""`s3://BUCKET/KEY` artifact URIs: reading them, and writing a key into a request's path; pure.

The key is what the URI's path decodes to, as Java's URI class decodes it for the Greengrass
nucleus: percent escapes are UTF-8, `+` is a plus.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from greendock.aws.errors import BadRequest

# The rules for bucket names, and the older ones of us-east-1 (capitals, underscores).
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]", re.ASCII)


@dataclass(frozen=True, slots=True)
class S3Uri:
    bucket: str
    key: str

    @property
    def path(self) -> str:
        """The key as it stands in a request's path, without the leading slash."""
        return quote(self.key, safe="/-_.~")


def read_s3_uri(uri: str) -> S3Uri:
    """Raises BadRequest for what names no object."""
    rest = uri.partition("#")[0].partition("?")[0]
    scheme, separator, place = rest.partition("://")
    bucket, slash, key = place.partition("/")
    if scheme.lower() != "s3" or not separator or not slash or not key:
        raise _wrong(uri, "it is not of the form s3://BUCKET/KEY")
    if _BUCKET.fullmatch(bucket) is None or ".." in bucket:
        raise _wrong(uri, f"{bucket!r} can't be the name of a bucket")
    decoded = unquote(key, errors="replace")
    if "\0" in decoded:
        raise _wrong(uri, "its key has a zero byte")
    return S3Uri(bucket, decoded)


def _wrong(uri: str, why: str) -> BadRequest:
    return BadRequest(
        f"cannot use the artifact URI {uri!r}: {why}",
        codes=("ARTIFACT_URI_NOT_VALID", "S3_ARTIFACT_URI_NOT_VALID"),
        hint="write s3://BUCKET/folder/file.zip",
    )
