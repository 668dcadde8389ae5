"""Access keys: auth level `function` takes either key, `admin` only the master key, the webhook its system key."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .bindings import Function

if TYPE_CHECKING:
    from aiohttp import web

MASTER_KEY, FUNCTION_KEY = "FUNCTIONS_MASTER_KEY", "FUNCTIONS_FUNCTION_KEY"
SYSTEM_KEY = "FUNCTIONS_BLOBS_EXTENSION_KEY"
"""App settings with the keys; the command line makes random ones when they are unset."""


def key_of(request: web.BaseRequest, query: Mapping[str, str]) -> str:
    """The key a request brings: header `x-functions-key` or query `code`."""
    return request.headers.get("x-functions-key") or query.get("code", "")


def is_master(key: str) -> bool:
    """Whether this is the master key."""
    return _is(key, MASTER_KEY)


def is_system(key: str) -> bool:
    """Whether a key opens the webhook of the blob extension: its system key `blobs_extension`, or the master key."""
    return is_master(key) or _is(key, SYSTEM_KEY)


def may_call(function: Function, key: str) -> bool:
    """Whether a key opens an HTTP function."""
    level = str(function.trigger.raw.get("authLevel") or "function").lower()
    if level == "anonymous":
        return True
    return is_master(key) or (level == "function" and _is(key, FUNCTION_KEY))


def _is(given: str, setting: str) -> bool:
    key = os.environ.get(setting)
    return bool(key) and hmac.compare_digest(given.encode(), str(key).encode())
