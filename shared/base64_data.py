"""Base64 as programs write it: in either alphabet, padded or not, in lines, or behind the head of a data URI."""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import unquote

_HEAD: Final = re.compile(r"\s*data:[^,]{0,200},", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+|\\[nr]")
"""Line breaks, also those that were escaped twice."""
_STANDARD: Final = str.maketrans("-_", "+/")


def decode(text: str) -> bytes:
    """The bytes that base64 stands for (RFC 4648, sections 4 and 5).

    Raises:
        ValueError: it is not base64.
    """
    head = _HEAD.match(text)
    body = text if head is None else text[head.end() :]
    if "%" in body:
        body = unquote(body)
    pieces = body.strip().split(" ")
    if any(len(piece) % 4 for piece in pieces[:-1]):
        # No lines, but `+` that a form has made spaces of.
        body = "+".join(pieces)
    plain = _SPACE.sub("", body).translate(_STANDARD).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        raise ValueError("not base64") from None
