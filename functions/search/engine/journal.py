"""The journal of a shop: what was written since the last version, in an order without gaps.

An entry and the counter that numbers it are written in one transaction, which holds only if the counter still has the
value the number was made from. So no number is missing, none is given twice, also when writers die or race; and a
worker that asks whether there is anything new reads one small document. A write whose answer is lost may be in the
journal twice; the rule of revisions makes that harmless.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from functions.search.engine.port import Item, Removal
from shared import clock
from shared.documents import Create, Delete, Patch, Where, store
from shared.errors import BatchFailed, DocumentConflict, DocumentNotFound, Unavailable

CONTAINER: Final = "search_index"
"""Documents of an index, by shop: `counter`, `journal:{number}`, and `version:{version}` (type `index_version`)."""
COUNTER: Final = "counter"
PER_ENTRY: Final = 200
"""Products of one entry: well under the 2 MB of a document at 1,024 dimensions."""
TRIES: Final = 60


@dataclass(frozen=True)
class Entry:
    """One write: its number, when it was made (epoch seconds), by which encoder, and what it says."""

    seq: int
    at: float
    model_id: str
    writes: tuple[Item | Removal, ...]


def last(shop: str) -> int:
    """The newest number; 0 before the first write."""
    counter = store().find(CONTAINER, COUNTER, shop)
    return int(counter["seq"]) if counter else 0


def append(shop: str, model_id: str, writes: Sequence[Item | Removal]) -> int:
    """Write, in entries of at most `PER_ENTRY`; returns the number of the last.

    Raises:
        Unavailable: too many others are writing.
    """
    seq = last(shop)
    for start in range(0, len(writes), PER_ENTRY):
        told = [_told(write) for write in writes[start : start + PER_ENTRY]]
        seq = _append(shop, seq, {"at": clock.now(), "model": model_id, "writes": told})
    return seq


def _append(shop: str, seq: int, entry: dict[str, Any]) -> int:
    for attempt in range(TRIES):
        entry |= {"id": _id(seq + 1), "shop": shop, "type": "journal", "seq": seq + 1}
        counter = {"id": COUNTER, "shop": shop, "type": "counter", "seq": 1}
        step = Patch(COUNTER, set={"seq": seq + 1}, where=[Where("seq", "=", seq)]) if seq else Create(counter)
        try:
            store().batch(CONTAINER, shop, [step, Create(entry)])
            return seq + 1
        except BatchFailed:
            if attempt > 2:
                time.sleep(random.uniform(0, 0.02 * min(attempt, 10)))
            seq = last(shop)
    raise Unavailable("too many are writing to the index: try again", code="index_busy")


def after(shop: str, seq: int, limit: int = 500) -> Iterator[list[Entry]]:
    """What follows a number, in order, some entries at a time."""
    while True:
        page = store().query(
            CONTAINER,
            Where("type", "=", "journal"),
            Where("seq", ">", seq),
            partition=shop,
            order_by="seq",
            limit=limit,
        )
        entries: list[Entry] = []
        for found in page.items:
            if found["seq"] != seq + 1:
                # Not all of a busy store's replicas are equally far: the rest comes with the next poll.
                break
            seq += 1
            entries.append(Entry(seq, found["at"], found["model"], tuple(_read(write) for write in found["writes"])))
        if entries:
            yield entries
        if len(entries) < limit:
            return


def truncate(shop: str, seq: int) -> None:
    """Forget entries up to a number that every version kept has in it."""
    while True:
        page = store().query(
            CONTAINER, Where("type", "=", "journal"), Where("seq", "<=", seq), partition=shop, order_by="seq", limit=100
        )
        if not page.items:
            return
        try:
            store().batch(CONTAINER, shop, [Delete(found["id"]) for found in page.items])
        except (BatchFailed, DocumentNotFound, DocumentConflict):
            # Another does the same.
            return


def _id(seq: int) -> str:
    return f"journal:{seq:012d}"


def _told(write: Item | Removal) -> dict[str, Any]:
    import numpy as np

    if isinstance(write, Removal):
        return {"id": write.id, "revision": write.revision}
    half = np.asarray(write.vector, np.float32).astype(np.float16)
    return {
        "id": write.id,
        "revision": write.revision,
        "vector": base64.b64encode(half.tobytes()).decode(),
        "category": write.category,
        "colours": list(write.colours),
        "price": write.price,
        "currency": write.currency,
        "vendor": write.vendor,
        "tags": list(write.tags),
        "words": write.words,
        # 64 bits do not fit the numbers of JSON.
        "phash": None if write.phash is None else f"{write.phash:x}",
    }


def _read(told: dict[str, Any]) -> Item | Removal:
    import numpy as np

    if "vector" not in told:
        return Removal(told["id"], told["revision"])
    return Item(
        id=told["id"],
        revision=told["revision"],
        vector=np.frombuffer(base64.b64decode(told["vector"]), np.float16).astype(np.float32),
        category=told["category"],
        colours=tuple(told["colours"]),
        price=told["price"],
        currency=told["currency"],
        vendor=told["vendor"],
        tags=tuple(told["tags"]),
        words=told["words"],
        phash=None if told["phash"] is None else int(told["phash"], 16),
    )
