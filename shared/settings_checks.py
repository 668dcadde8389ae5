"""What makes a value of a setting unsafe outside development: plain connections, and secrets that can be known."""

from __future__ import annotations

import base64
import binascii
import math
import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final
from urllib.parse import urlsplit

DEVELOPMENT_MARKS: Final = (
    "development-only", "devstoreaccount1", "usedevelopmentstorage", "emulat", "example", "changeme", "change-me",
    "placeholder", "c2y6ydjf5/r+ob0n8a7cgv30vrdjiwehlm",
)  # fmt: skip
"""Parts of secrets that are shipped with the example settings, an emulator or a manual, in lower case."""
MIN_PROVIDER_CHARACTERS: Final = 16
MIN_OWN_BYTES: Final = 32
MIN_OWN_BITS: Final = 128
MIN_PROVIDER_BITS: Final = 40
_URL: Final = re.compile(r"\s*[a-z][a-z0-9+.-]*:/", re.IGNORECASE)
_SECRET_PARTS: Final = ("accountkey", "accesskey", "sharedaccesskey", "sharedaccesssignature")


def url_fault(url: str) -> str | None:
    """Why a URL may not be used, or None: it has to be https, with a host, without a user, as it is written."""
    if not url.isprintable() or any(c in url for c in ' \\"<>'):
        return "has characters that a URL can't have"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme.lower() != "https":
        return "must be https outside development"
    if not host or "@" in parts.netloc:
        return "must be https://HOST, without a user name"
    return None


def text_faults(text: str) -> Iterator[str]:
    """Why a text that holds a URL or a connection string may not be used; nothing for any other text."""
    if not is_connection_string(text):
        fault = url_fault(text.strip()) if _URL.match(text) else None
        yield from [fault] if fault else []
        return
    for part in text.split(";"):
        name, _, value = (word.strip() for word in part.partition("="))
        fault = None
        if name.lower() == "defaultendpointsprotocol" and value.lower() != "https":
            fault = "must be https outside development"
        elif _URL.match(value):
            fault = url_fault(value)
        elif name.lower() in _SECRET_PARTS:
            fault = secret_fault(value, own=False)
        if fault:
            yield f"{name}: {fault}"


def is_connection_string(text: str) -> bool:
    """Whether a text is one of names and values, `Endpoint=...;AccessKey=...`."""
    return "=" in text and (";" in text or text.strip().lower().startswith("usedevelopmentstorage"))


def secret_fault(secret: str, *, own: bool) -> str | None:
    """Why a secret may not be used, or None. The secret itself is never in the answer.

    Args:
        own: made by the operator, who can make a strong one; a provider's is what it is, and is checked for being one.
    """
    text = secret.strip().lower()
    if text.startswith("@microsoft.keyvault("):
        return "is a Key Vault reference that was not resolved: check the name, and the rights of the app's identity"
    if any(mark in form for form in (text, _decoded(secret)) for mark in DEVELOPMENT_MARKS):
        return "holds a development secret: set a real one, or ENVIRONMENT=development"
    if own and len(secret.encode()) < MIN_OWN_BYTES:
        return f"is shorter than {MIN_OWN_BYTES} bytes: make one with `openssl rand -base64 48`"
    if not own and len(secret) < MIN_PROVIDER_CHARACTERS:
        return f"is shorter than {MIN_PROVIDER_CHARACTERS} characters: it is not what the provider issued"
    if bits(secret) < (MIN_OWN_BITS if own else MIN_PROVIDER_BITS):
        return "can be guessed, it repeats itself: make one with `openssl rand -base64 48`"
    return None


def bits(text: str) -> float:
    """Entropy by the frequencies of the characters, of the shortest part that the text repeats.

    An upper bound: it finds keys that were typed, not keys that only look random.
    """
    shortest = (text + text).find(text, 1)
    part = text[:shortest] if 0 < shortest < len(text) else text
    # Of "abcdef" every character differs, and no step from one to the next.
    steps = [ord(after) - ord(before) for before, after in pairwise(part)]
    return min(_frequency_bits(part), _frequency_bits(steps) + math.log2(len(string.printable)))


def _frequency_bits(values: Sequence[object]) -> float:
    return -sum(n * math.log2(n / len(values)) for n in Counter(values).values())


def _decoded(secret: str) -> str:
    """What a base64 secret stands for, in lower case; empty if it is none."""
    try:
        return base64.b64decode(secret, validate=True).decode("latin-1").lower()
    except (binascii.Error, ValueError):
        return ""
