"""Types of arguments, each of which refuses a wrong value with what is right."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path
from typing import Final

MAX_PORT: Final = 65_535


def port(text: str) -> int:
    """A TCP port; 0 is not given."""
    if not text.isdecimal() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1 to {MAX_PORT}")
    return int(text)


def free_port(text: str) -> int:
    """A TCP port of this machine on which nothing listens."""
    number = port(text)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            raise argparse.ArgumentTypeError(
                f"port {number} can't be used ({error.strerror}): choose another"
            ) from None
    return number


def folder(text: str) -> Path:
    """A directory that exists or can be made."""
    path = Path(text)
    if not text.strip():
        raise argparse.ArgumentTypeError("the directory has no name")
    try:
        path.mkdir(parents=True, exist_ok=True)
        with (path / ".writable").open("w"):
            pass
        (path / ".writable").unlink()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise argparse.ArgumentTypeError(f"{text} is no directory that can be written to: {why}") from None
    return path
