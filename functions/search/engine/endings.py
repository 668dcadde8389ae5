"""Plurals and other forms that Snowball's stemmers leave apart from their word.

Snowball gives `botão` and `botões` two stems in Portuguese, and its rules read letters that folding has removed. So a
word's possible singulars are formed here, by the endings of each language, and get their stems, too. Most of these are
no words; that costs nothing, as no product has them.

Portuguese is the plural step of RSLP (V. Orengo, C. Huyck, SPIRE 2001), Turkish the plural, its possessive and the
softened consonants before it (Göksel, Kerslake: Turkish, 2005, chapters 2 and 8).
"""

from __future__ import annotations

from functools import cache
from typing import Final

IRREGULAR: Final = {
    "english": {
        "men": "man", "women": "woman", "children": "child", "feet": "foot", "teeth": "tooth", "geese": "goose",
        "mice": "mouse", "people": "person",
    },
    "italian": {"uomini": "uomo"},
    "romanian": {"geci": "geaca", "genti": "geanta", "fete": "fata"},
    "russian": {"дети": "ребенок", "люди": "человек"},
}  # fmt: skip
"""Plurals that no ending tells."""
MIN_SINGULAR: Final = 3
MIN_VES: Final = 6
_ENDINGS: Final = {
    "english": "ses s",
    "portuguese": "oes ao, aes ao, aos ao, ais al, eis el, eis il, ois ol, uis ul, is il, ns m, "
    "res r, ses s, zes z, s -",
    "spanish": "ces z, eis ey, es -",
    "catalan": "ns -",
    "dutch": "zen s, ven f, en -, s -, " + ", ".join(f"{letter}{letter}en {letter}" for letter in "bdfgklmnprst"),
    "swedish": "r -",
    "danish": "r -, er -, ler el, ner en",
    "norwegian": "r -, er -, e -, ler el, ner en, re er",
    "polish": "ki ek, ry er, ce ec, ki ka",
    "romanian": "uri -, uri u",
    "hungarian": "ok -, ek -, ak -, k -",
    "finnish": "t -, dat ta, gat ka, ngat nka, it i, kit kki, tit tti, pit ppi",
    "czech": "c ce, i e",
    "turkish": "lar -, ler -, lari -, leri -, si -, su -, i -, u -, gi k, gu k, bi p, bu p, ci c, cu c, di t, du t",
    "russian": "ки ок, ки ек, цы ец",
}
"""By language: an ending, and what the singular has for it (`-`: nothing), of folded words."""
_UKRAINIAN: Final = str.maketrans({"\u0456": "\u0438", "\u0457": "\u0438", "\u0454": "\u0435", "\u0491": "\u0433"})
"""Letters of Ukrainian that Snowball's Russian, which stands in for it, does not know."""


@cache
def _pairs(language: str) -> tuple[tuple[str, str], ...]:
    written = _ENDINGS.get(language, "")
    return tuple(
        (many, one.strip("-")) for many, _, one in (pair.strip().partition(" ") for pair in written.split(",")) if many
    )


def singulars(word: str, language: str) -> tuple[str, ...]:
    """What a folded word may be a form of in a language, without the word itself."""
    found: dict[str, None] = {}
    if irregular := IRREGULAR.get(language, {}).get(word):
        return (irregular,)
    if language == "english" and len(word) >= MIN_VES and word.endswith("ves"):
        found |= {word[:-3] + "f": None, word[:-3] + "fe": None}
    if language == "russian":
        found[word.translate(_UKRAINIAN)] = None
    for many, one in _pairs(language):
        if word.endswith(many) and len(word) - len(many) + len(one) >= MIN_SINGULAR:
            found[word[: -len(many)] + one] = None
    found.pop(word, None)
    return tuple(found)
