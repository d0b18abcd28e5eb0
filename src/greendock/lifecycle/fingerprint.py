"""What of a specification has to be the same for containers of an earlier life to be taken over.

Pure. Two specifications have the same fingerprint when change.py would not restart the one to
become the other. Noted with each life; compared when the core starts again.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from greendock.lifecycle.change import hard_dependencies
from greendock.lifecycle.model import ComponentSpec


def fingerprint(spec: ComponentSpec) -> str:
    """A digest, hexadecimal."""
    # What is not in here never concerns what runs: see change.py.
    steps = replace(spec.steps, shutdown=None, uninstall=None, bootstrap=None)
    parts = (
        spec.name,
        spec.version,
        steps,
        spec.content_id,
        spec.restart_id,
        spec.run_with.posix_user,
        spec.resident,
        spec.uses_docker,
        sorted(hard_dependencies(spec)),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()
