"""HMAC authentication of Azure Communication Services.

Source: learn.microsoft.com/rest/api/communication/authentication.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from aiohttp import web

SIGNED = "x-ms-date;host;x-ms-content-sha256"
TOLERANCE = timedelta(minutes=5)


def problem_with(request: web.Request, body: bytes, key: str) -> str | None:
    """Why the request's signature is not accepted, or None when it is. `key` is the access key in base64."""
    given = request.headers.get("Authorization", "")
    shape = re.fullmatch(r"HMAC-SHA256 SignedHeaders=([\w;-]+)&Signature=([A-Za-z0-9+/=]+)", given)
    if shape is None or shape[1] != SIGNED:
        return f"Authorization must be HMAC-SHA256 with SignedHeaders={SIGNED}"
    date, digest = request.headers.get("x-ms-date", ""), request.headers.get("x-ms-content-sha256", "")
    try:
        sent = parsedate_to_datetime(date)
    except ValueError:
        return "x-ms-date is not an HTTP date"
    if sent.tzinfo is None or abs(datetime.now(UTC) - sent) > TOLERANCE:
        return "x-ms-date is more than five minutes off"
    if digest != base64.b64encode(hashlib.sha256(body).digest()).decode():
        return "x-ms-content-sha256 is not the hash of the body"
    text = f"{request.method}\n{request.raw_path}\n{date};{request.host};{digest}"
    expected = hmac.digest(base64.b64decode(key), text.encode(), "sha256")
    if not hmac.compare_digest(base64.b64encode(expected).decode(), shape[2]):
        return f"the signature does not fit the string {text!r}"
    return None
