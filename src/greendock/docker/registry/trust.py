"""Whom to believe when a registry is asked: what the engine's folder of certificates says.

Reads `HOST[:PORT]/` below `/etc/docker/certs.d` as the engine does: `*.crt` are authorities,
`*.cert` with the `*.key` of the same name proves who this machine is. Reads names only; the
files themselves are opened by the HTTP client. Called by the registry client, in a thread.
"""

from __future__ import annotations

from pathlib import Path

from greendock.docker.registry.endpoints import HUB_URL, Endpoint
from greendock.net.http import Trust

ENGINE_CERTIFICATES = Path("/etc/docker/certs.d")


def read_trust(endpoint: Endpoint, folder: Path | None) -> Trust:
    """The trust for `endpoint`. A folder that isn't there or can't be read adds nothing.

    `folder` is None where the engine is elsewhere.
    """
    if not endpoint.url.startswith("https:"):
        return Trust()
    if not endpoint.verify:
        return Trust(verify=False)
    if folder is None or endpoint.url == HUB_URL:  # Hub: the engine reads no folder for it
        return Trust()
    try:
        files = sorted((folder / endpoint.host).iterdir())
    except OSError:
        return Trust()
    pairs = [(x, x.with_suffix(".key")) for x in files if x.suffix == ".cert"]
    certificate, key = next((pair for pair in pairs if pair[1] in files), (None, None))
    return Trust(tuple(x for x in files if x.suffix == ".crt"), certificate, key)
