"""Words that must stand, or must not stand, next to each other in a product."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.letters import analyse
from functions.search.engine.postings import rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from functions.search.engine.columns import Columns

_QUOTED: Final = r'"[^"]*"|\u201c[^\u201d]*\u201d|\u201e[^\u201c\u201d]*[\u201c\u201d]|\u00ab[^\u00bb]*\u00bb'
_OPEN: Final = r'["\u201c\u201e\u00ab][^"\u201c\u201d\u00bb]*$'
"""A phrase that is still being written: what it excludes is not to be searched for meanwhile."""
_PART = re.compile(rf"(?<!\S)[-\u2212\u2013](?P<minus>{_QUOTED}|{_OPEN}|[^\s\"]+)|(?P<phrase>{_QUOTED})")
_QUOTES: Final = '"\u201c\u201d\u201e\u00ab\u00bb'

type Phrase = tuple[str, ...]


@dataclass(frozen=True)
class QueryText:
    """What a shopper wrote, by its marks.

    Args:
        words: what to look for, phrases among it, without marks.
        phrases: texts in quotation marks: their words must stand there as one.
        minus: texts after a minus sign at the start of a word: no hit may have them.
    """

    words: str
    phrases: tuple[str, ...]
    minus: tuple[str, ...]

    @staticmethod
    def of(text: str) -> QueryText:
        """A minus sign within a word is a hyphen, and one with a space after it a dash."""
        phrases: list[str] = []
        minus: list[str] = []

        def take(found: re.Match[str]) -> str:
            if (without := found["minus"]) is not None:
                minus.append(without.strip(_QUOTES))
                return " "
            phrases.append(found["phrase"].strip(_QUOTES))
            return f" {phrases[-1]} "

        words = " ".join(_PART.sub(take, text).replace('"', " ").split())
        return QueryText(words, _some(phrases), _some(minus))


def _some(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if analyse(text).sequence)


def phrases_of(texts: Iterable[str]) -> tuple[Phrase, ...]:
    """The words of each text that has any, in a fixed order."""
    return tuple(sorted({words for text in texts if (words := analyse(text).sequence)}))


def rows_with(columns: Columns, phrase: Phrase) -> NDArray[Any]:
    """Rows (m,) int64, ascending, that have the words of a phrase, in any form, one after the other in a field, or in
    one piece; a phrase of one word may also be in the description."""
    import numpy as np

    vocabulary = columns.vocabulary
    forms = [vocabulary.forms(word) for word in phrase]
    mask = np.zeros(columns.count, bool)
    for word in vocabulary.forms("".join(phrase)):
        mask[columns.postings(word).rows] = True
    if len(phrase) > 1 and all(forms):
        bits = [np.bitwise_or.reduce([columns.postings(word).bits for word in each]) for each in forms]
        numbers = [vocabulary.numbers(each) for each in forms]
        for row in rows_of(np.bitwise_and.reduce(bits)).tolist():
            mask[row] |= _stands_in(columns.text(row), numbers)
    return np.flatnonzero(mask)


def _stands_in(text: NDArray[Any], numbers: list[NDArray[Any]]) -> bool:
    import numpy as np

    length = len(text) - len(numbers) + 1
    if length < 1:
        return False
    there = np.ones(length, bool)
    for place, each in enumerate(numbers):
        there &= np.isin(text[place : place + length], each)
    return bool(there.any())
