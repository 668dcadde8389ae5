"""The words of a shop's products, and which of them a word of a query stands for.

Products are indexed by their words as they are, folded. What else a word may mean is looked up in this list when it is
searched for, as in Typesense and Meilisearch: the forms of the same stem, words composed with it, other spellings, and
words a few letters away if nothing else is there. So a rule can change without a new index, and a word that was meant
exactly counts most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.letters import GRAM, analyse, grams, is_unspaced, variants
from functions.search.engine.spellings import same
from functions.search.engine.stems import OTHER_SCRIPTS, related, stems
from functions.search.settings import LATIN_LANGUAGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT, SPELLING, FORM = 1.0, 0.95, 0.9
SPLIT, COMPOUND, PART = 0.9, 0.8, 0.75
"""What a word counts for that is the one searched for in two pieces (`rain coat`), that ends with it (`raincoat` for
`coat`), and that begins with it (`Regenjacke` for `Regen`)."""
GRAMS, BEGINNING, TYPO, TYPOS = 0.8, 0.5, 0.6, 0.4
STRONG: Final = 0.75
"""From here on a word counts as the one that was meant."""
MIN_TYPO, MIN_TYPOS = 5, 7
"""Letters from which on one or two of them may be wrong."""
MIN_COMPOUND, MIN_REST, MIN_KNOWN_REST = 4, 3, 4
"""Letters of a word found in compounds, and of what is left of those."""
MIN_PIECE: Final = 3
"""Letters of each of two words that one known word may be written as."""
MIN_BEGINNING: Final = 3
MAX_LETTER_SPLIT: Final = 6
"""Letters up to which a word may be a single one and another word: `tshirt`."""
SIZES: Final = ("w", "l", "eu", "uk", "us", "it", "fr", "de", "gr")
"""What is written onto a size: `38/32` is W38 L32."""
MAX_SIZE: Final = 3
MOST: Final = 24
"""Words that one stands for, of each kind."""
COMPOUNDING: Final = (
    "danish",
    "dutch",
    "english",
    "estonian",
    "finnish",
    "german",
    "hungarian",
    "norwegian",
    "swedish",
)
LANGUAGES: Final = tuple(
    sorted({*LATIN_LANGUAGES.values(), *(name for names in OTHER_SCRIPTS.values() for name in names)})
)
"""By bit; what is stored depends on the order."""
OTHER_SPELLING: Final = 1 << 62
LINKING: Final = ("es", "en", "er", "s", "n", "e", "")
VOWELS: Final = frozenset("aeiouy")

type Array = NDArray[Any]


@dataclass(frozen=True)
class Alternative:
    """What a word may be found as: all of some words of the products, and how much of it that counts, 0 to 1."""

    words: tuple[str, ...]
    factor: float


class Vocabulary:
    """Of a version's products, or of some of the journal's.

    Args:
        words: bytes, ascending.
        arrays: `stems` (bytes, ascending), and by stem `stems.from` (int64) into `stems.words` (int32, numbers of
            words) and `stems.masks` (int64, bits of `LANGUAGES` it is the stem in, or `OTHER_SPELLING`); `tails`, the
            stems backwards, ascending, with `tails.stems` (int32), their numbers.
    """

    def __init__(self, words: Array, arrays: Mapping[str, Array]) -> None:
        self.words = words
        self.arrays = arrays
        self._known: dict[tuple[str, bool], tuple[Alternative, ...]] = {}

    @staticmethod
    def of(data: Mapping[str, Array]) -> Vocabulary:
        """Of arrays that have `words`, and the others where these were stored."""
        words = data["words"]
        if "stems" in data:
            return Vocabulary(words, {name: data[name] for name in NAMES})
        return Vocabulary(words, _arrays(words))

    def has(self, word: str) -> bool:
        """Whether a product has the word."""
        return place_of(self.words, word) is not None

    def alternatives(self, word: str, *, loose: bool = False) -> tuple[Alternative, ...]:
        """What a folded word may be found as, best first.

        Args:
            loose: whether words that it begins, two words that it is together, and words that it may be misspelt from
                count, too: where no product has it, or a form of it.
        """
        known = self._known.get((word, loose))
        if known is None:
            if len(self._known) > MAX_KNOWN:
                self._known.clear()
            known = self._known[word, loose] = self._alternatives(word, loose=loose)
        return known

    def _alternatives(self, word: str, *, loose: bool) -> tuple[Alternative, ...]:
        found: dict[tuple[str, ...], float] = {}

        def add(words: tuple[str, ...], factor: float) -> None:
            found[words] = max(found.get(words, 0.0), factor)

        if self.has(word):
            add((word,), EXACT)
        for one in self.spelt_otherwise(word):
            add(one.words, one.factor)
        if word.isdecimal() and len(word) <= MAX_SIZE:
            for system in SIZES:
                if self.has(system + word):
                    add((system + word,), FORM)
        if is_unspaced(word):
            for form, factor in ((word, GRAMS), *((other, PART) for other in variants(word))):
                if wanted := self._grams(form):
                    add(wanted, factor)
            if loose:
                for pair in self.split(word):
                    add(pair, SPLIT)
        else:
            for other in self._spelt_as(word):
                add((other,), SPELLING)
            for other in self._forms(word):
                add((other,), FORM)
            if len(word) >= MIN_COMPOUND:
                for other in self._ending_with(word):
                    add((other,), COMPOUND)
                for other in self._beginning_with(word):
                    add((other,), PART)
            for pair in self.split(word) if loose else self._compound(word):
                add(pair, SPLIT)
            if loose:
                if len(word) >= MIN_BEGINNING:
                    for other in self._range(word)[:MOST]:
                        add((other,), BEGINNING)
                for typo in self.typos(word):
                    add(typo.words, typo.factor)
        best = sorted(found.items(), key=lambda one: (-one[1], one[0]))
        return tuple(Alternative(words, factor) for words, factor in best)

    def forms(self, word: str) -> tuple[str, ...]:
        """The word itself and the forms of the same stem, as far as products have them."""
        found = {other: None for other in (word, *self._spelt_as(word), *self._forms(word)) if self.has(other)}
        return tuple(found)

    def spelt_otherwise(self, word: str) -> list[Alternative]:
        """What the spellings of a word that has several are found as, also in pieces: `tee` as `T shirt`."""
        found: list[Alternative] = []
        for other in same(word):
            if is_unspaced(other):
                # ICU takes `T` off its ideograph.
                pieces = (self._grams(other), analyse(other).sequence)
                found += [Alternative(one, GRAMS) for one in pieces if one and all(map(self.has, one))]
            found += [Alternative((form,), SPELLING) for form in self.forms(other)]
            found += [Alternative(pair, SPLIT) for pair in self.split(other)]
        return found

    def _grams(self, word: str) -> tuple[str, ...]:
        """What a word of a script without spaces is found by: its pairs of letters; nothing unless all are there."""
        pieces = tuple(dict.fromkeys(grams(word)))
        wanted = tuple(piece for piece in pieces if len(piece) > 1 + len(GRAM)) or pieces
        return wanted if all(self.has(piece) for piece in wanted) else ()

    def numbers(self, words: tuple[str, ...]) -> Array:
        """Where words stand in `words`; those there are."""
        import numpy as np

        found = [place_of(self.words, word) for word in words]
        return np.array([at for at in found if at is not None], np.int32)

    def typos(self, word: str) -> tuple[Alternative, ...]:
        """Words that differ from a word in so few letters that it may be misspelt."""
        if len(word) < MIN_TYPO or any(char.isdigit() for char in word) or is_unspaced(word):
            return ()
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        most = 2 if len(word) >= MIN_TYPOS else 1
        near = process.extract(word, self._plain, scorer=OSA.distance, score_cutoff=most, limit=MOST)
        return tuple(
            Alternative((other,), TYPO if distance <= 1 else TYPOS)
            for other, distance, _ in sorted(near, key=lambda one: (one[1], one[0]))
            if distance and len(other) >= MIN_TYPO - 1
        )

    def split(self, word: str) -> list[tuple[str, str]]:
        """Two words of products that are this one together, each as it is or, if it is long, in another form."""
        least = 1 if len(word) <= MAX_LETTER_SPLIT else 2
        pairs = ((word[:at], word[at:]) for at in range(least, len(word) - least + 1))
        return [
            (known[0], known[1])
            for a, b in pairs
            # `5cm` is an amount and its unit, `uk10` a size and its system, however short.
            if (max(len(a), len(b)) > 2 or a.isdecimal() != b.isdecimal() or is_unspaced(a))
            and all(known := (self._written_as(a), self._written_as(b)))
        ]

    def _compound(self, word: str) -> list[tuple[str, str]]:
        """Two words of products that are this one together, of which the first stands as it is: `track suit` for
        `tracksuits`, where other products have it in one piece."""
        parts = ((word[:at], word[at:]) for at in range(MIN_PIECE, len(word) - MIN_PIECE + 1))
        return [(a, form) for a, b in parts if self.has(a) for form in self.forms(b)]

    def _written_as(self, word: str) -> str:
        """A word or, of a long one, a form of it that products have; empty without one."""
        if self.has(word):
            return word
        return min(self._forms(word), default="") if len(word) >= MIN_COMPOUND else ""

    @cached_property
    def _plain(self) -> list[str]:
        """Words that may be meant by a misspelt one."""
        decoded = (word.decode() for word in self.words.tolist())
        return [word for word in decoded if not word.startswith(GRAM) and word.isalpha()]

    def _spelt_as(self, word: str) -> list[str]:
        spelt = [other for other in variants(word) if self.has(other)]
        for key in (word, *variants(word)):
            spelt += self._of_stem(key, OTHER_SPELLING)
        return [other for other in spelt if other != word]

    def _forms(self, word: str) -> list[str]:
        return [
            other
            for stem, mask in _masks(word).items()
            for other in self._of_stem(stem, mask)
            if other != word and related(word, other)
        ]

    def _of_stem(self, stem: str, mask: int) -> list[str]:
        at = place_of(self.arrays["stems"], stem)
        return [] if at is None else self._words_of(at, mask)

    def _words_of(self, stem: int, mask: int) -> list[str]:
        start, end = self.arrays["stems.from"][stem : stem + 2].tolist()
        of_language = (self.arrays["stems.masks"][start:end] & mask) != 0
        found: list[bytes] = self.words[self.arrays["stems.words"][start:end][of_language]].tolist()
        return [word.decode() for word in found]

    def _ending_with(self, word: str) -> list[str]:
        """Compounds with a word as their head: `Übergangsjacke`, `raincoats`."""
        found: list[str] = []
        for stem, mask in _masks(word).items():
            mask &= _COMPOUNDING
            if not mask or len(stem) < MIN_REST:
                continue
            tails, backwards = self.arrays["tails"], stem[::-1]
            for at in _prefixed(tails, backwards):
                number = int(self.arrays["tails.stems"][at])
                rest = self.arrays["stems"][number].decode()[: -len(stem)]
                shirt = rest == "t" and word.startswith("shirt")
                if shirt or (len(rest) >= MIN_REST and VOWELS & set(rest)):
                    found += [
                        other
                        for other in self._words_of(number, mask)
                        if related(word, other[len(rest) :]) and (not word.endswith("ing") or self.has(rest))
                    ]
        return sorted(set(found))[: 2 * MOST]

    def _beginning_with(self, word: str) -> list[str]:
        """Compounds that a word is the first part of, whose rest is a word of the shop, too: `Lederjacke`."""
        found: list[str] = []
        for other in self._range(word):
            rest = other[len(word) :]
            for link in LINKING:
                part = rest[len(link) :]
                if rest.startswith(link) and len(part) >= MIN_KNOWN_REST and self._is_known(part, other):
                    found.append(other)
                    break
        return found[: 2 * MOST]

    def _is_known(self, word: str, but: str) -> bool:
        """Whether a word, or a form of it, is in other words of the shop, alone or as their end."""
        if self.has(word):
            return True
        for stem, mask in _masks(word).items():
            mask &= _COMPOUNDING
            for at in _prefixed(self.arrays["tails"], stem[::-1])[:8]:
                if any(other != but for other in self._words_of(int(self.arrays["tails.stems"][at]), mask)):
                    return True
        return False

    def _range(self, beginning: str) -> list[str]:
        """Words that begin with letters and are longer."""
        places = _prefixed(self.words, beginning)[:MAX_RANGE]
        found: list[bytes] = self.words[places.start : places.stop].tolist()
        return [word for word in map(bytes.decode, found) if word != beginning]


MAX_KNOWN: Final = 4096
MAX_RANGE: Final = 512
NAMES: Final = ("stems", "stems.from", "stems.words", "stems.masks", "tails", "tails.stems")


def _masks(word: str) -> dict[str, int]:
    """The stems of a word, with the bits of the languages."""
    found: dict[str, int] = {}
    for language, stem in stems(word):
        found[stem] = found.get(stem, 0) | 1 << LANGUAGES.index(language)
    return found


def _bits(names: tuple[str, ...]) -> int:
    return sum(1 << LANGUAGES.index(name) for name in names)


_COMPOUNDING: Final = _bits(COMPOUNDING)


def _arrays(words: Array) -> dict[str, Array]:
    """What `Vocabulary` looks words up in."""
    import numpy as np

    entries: list[tuple[str, int, int]] = []
    for number, encoded in enumerate(words.tolist()):
        word = encoded.decode()
        if word.startswith(GRAM):
            continue
        entries += [(stem, number, mask) for stem, mask in _masks(word).items()]
        entries += [(other, number, OTHER_SPELLING) for other in variants(word)]
    entries.sort()
    known = sorted({stem for stem, _, _ in entries}, key=str.encode)
    code = {stem: at for at, stem in enumerate(known)}
    codes = np.array([code[stem] for stem, _, _ in entries], np.int64)
    order = np.argsort(codes, kind="stable")
    start = np.zeros(len(known) + 1, np.int64)
    np.cumsum(np.bincount(codes, minlength=len(known)), out=start[1:])
    backwards = np.array([stem[::-1].encode() for stem in known], dtype=np.bytes_ if known else "S1")
    ascending = np.argsort(backwards, kind="stable")
    return {
        "stems": np.array([stem.encode() for stem in known], dtype=np.bytes_ if known else "S1"),
        "stems.from": start,
        "stems.words": np.array([number for _, number, _ in entries], np.int32)[order],
        "stems.masks": np.array([mask for _, _, mask in entries], np.int64)[order],
        "tails": backwards[ascending],
        "tails.stems": ascending.astype(np.int32),
    }


def place_of(values: Array, value: str) -> int | None:
    """Where a text stands among bytes, ascending; None if it does not."""
    import numpy as np

    wanted = value.encode()
    if len(wanted) > values.dtype.itemsize:
        return None
    at = int(np.searchsorted(values, np.bytes_(wanted)))
    return at if at < len(values) and values[at] == wanted else None


def _prefixed(values: Array, beginning: str) -> range:
    """The places among bytes, ascending, of those that begin with a text."""
    import numpy as np

    wanted = beginning.encode()
    if not wanted or len(wanted) > values.dtype.itemsize:
        return range(0)
    first = int(np.searchsorted(values, np.bytes_(wanted)))
    past = int(np.searchsorted(values, np.bytes_(wanted + b"\xff" * (values.dtype.itemsize - len(wanted)))))
    return range(first, past)
