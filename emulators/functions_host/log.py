"""Logging of a host process: everything to standard error, levels from `logging.logLevel` of host.json."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Final

LEVELS: Final = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
"""Python's levels by the names of .NET's, in the order of their numbers."""
_QUIET = ("azure", "aiohttp", "urllib3", "asyncio")


def configure(levels: Mapping[str, str]) -> None:
    """Set up the root logger; `levels` maps a category (or `default`) to a .NET level name."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("[%(asctime)s] %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_level(levels.get("default")))
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name, level in levels.items():
        if name != "default":
            logging.getLogger(name).setLevel(_level(level))


def _level(name: str | None) -> int:
    return LEVELS.get(str(name or "information").lower(), logging.INFO)
