"""What makes a value of a setting unsafe outside development: plain connections, and secrets that can be known."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, Literal, cast
from urllib.parse import urlsplit

DEVELOPMENT_MARKS: Final = (
    "development-only", "devstoreaccount1", "usedevelopmentstorage", "emulat", "example", "changeme", "change-me",
    "placeholder", "c2y6ydjf5/r+ob0n8a7cgv30vrdjiwehlm",
)  # fmt: skip
"""Parts of secrets that are shipped with the example settings, an emulator or a manual, in lower case."""
DEVELOPMENT_FAULT: Final = "holds a development secret: set a real one, or ENVIRONMENT=development"
MIN_PROVIDER_CHARACTERS: Final = 16
MIN_OWN_BYTES: Final = 32
MIN_OWN_BITS: Final = 128
MIN_PROVIDER_BITS: Final = 40
type Kind = Literal["own_secret", "secret", "url", "text"]
"""What a setting's value is checked as; an own secret is one that the operator makes, and so can make strong."""
_URL: Final = re.compile(r"\s*[a-z][a-z0-9+.-]*:/", re.IGNORECASE)
_SECRET_PARTS: Final = ("accountkey", "accesskey", "sharedaccesskey", "sharedaccesssignature")


def value_faults(kind: Kind, text: str) -> Iterator[str]:
    """Why a value may not be used; nothing for one that may."""
    match kind:
        case "own_secret" | "secret":
            yield from secret_faults(text, own=kind == "own_secret")
        case "url":
            fault = url_fault(text)
            yield from [fault] if fault else []
        case "text":
            yield from text_faults(text)


def looks_unsafe(kind: Kind, text: str) -> bool:
    """Whether a variable's text, or a part of it where it is a JSON list or object, has a fault."""
    return any(fault for part in _parts(text) for fault in value_faults(kind, part))


def _parts(text: str) -> list[str]:
    if text.lstrip()[:1] not in ("[", "{"):
        return [text]
    try:
        found: Any = json.loads(text)
    except ValueError:
        return [text]
    values = list(cast("dict[str, Any]", found).values()) if isinstance(found, dict) else cast("list[Any]", found)
    return [value for value in values if isinstance(value, str)]


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


def secret_faults(text: str, *, own: bool) -> Iterator[str]:
    """Why a secret, or a connection string with one, may not be used. The secret itself is never in the answer.

    Args:
        own: as of `secret_fault`.
    """
    if not is_connection_string(text):
        fault = secret_fault(text, own=own)
        yield from [fault] if fault else []
        return
    if any(mark in text.lower() for mark in DEVELOPMENT_MARKS):
        yield DEVELOPMENT_FAULT
    yield from text_faults(text)


def secret_fault(secret: str, *, own: bool) -> str | None:
    """Why a secret may not be used, or None. The secret itself is never in the answer.

    Args:
        own: made by the operator, who can make a strong one; a provider's is what it is, and is checked for being one.
    """
    text = secret.strip().lower()
    if text.startswith("@microsoft.keyvault("):
        return "is a Key Vault reference that was not resolved: check the name, and the rights of the app's identity"
    if any(mark in form for form in (text, _decoded(secret)) for mark in DEVELOPMENT_MARKS):
        return DEVELOPMENT_FAULT
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
