"""What must never stand in a log."""

from __future__ import annotations

import re
from urllib.parse import unquote

PATTERNS = {
    "a SAS signature": re.compile(r"\bsig=(?!\*\*\*)[A-Za-z0-9%+/]{8,}"),
    "a token": re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    "a bearer": re.compile(r"(?i)\bbearer (?!\*\*\*)[A-Za-z0-9._-]{12,}"),
    "an e-mail address": re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}"),
    "a phone number": re.compile(r"(?<![\w.:-])\+[1-9]\d{6,14}\b"),
    "a storage key": re.compile(r"(?i)accountkey=|accesskey=(?!\*\*\*)"),
}


def leaks(log: str) -> list[str]:
    """What is in a log that must not be: kind and beginning of each find."""
    text = unquote(log)
    return [f"{what}: {found[:80]}" for what, pattern in PATTERNS.items() for found in pattern.findall(text)]
