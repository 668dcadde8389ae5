"""Stems of words by the Snowball stemmer of every language that their script is written in.

A title does not say its language, and neither does a query. So a word has a stem for each language that a shop is
searched in, and two words belong together if they have the same stem in one of them.
"""

from __future__ import annotations

import threading
import unicodedata
from functools import lru_cache
from typing import Final, Protocol, cast

from functions.search.engine.endings import singulars
from functions.search.settings import LATIN_LANGUAGES, search_settings

OTHER_SCRIPTS: Final = {
    "CYRILLIC": ("russian", "serbian"),
    "GREEK": ("greek",),
    "ARABIC": ("arabic", "persian"),
    "DEVANAGARI": ("hindi", "nepali"),
    "ARMENIAN": ("armenian",),
    "TAMIL": ("tamil",),
    "HEBREW": (),
}
"""Languages by the first word of their letters' Unicode names."""
MIN_STEM: Final = 3
MAX_ENDING, SHORT_ENDING, SHORT_WORD = 4, 2, 4
"""Letters by which two words of one stem may differ in length, and fewer where the shorter is a short word: `vest` is
no form of `vestidos`."""


class Stemmer(Protocol):
    """One of Snowball's."""

    def stemWord(self, word: str) -> str:
        """The stem."""
        ...


_local = threading.local()


@lru_cache(65_536)
def stems(word: str, codes: tuple[str, ...] | None = None) -> tuple[tuple[str, str], ...]:
    """(language, stem) of a folded word in each language of its script.

    Args:
        codes: the languages of Latin script; those of `SEARCH_LANGUAGES` by default.
    """
    found: dict[tuple[str, str], None] = {}
    for language in languages(word, search_settings().search_languages if codes is None else codes):
        for form in (word, *singulars(word, language)):
            stem = _stemmer(language).stemWord(form)
            # Turkish leaves two letters of `canta`.
            stem = stem if len(stem) >= MIN_STEM else form
            if len(stem) >= MIN_STEM:
                found[language, stem] = None
    return tuple(found)


def languages(word: str, codes: tuple[str, ...]) -> tuple[str, ...]:
    """The languages a word may be of; none for numbers and for scripts without inflection."""
    if not word.isalpha() and any(char.isdigit() for char in word):
        return ()
    if word.isascii():
        return tuple(LATIN_LANGUAGES[code] for code in codes)
    script = unicodedata.name(word[0], "").partition(" ")[0]
    return OTHER_SCRIPTS.get(script, ())


def related(one: str, other: str) -> bool:
    """Whether words of one stem are near enough to be forms of one word."""
    shorter, longer = sorted((one, other), key=len)
    near = len(longer) - len(shorter) <= (SHORT_ENDING if len(shorter) <= SHORT_WORD else MAX_ENDING)
    return near or any(
        shorter in singulars(longer, language) or longer in singulars(shorter, language)
        for language in languages(longer, search_settings().search_languages)
    )


def _stemmer(language: str) -> Stemmer:
    """One for each thread: a stemmer keeps the word it works on."""
    known = cast("dict[str, Stemmer] | None", getattr(_local, "stemmers", None))
    if known is None:
        known = _local.stemmers = {}
    found = known.get(language)
    if found is None:
        import Stemmer as snowball

        found = known[language] = cast("Stemmer", snowball.Stemmer(language))
    return found
