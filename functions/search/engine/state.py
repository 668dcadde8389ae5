"""What a worker searches: a version's rows, and over them the rows that the journal brought since.

Rows never change and never go; a later write of the same product ends a row at its number in the journal, so the
state as it was at an earlier number, to which a cursor is bound, is still there. A deletion ends a row for everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.columns import Columns
from functions.search.engine.filters import passing
from functions.search.engine.items import Item, Removal
from functions.search.engine.journal import Entry
from functions.search.engine.manifest import Manifest
from functions.search.engine.phrases import Phrase
from functions.search.engine.query import Filters
from functions.search.engine.words import Lexicon

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from functions.search.engine.kernel import Kernel, RowFilter

KEPT: Final = 8
"""Filters whose rows a block remembers: a byte a row each."""
DELETED: Final = -1
"""Where the number stands that ended a row: it is over for every reader."""


@dataclass
class Block:
    """Rows that came together.

    Args:
        kernel: searches them, for a version's main part; None for the journal's few.
        born: (count,) int64, journal numbers; None for a version's rows, older than all of them.
        ended: row -> the journal number that ended it, or `DELETED`.
    """

    columns: Columns
    kernel: Kernel | None = None
    born: NDArray[Any] | None = None
    ended: dict[int, int] = field(default_factory=dict[int, int])

    @cached_property
    def vectors(self) -> NDArray[Any]:
        """(count, dim) float32, of the journal's rows alone."""
        import numpy as np

        return self.columns.vectors.astype(np.float32)

    @cached_property
    def passing(self) -> Callable[[Filters, tuple[Phrase, ...], tuple[Phrase, ...]], RowFilter]:
        """`filters.passing` of these rows; the latest are kept, since many ask for the same."""
        return lru_cache(KEPT)(partial(passing, self.columns))

    def born_by(self, seq: int) -> NDArray[Any] | None:
        """(count,) bool, the rows written up to a journal number; None if all were before any."""
        return None if self.born is None else self.born <= seq

    def live(self, seq: int) -> NDArray[Any] | None:
        """(count,) bool, the rows there were at a journal number; None if all were."""
        import numpy as np

        over = [row for row, at in list(self.ended.items()) if at <= seq]
        if self.born is None and not over:
            return None
        mask = np.ones(self.columns.count, bool) if self.born is None else self.born <= seq
        mask[over] = False
        return mask


@dataclass(frozen=True)
class Known:
    """The newest that is known of a product, and where its row is, if it has one: without a block, in the next."""

    revision: int
    deleted: bool
    block: Block | None = None
    row: int = -1

    def outdone_by(self, revision: int, deleted: bool) -> bool:
        """Whether a write is newer; a deletion wins over an upsert of the same revision."""
        return (revision, deleted) > (self.revision, self.deleted)


class State:
    """One version with its journal. `apply` is called by one thread at a time; everything else by any.

    Args:
        manifest: None before the first version.
        main: the version's rows, by ascending id.
        tombstones: id -> (revision, epoch seconds) of products deleted before the version, so that a late write of an
            older revision does not bring one back.
    """

    def __init__(
        self,
        manifest: Manifest | None,
        main: Block,
        model_id: str,
        tombstones: dict[str, tuple[int, float]] | None = None,
    ) -> None:
        self.manifest = manifest
        self.main = main
        self.model_id = model_id
        self.tombstones = dict(tombstones or {})
        self.lexicon = Lexicon(main.columns)
        self.seq = manifest.seq if manifest else 0
        self.blocks: tuple[Block, ...] = (main,)
        self._touched: dict[str, Known] = {}

    @property
    def version(self) -> str:
        """Empty before the first."""
        return self.manifest.version if self.manifest else ""

    def apply(self, entries: Sequence[Entry]) -> None:
        """Replay journal entries, which follow the last one replayed."""
        import numpy as np

        items: list[Item] = []
        born: list[int] = []
        ended: dict[int, int] = {}
        for entry in entries:
            for write in entry.writes:
                known, gone = self.known(write.id), isinstance(write, Removal)
                if not known.outdone_by(write.revision, gone) or not (gone or entry.model_id == self.model_id):
                    continue
                if known.row >= 0:
                    over = known.block.ended if known.block else ended
                    over[known.row] = DELETED if gone else entry.seq
                if isinstance(write, Removal):
                    self.tombstones[write.id] = (write.revision, entry.at)
                    self._touched[write.id] = Known(write.revision, True)
                else:
                    self._touched[write.id] = Known(write.revision, False, None, len(items))
                    items.append(write)
                    born.append(entry.seq)
        if items:
            columns = Columns.of(items, self.main.columns.vectors.shape[1])
            self._push(Block(columns, born=np.array(born, np.int64), ended=ended))
        if entries:
            self.seq = entries[-1].seq

    def _push(self, block: Block) -> None:
        """Add the journal's newest rows, joined with the blocks before them while those are not much larger, so that
        blocks stay few and a row is copied a logarithmic number of times."""
        import numpy as np

        joined = [block]
        rest = list(self.blocks[1:])
        while rest and rest[-1].columns.count <= 2 * sum(part.columns.count for part in joined):
            joined.insert(0, rest.pop())
        if len(joined) > 1:
            start, ended = 0, dict[int, int]()
            for part in joined:
                ended |= {start + row: at for row, at in part.ended.items()}
                start += part.columns.count
            births = np.concatenate([part.born for part in joined if part.born is not None])
            block = Block(Columns.joined([part.columns for part in joined]), born=births, ended=ended)
        for row in range(block.columns.count):
            id = block.columns.id(row)
            if row not in block.ended:
                self._touched[id] = replace(self._touched[id], block=block, row=row)
        self.blocks = (self.main, *rest, block)

    def known(self, id: str) -> Known:
        """The newest that is known of a product; revision -1 if nothing is."""
        if (found := self._touched.get(id)) is not None:
            return found
        if (row := self.main.columns.row(id)) is not None:
            return Known(int(self.main.columns.data["revisions"][row]), False, self.main, row)
        if (tombstone := self.tombstones.get(id)) is not None:
            return Known(tombstone[0], True)
        return Known(-1, False)

    @property
    def delta(self) -> int:
        """Products that the journal brought and that are still there."""
        return sum(block.columns.count - len(block.ended) for block in self.blocks[1:])

    @property
    def hidden(self) -> int:
        """Rows that are over."""
        return sum(len(block.ended) for block in self.blocks)
