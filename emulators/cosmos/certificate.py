"""A self-signed certificate of this machine, as Microsoft's emulator has one."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path

from emulators.certificates import self_signed

NAMES = ("localhost", "127.0.0.1", "::1")
LIFE = timedelta(days=90)
FILE = "certificate.pem"


def server_context(folder: Path) -> ssl.SSLContext:
    """A context with a new certificate for `localhost` and the loopback addresses.

    The certificate is left in `folder` under `FILE`; its key is there only until it has been loaded.
    """
    certificate, secret = folder / FILE, folder / "key.pem"
    made, key = self_signed(NAMES, LIFE)
    certificate.write_bytes(made)
    secret.touch(mode=0o600)
    secret.write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)
    secret.unlink()
    return context
