"""Text as words that compare: Unicode normalisation, folding and word boundaries by ICU's rules.

NFKC with case folding, then letters without their accents (`Übergang`, `ubergang` and `U\u0308bergang` are one word).
Words end where ICU's boundaries are (UAX #29), in Chinese, Japanese, Thai, Lao, Khmer and Burmese by its dictionaries.
A dictionary cuts the same letters differently in another sentence, so text of such scripts also gives its pairs of
letters, as Lucene's CJK analyser does: what a dictionary does not know is found by them.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from itertools import pairwise
from typing import Any, Final, Protocol, cast

ANALYSIS: Final = 3
"""Counts up when texts of products give other words than before, so that indexes made before are built again; a test
holds what they give."""
MAX_WORD_LENGTH: Final = 40
GRAM: Final = "\x02"
"""First character of a pair of letters among the words."""
_RULES: Final = (
    # Marks of scripts in which they are vowels stay: Devanagari's, Thai's, and the voiced sounds of kana.
    r"[:Cf:] > ; :: NFD; [[:Mn:]&[[:Script=Inherited:][:Script=Arabic:][:Script=Hebrew:]]-[\u3099\u309A]] > ; "
    r"\u093C > ; :: NFC; \u0629 > \u0647; \u0649 > \u064A; \u06A9 > \u0643; \u06CC > \u064A; \u0640 > ; "
    r":: [:Latin:] Latin-ASCII;"
)
_PLAIN = re.compile(r"\d+(?:[.,]\d+)+|[a-z0-9]+(?:'[a-z0-9]+)*")
"""Words of ASCII text, as ICU's boundaries give them but for full stops between letters."""
_BY = re.compile(r"(?<=\d)x(?=\d)")
"""Between the sides of something: `90x90`, which others write `90 x 90`."""
_INNER = re.compile(r"\d+(?:[.,]\d+)+|[^._:;,\u2044\u00b7\u2027\u05f4]+")
_SIGNS: Final = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201b\u02bc\u02b9\u2032\uff07\u00b4`\u05f3", "'") | {"\u05f4": "", "\u2116": "no "}
)
"""One kind of apostrophe, also for Hebrew; its sign of acronyms joins their letters."""
_HEBREW_ACRONYM = re.compile('(?<=[\u05d0-\u05ea])"(?=[\u05d0-\u05ea])')
_FRACTION_BEHIND = re.compile("(?<=\\d)(?=[\u00bc-\u00be\u2150-\u215e])")
_HYPHENS: Final = ("-", "\u2010", "\u2011", "\u2012")
_BETWEEN_INITIALS: Final = ("&", "+", ".", ":")
MAX_BESIDE_INITIAL: Final = 2
"""Letters of what a sign joins to an initial: `AT&T`."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_HAN = re.compile("[\u3400-\u9fff]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_ELIDED: Final = frozenset(
    ("l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu",
     "dell", "all", "nell", "sull", "dall", "un", "coll", "quell", "sant", "bell")
)  # fmt: skip
"""What French and Italian put before an apostrophe."""
_ARTICLE = re.compile(
    "^(?:\u0648?(?:\u0627\u0644|\u0628\u0627\u0644|\u0643\u0627\u0644|\u0641\u0627\u0644)|\u0644\u0644)(?=..)"
)
"""The Arabic article with what is written onto it (light10: L. Larkey et al., SIGIR 2002)."""
_HEBREW_ARTICLE = re.compile("^\u05d4(?=...)")
_CHINESE_ENDING = re.compile("(?<=[\u3400-\u9fff])\u5b50$")
"""What makes a noun of a single ideograph, and is left out in titles: \u88e4\u5b50, trousers."""
_KOREAN_PARTICLE = re.compile(
    "(?<=[\uac00-\ud7a3]{2})(?:\uc744|\ub97c|\uc740|\ub294|\uc758|\uc5d0\uc11c|\uc73c\ub85c)$"
)
"""Of those written onto a noun the ones that nouns seldom end with."""
_UMLAUT = re.compile("([aou])e")

_ENGLISH = "a an and are as at be by for from in is it of on or our that the these this to we with you your"
_GERMAN = "und oder mit für aus von der das den dem des ein eine einer eines im am zu zum zur bei auf"
_FRENCH = "le la les un une du de et ou en pour avec sur au aux par"
_OTHERS = "el los las y con para por del al il lo gli e per di da dei delle della os do das het een van voor met"
STOP: Final = frozenset(" ".join((_ENGLISH, _GERMAN, _FRENCH, _OTHERS)).split())
"""Words that say nothing, also of Spanish, Italian, Portuguese and Dutch; as they are spelt, so that `für` is not
`fur`."""


@dataclass(frozen=True)
class Words:
    """A text as words.

    Args:
        sequence: folded, in order, without stop words; `glued` says for each whether a hyphen, or a sign between
            initials, joins it to the one before.
        extra: further words that the text is found by: joined words and those with an apostrophe in one piece, and
            pairs of letters.
    """

    sequence: tuple[str, ...]
    glued: tuple[bool, ...]
    extra: tuple[str, ...]

    def groups(self) -> list[tuple[str, ...]]:
        """The sequence, joined words together."""
        found: list[list[str]] = []
        for word, glued in zip(self.sequence, self.glued, strict=True):
            if glued and found:
                found[-1].append(word)
            else:
                found.append([word])
        return [tuple(group) for group in found]


def analyse(text: str) -> Words:
    """The words of a text."""
    sequence: list[str] = []
    glued: list[bool] = []
    extra: list[str] = []
    plain = _casefold(text)
    pieces = list(_pieces(plain))
    joins = [False, *(_joins(plain, one, other) for one, other in pairwise(pieces)), False]
    for place, (_, stop, part) in enumerate(pieces):
        # `A-line` and `C&A` are names, `a` before other words is none.
        if part in STOP and not joins[place] and not joins[place + 1] and plain[stop : stop + 1] not in _HYPHENS:
            continue
        if part == "x" and _is_between_numbers(pieces, place):
            continue
        if word := fold(_bare(part))[:MAX_WORD_LENGTH]:
            glued.append(joins[place] and bool(sequence))
            sequence.append(word)
            extra += grams(word)
            if "'" in part and (whole := fold(part.replace("'", ""))[:MAX_WORD_LENGTH]) != word:
                # `loreal`, and `levi s` for Levi's.
                extra.append(whole)
    words = Words(tuple(sequence), tuple(glued), ())
    extra += ["".join(group)[:MAX_WORD_LENGTH] for group in words.groups() if len(group) > 1]
    extra += _across(plain)
    return Words(words.sequence, words.glued, tuple(extra))


def tokens(text: str) -> list[str]:
    """The words of a text, in order, folded, without stop words."""
    return list(analyse(text).sequence)


def fold(word: str) -> str:
    """A word without case, width, accents and the like."""
    return word.lower() if word.isascii() else _folded(word)


@lru_cache(65_536)
def _folded(word: str) -> str:
    folded: str = _folder().transliterate(_casefold(word)).lower()
    # Sizes are written in the digits of a script, and searched for in others.
    return "".join(
        char if char.isascii() or (digit := unicodedata.decimal(char, None)) is None else str(digit) for char in folded
    )


def variants(word: str) -> tuple[str, ...]:
    """Other spellings of a folded word: `ae`, `oe`, `ue` for umlauts, an Arabic or Hebrew word without its article,
    a Chinese one without its ending, a Korean one without its particle."""
    if word.isascii():
        return (_UMLAUT.sub(r"\1", word),) if _UMLAUT.search(word) else ()
    bare = _KOREAN_PARTICLE.sub("", word)
    bare = _CHINESE_ENDING.sub("", _HEBREW_ARTICLE.sub("", _ARTICLE.sub("", bare)))
    return (bare,) if bare != word else ()


def grams(word: str) -> list[str]:
    """The pairs of letters, and the single ideographs, of a word of a script without spaces, or of Korean, in which
    particles are written onto words; none of other words."""
    if word.isascii() or not (_UNSPACED.search(word) or _HANGUL.search(word)):
        return []
    letters = _clusters(word)
    pairs = [GRAM + a + b for a, b in pairwise(letters)]
    return pairs + [GRAM + letter for letter in letters if "\u3400" <= letter[0] <= "\u9fff"]


def is_unspaced(word: str) -> bool:
    """Whether a word is of a script that `grams` are made for."""
    return not word.isascii() and bool(_UNSPACED.search(word) or _HANGUL.search(word))


def sku_key(sku: str) -> str:
    """An article number as it is compared: its letters and digits alone."""
    return "".join(char for char in fold(sku) if char.isalnum())[:64]


def _across(text: str) -> list[str]:
    """Pairs of letters that lie across the boundary of two words of a script without spaces."""
    if text.isascii() or not _UNSPACED.search(text):
        return []
    found: list[str] = []
    before: tuple[int, str] = (-1, "")
    for start, stop, raw in _raw_words(text):
        word = fold(raw)
        if word and before[0] == start and _UNSPACED.match(word) and _UNSPACED.search(before[1]):
            found.append(GRAM + _clusters(before[1])[-1] + _clusters(word)[0])
        before = (stop, word)
    return found


def _clusters(word: str) -> list[str]:
    """Letters with the marks that belong to them."""
    found: list[str] = []
    for char in word:
        if found and unicodedata.category(char)[0] == "M":
            found[-1] += char
        else:
            found.append(char)
    return found


def _bare(word: str) -> str:
    """A word without its possessive ending or the article before its apostrophe."""
    if "'" not in word:
        return word
    parts = word.split("'")
    if parts[0] in _ELIDED and len(parts) > 1 and len(parts[-1]) > 1:
        return "".join(parts[1:])
    return "".join(parts[:-1] if parts[-1] == "s" else parts)


type Piece = tuple[int, int, str]
"""Start, end and word."""


def _pieces(text: str) -> Iterator[Piece]:
    """The words, without the signs that ICU leaves in them."""
    for start, stop, word in _raw_words(text):
        if word.isascii() and word.isalnum():
            if "x" not in word:
                yield start, stop, word
                continue
            at = start
            for part in _BY.split(word):
                yield at, at + len(part), part
                at += len(part) + 1
            continue
        for found in _INNER.finditer(word):
            yield start + found.start(), start + found.end(), found.group().replace(",", ".")


def _joins(text: str, one: Piece, other: Piece) -> bool:
    """Whether what is between two words makes one name of them: a hyphen, or what initials are written with."""
    between = text[one[1] : other[0]]
    if between == " " or not between:
        return False
    if between in _HYPHENS:
        return True
    if (sign := between.strip(" ")) not in _BETWEEN_INITIALS or not _is_initial(one[2]) | _is_initial(other[2]):
        return False
    first, second = one[2], _bare(other[2])
    if between == sign == ".":
        return _is_initial(first) and second.isalpha()
    short = first.isalpha() and second.isalpha() and max(len(first), len(second)) <= MAX_BESIDE_INITIAL
    return short if between == sign and sign != ":" else _is_initial(first) and _is_initial(second) and sign != "."


def _is_between_numbers(pieces: list[Piece], place: int) -> bool:
    """Whether the words on both sides of a place are numbers: `90 x 90`."""
    beside = (place > 0 and pieces[place - 1][2][-1:], place + 1 < len(pieces) and pieces[place + 1][2][:1])
    return all(char and char.isdigit() for char in beside)


def _is_initial(word: str) -> bool:
    return len(word) == 1 and word.isalpha()


def _raw_words(text: str) -> Iterator[Piece]:
    """The words by ICU's boundaries."""
    if text.isascii():
        for found in _PLAIN.finditer(text):
            yield found.start(), found.end(), found.group()
        return
    words, at = _breaker(), 0
    # ICU counts in UTF-16.
    wide = text.encode("utf-16-le")
    words.setText(text)
    start = words.first()
    for stop in words:
        piece = wide[2 * start : 2 * stop].decode("utf-16-le", "replace")
        if words.getRuleStatus() >= WORD:
            yield at, at + len(piece), piece
        at += len(piece)
        start = stop


WORD: Final = 100
"""From this rule status on a segment is a word (UBRK_WORD_NUMBER)."""


class _Breaker(Protocol):
    def setText(self, text: str) -> None: ...
    def first(self) -> int: ...
    def getRuleStatus(self) -> int: ...
    def __iter__(self) -> Iterator[int]: ...


class _Folder(Protocol):
    def transliterate(self, text: str) -> str: ...


class _Normaliser(Protocol):
    def normalize(self, text: str) -> str: ...


_local = threading.local()


def _icu() -> Any:
    """PyICU, which has no type information; only text beyond ASCII needs it."""
    return import_module("icu")


def _breaker() -> _Breaker:
    """One for each thread: it keeps the text and the place in it."""
    found = cast("_Breaker | None", getattr(_local, "breaker", None))
    if found is None:
        icu = _icu()
        found = _local.breaker = cast("_Breaker", icu.BreakIterator.createWordInstance(icu.Locale.getRoot()))
    return found


@cache
def _folder() -> _Folder:
    icu = _icu()
    return cast("_Folder", icu.Transliterator.createFromRules("fold", _RULES, icu.UTransDirection.FORWARD))


@cache
def _simplifier() -> _Folder:
    icu = _icu()
    return cast("_Folder", icu.Transliterator.createInstance("Traditional-Simplified", icu.UTransDirection.FORWARD))


@cache
def _normaliser() -> _Normaliser:
    return cast("_Normaliser", _icu().Normalizer2.getNFKCCasefoldInstance())


def _casefold(text: str) -> str:
    """NFKC, without case, with one kind of apostrophe and of Chinese characters."""
    if text.isascii():
        return text.lower().replace("`", "'")
    # A surrogate without its partner is no letter, and ICU does not take it.
    text = text.encode("utf-16-le", "replace").decode("utf-16-le", "replace") if _lone(text) else text
    # `5\u00bd` is not 51/2.
    text = _FRACTION_BEHIND.sub(" ", _HEBREW_ACRONYM.sub("", text.translate(_SIGNS)))
    text = unicodedata.normalize("NFC", _normaliser().normalize(text))
    # Before words are found: the dictionary cuts traditional and simplified characters differently.
    return _simplifier().transliterate(text) if _HAN.search(text) else text


def _lone(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)
