"""Cursors: where a page ended, of which state of the index and of which query, signed so that none can be made up."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.errors import BadCursor
from functions.search.engine.letters import tokens
from functions.search.engine.phrases import phrases_of
from functions.search.engine.query import VectorQuery
from shared.accounts.settings import account_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

PURPOSE: Final = b"search-cursor-1"
SIGNATURE: Final = 16


@dataclass(frozen=True)
class Cursor:
    """The last hit of a page.

    Args:
        version, seq: the state of the index that the scan sees.
        query: `fingerprint` of its query.
        score, id: of the hit.
        ranked: how many rows had been ranked up to it; only speeds up the next page.
    """

    version: str
    seq: int
    query: str
    score: float
    id: str
    ranked: int

    def seal(self) -> str:
        """As it goes to a caller."""
        body = json.dumps([*vars(self).values()], separators=(",", ":")).encode()
        key = account_settings().jwt_keys[account_settings().jwt_active_kid].get_secret_value()
        return base64.urlsafe_b64encode(_signature(key, body) + body).decode().rstrip("=")


def opened(text: str, query: str) -> Cursor:
    """The cursor that a caller hands back with the query of this fingerprint. Raises BadCursor."""
    try:
        data = base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raise BadCursor("this is no cursor of a search", field="cursor") from None
    body = data[SIGNATURE:]
    keys = [key.get_secret_value() for key in account_settings().jwt_keys.values()]
    if not any(hmac.compare_digest(_signature(key, body), data[:SIGNATURE]) for key in keys):
        raise BadCursor("this is no cursor of a search", field="cursor")
    found = Cursor(**dict(zip((field.name for field in fields(Cursor)), json.loads(body), strict=True)))
    if found.query != query:
        raise BadCursor("the cursor belongs to another search", field="cursor")
    return found


def _signature(key: str, body: bytes) -> bytes:
    derived = hmac.digest(key.encode(), PURPOSE, "sha256")
    return hmac.digest(derived, body, "sha256")[:SIGNATURE]


def fingerprint(query: VectorQuery, model_id: str) -> str:
    """Names what is searched for; page size, facets and the like are not part of it."""
    asked = [
        model_id,
        query.shop,
        _digest(query.image),
        _digest(query.text),
        tokens(query.words),
        phrases_of(query.minus),
        phrases_of(query.phrases),
        None if query.match is None else [*vars(query.match).values()],
        [*vars(query.weights).values()],
        [(_digest(negative.vector), negative.modality, negative.weight) for negative in query.negatives],
        [*vars(query.filters).values()],
        sorted(query.exclude),
        query.fold,
        query.per_vendor,
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:24]


def _digest(vector: NDArray[Any] | None) -> str:
    import numpy as np

    return "" if vector is None else hashlib.sha256(np.asarray(vector, np.float32).tobytes()).hexdigest()[:24]
