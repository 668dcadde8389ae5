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
from typing import Final

from functions.search.engine.documents import (
    JournalCounterDocument,
    JournalEntryDocument,
    JournalEntryId,
    PackedItem,
    PackedRemoval,
    journal_counters,
    journal_entries,
)
from functions.search.engine.items import Item, Removal
from shared import clock
from shared.documents import store
from shared.documents.fields import assign, where
from shared.errors import BatchFailed, DocumentConflict, DocumentNotFound, Unavailable

COUNTER_ID: Final = "counter"
MAX_WRITES: Final = 200
"""Products of one entry: well under the 2 MB of a document at 1,024 dimensions."""
MAX_TRIES: Final = 60
"""Of one append, while others append."""


@dataclass(frozen=True)
class Entry:
    """One write: its number, when it was made (epoch seconds), by which encoder, and what it says."""

    seq: int
    at: float
    model_id: str
    writes: tuple[Item | Removal, ...]


def last(shop: str) -> int:
    """The newest number; 0 before the first write."""
    counter = journal_counters.find(COUNTER_ID, shop)
    return counter.seq if counter else 0


def append(shop: str, model_id: str, writes: Sequence[Item | Removal]) -> int:
    """Write, in entries of at most `MAX_WRITES`; returns the number of the last.

    Raises:
        Unavailable: `index_busy`, too many others are writing.
    """
    seq = last(shop)
    for start in range(0, len(writes), MAX_WRITES):
        packed = [_pack(write) for write in writes[start : start + MAX_WRITES]]
        seq = _append(shop, seq, model_id, packed)
    return seq


def _append(shop: str, seq: int, model_id: str, writes: list[PackedItem | PackedRemoval]) -> int:
    at = clock.now()
    for attempt in range(MAX_TRIES):
        entry = JournalEntryDocument(
            id=JournalEntryId.of_seq(seq + 1), shop=shop, seq=seq + 1, at=at, model=model_id, writes=writes
        )
        count = (
            journal_counters.change(
                COUNTER_ID,
                assign(JournalCounterDocument.seq, seq + 1),
                where=[where(JournalCounterDocument.seq, "=", seq)],
            )
            if seq
            else journal_counters.creation(JournalCounterDocument(shop=shop, seq=1))
        )
        try:
            store().batch(journal_entries.container, shop, [count, journal_entries.creation(entry)])
            return seq + 1
        except BatchFailed:
            if attempt > 2:
                time.sleep(random.uniform(0, 0.02 * min(attempt, 10)))
            seq = last(shop)
    raise Unavailable("too many are writing to the index: try again", code="index_busy")


def after(shop: str, seq: int, limit: int = 500) -> Iterator[list[Entry]]:
    """What follows a number, in order, some entries at a time."""
    while True:
        page = journal_entries.list(
            where(JournalEntryDocument.seq, ">", seq),
            partition=shop,
            order_by=JournalEntryDocument.seq,
            limit=limit,
        )
        entries: list[Entry] = []
        for found in page.items:
            if found.seq != seq + 1:
                # Not all replicas of a busy store are equally up to date: the rest comes with the next poll.
                break
            seq += 1
            entries.append(Entry(seq, found.at, found.model, tuple(_unpack(write) for write in found.writes)))
        if entries:
            yield entries
        if len(entries) < limit:
            return


def truncate(shop: str, seq: int) -> None:
    """Delete entries up to a number that every kept version contains."""
    while True:
        page = journal_entries.list(
            where(JournalEntryDocument.seq, "<=", seq),
            partition=shop,
            order_by=JournalEntryDocument.seq,
            limit=100,
        )
        if not page.items:
            return
        try:
            deletions = [journal_entries.deletion(entry.id) for entry in page.items]
            store().batch(journal_entries.container, shop, deletions)
        except (BatchFailed, DocumentNotFound, DocumentConflict):
            # Another worker does the same.
            return


def _pack(write: Item | Removal) -> PackedItem | PackedRemoval:
    import numpy as np

    if isinstance(write, Removal):
        return PackedRemoval(id=write.id, revision=write.revision)
    half = np.asarray(write.vector, np.float32).astype(np.float16)
    return PackedItem(
        id=write.id,
        revision=write.revision,
        vector=base64.b64encode(half.tobytes()).decode(),
        category=write.category,
        colours=list(write.colours),
        price=write.price,
        currency=write.currency,
        vendor=write.vendor,
        tags=list(write.tags),
        words=write.words,
        description=write.description,
        sku=write.sku,
        phash=None if write.phash is None else f"{write.phash:x}",
    )


def _unpack(packed: PackedItem | PackedRemoval) -> Item | Removal:
    import numpy as np

    if "vector" not in packed:
        return Removal(packed["id"], packed["revision"])
    return Item(
        id=packed["id"],
        revision=packed["revision"],
        vector=np.frombuffer(base64.b64decode(packed["vector"]), np.float16).astype(np.float32),
        category=packed["category"],
        colours=tuple(packed["colours"]),
        price=packed["price"],
        currency=packed["currency"],
        vendor=packed["vendor"],
        tags=tuple(packed["tags"]),
        words=packed["words"],
        # Missing in entries that earlier versions wrote.
        description=packed.get("description", ""),
        sku=packed.get("sku"),
        phash=None if packed["phash"] is None else int(packed["phash"], 16),
    )
