"""A certificate for servers of tests."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from emulators.certificates import self_signed


def write_certificate(path: Path, host: str = "localhost") -> None:
    """A key and a self-signed certificate for a host, in one PEM file."""
    certificate, key = self_signed([host], timedelta(days=1))
    path.write_bytes(key + certificate)
