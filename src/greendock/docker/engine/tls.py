"""The TLS settings for an engine at a TCP address, from the folder of certificates.

Reads the files, connects to nothing. Called by the engine connection and the gateway.
"""

from __future__ import annotations

import ssl

from greendock.docker.engine.address import EngineTls
from greendock.docker.errors import EngineAddressError


def tls_context(tls: EngineTls) -> ssl.SSLContext:
    """As the docker command: its own authority file, and a client certificate if there is one.

    Raises EngineAddressError.
    """
    folder = tls.folder
    try:
        authority = str(folder / "ca.pem")
        context = ssl.create_default_context(cafile=authority if tls.verify else None)
        if not tls.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if (folder / "cert.pem").exists():
            context.load_cert_chain(str(folder / "cert.pem"), str(folder / "key.pem"))
    except OSError as error:  # ssl.SSLError is one
        raise EngineAddressError(
            f"cannot use the certificates in {folder} for the engine: {error}",
            hint="DOCKER_CERT_PATH names a folder with ca.pem, cert.pem and key.pem",
        ) from error
    return context
