"""The signature of a request: HMAC-SHA256 by the account's key over verb, resource and date.

Source: learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from emulators.cosmos.errors import Forbidden, Unauthorized
from emulators.cosmos.rids import is_rid

KEY: Final = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
"""The published key of Microsoft's own emulator."""
MAX_SKEW_S: Final = 15 * 60


def check(key: str, verb: str, path: str, headers: Mapping[str, str]) -> None:
    """Raises `Unauthorized`, or `Forbidden` for a date that is too old."""
    header = headers.get("Authorization")
    if not header:
        raise Unauthorized("Required Header authorization is missing. Ensure a valid Authorization token is passed.")
    form, _, given = unquote(header).strip().partition("&sig=")
    date = headers.get("x-ms-date", "")
    kind, link = resource(path)
    for name in (link, link.lower()):
        text = f"{verb.lower()}\n{kind.lower()}\n{name}\n{date.lower()}\n\n"
        expected = base64.b64encode(hmac.digest(_raw(key), text.encode(), hashlib.sha256))
        if form == "type=master&ver=1.0" and hmac.compare_digest(expected, given.encode(errors="replace")):
            _check_date(date)
            return
    raise Unauthorized(
        "The input authorization token can't serve the request. Please check that the expected payload is built as per "
        "the protocol, and check the key being used."
    )


@lru_cache(maxsize=8)
def _raw(key: str) -> bytes:
    return base64.b64decode(key)


def _check_date(date: str) -> None:
    try:
        skew = abs(_moment(date) - time.time())
    except ValueError:
        raise Unauthorized("The x-ms-date header is not a date.") from None
    if skew > MAX_SKEW_S:
        raise Forbidden("The authorization token is not valid at the current time.")


@lru_cache(maxsize=64)
def _moment(date: str) -> float:
    return parsedate_to_datetime(date).timestamp()


@lru_cache(maxsize=1024)
def resource(path: str) -> tuple[str, str]:
    """Type and link that a request to `path` signs: `/dbs/a/colls/b/docs` signs `docs` and `dbs/a/colls/b`."""
    parts = [unquote(part) for part in path.strip("/").split("/") if part]
    if not parts:
        return "", ""
    if parts[4:] == ["operations", "partitionkeydelete"]:
        return "colls", "/".join(parts[:4])
    if len(parts) % 2:
        kind, link = parts[-1], "/".join(parts[:-1])
    else:
        kind, link = parts[-2], "/".join(parts)
    return kind, rid_link(parts, link)


def rid_link(parts: list[str], link: str) -> str:
    """A path of resource ids signs the last id alone, in lower case."""
    ids = parts[1::2]
    if parts[0] == "offers" and ids:
        return ids[-1].lower()
    if ids and all(map(is_rid, ids)):
        return ids[-1].lower()
    return link
