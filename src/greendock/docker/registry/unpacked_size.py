"""About how large a layer is when it is unpacked; pure.

A gzip file ends with its length before packing, modulo 4 GiB. Where nothing tells, three times the
packed size counts, which most images stay below. Called by the registry client when a disk is
nearly full.
"""

from __future__ import annotations

ENDING_BYTES = 4
_USUAL_RATIO = 3
# Packing adds next to nothing to what can't be packed; a much smaller length is that of the last
# of several parts, or of a file beyond 4 GiB.
_LEAST_SHARE = 0.9


def is_gzip(media_type: str) -> bool:
    """Whether a layer of that type is packed with gzip."""
    return media_type.endswith(("gzip", ".diff.tar.gz"))


def estimate(packed_bytes: int, media_type: str, ending: bytes) -> int:
    """`ending`: the layer's last four bytes where they are known, else empty."""
    if media_type.endswith(".tar"):
        return packed_bytes
    if not is_gzip(media_type) or len(ending) != ENDING_BYTES:
        return packed_bytes * _USUAL_RATIO
    length = int.from_bytes(ending, "little")
    if length < packed_bytes * _LEAST_SHARE:
        return packed_bytes * _USUAL_RATIO
    return max(length, packed_bytes)
