"""`greendock bundle inspect`: checks every byte of a bundle, then shows what is in it.

Asks no core and no engine and changes nothing.
"""

from __future__ import annotations

from pathlib import Path

from greendock.bundle.reader import BundleFile
from greendock.cli.bundle_progress import ByteProgress
from greendock.cli.bundle_text import bundle_lines, bundle_object
from greendock.cli.output import say, say_json


def inspect_bundle(file: str, *, as_json: bool) -> int:
    """Raises BundleError."""
    path = Path(file).expanduser()
    with BundleFile(path) as bundle:
        verify(bundle)
        if as_json:
            say_json({**bundle_object(file, bundle.size, bundle.index), "verified": True})
        else:
            say("\n".join(bundle_lines(file, bundle.size, bundle.index)))
            say("all checksums are right")
    return 0


def verify(bundle: BundleFile) -> None:
    """Check all of it, with progress for large ones. Raises BundleDamaged."""
    bundle.verify(ByteProgress("checking the bundle", bundle.size).add)
