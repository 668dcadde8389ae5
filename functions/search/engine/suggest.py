"""What a shopper may have meant: words that no product has, replaced by words of the shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from functions.search.engine.letters import tokens
from functions.search.engine.vocabulary import Alternative, Vocabulary
from functions.search.engine.words import Term, terms_of

if TYPE_CHECKING:
    from functions.search.engine.columns import Columns
    from functions.search.engine.lookup import Lookup


def suggestion(text: str, parts: Sequence[Columns]) -> str | None:
    """The words of a query, folded, with those that no product has replaced by the nearest that most have.

    Args:
        parts: the products.

    Returns:
        None if products have all words, or nothing like those they lack.
    """

    def meant(term: Term) -> str | None:
        if any(term.is_known(columns) for columns in parts):
            return None
        found = [
            (one, len(columns.postings(one.words[0]).rows))
            for columns in parts
            for one in columns.vocabulary.typos(term.word)
        ]
        return _nearest(found)

    return _replaced(terms_of(text), meant)


def suggested(lookup: Lookup, vocabulary: Vocabulary, often: Mapping[str, int]) -> str | None:
    """As `suggestion`, of words with how many products have them."""
    unknown = {term for term, loose in zip(lookup.terms, lookup.loose, strict=True) if loose}

    def meant(term: Term) -> str | None:
        typos = vocabulary.typos(term.word) if term in unknown else ()
        return _nearest([(one, often.get(one.words[0], 0)) for one in typos])

    return _replaced(lookup.terms, meant)


def _replaced(terms: Sequence[Term], meant: Callable[[Term], str | None]) -> str | None:
    words = [(term, meant(term)) for term in terms]
    if all(word is None for _, word in words):
        return None
    return " ".join(word or "-".join(term.pieces) for term, word in words)


def _nearest(found: Sequence[tuple[Alternative, int]]) -> str | None:
    often: dict[str, tuple[float, int]] = {}
    for one, count in found:
        factor, before = often.get(one.words[0], (one.factor, 0))
        often[one.words[0]] = (factor, before + count)
    return min(often, key=lambda word: (-often[word][0], -often[word][1], word), default=None)


def as_spelt(text: str, titles: Sequence[str]) -> str:
    """A suggestion with its words as titles spell them: the shop's own capitals and accents."""
    spelt: dict[str, str] = {}
    for title in titles:
        for piece in title.split():
            bare = piece.strip(".,;:!?()[]\"'/")
            spelt.setdefault("".join(tokens(bare)), bare)
    return " ".join(spelt.get(word, word) for word in text.split())
