"""Whether text that was read as Windows-1252 is Western text.

Every sequence of bytes can be read as Windows-1252, so a file in another encoding comes out with other letters and
nothing else shows it: the Turkish `ı` becomes `ý`, the Czech `ř` becomes `ø`, the `ä` of an old Macintosh `Š`. Each
Western language has few letters beyond ASCII; text of which no single one has nearly all is in another encoding.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

ALPHABETS: Final = (
    "äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúü", "áâãàçéêíóôõúü", "àéèìíîòóùú", "àçéèíïòóúü", "ëéèêïöüáó", "æøåéèêòóôü",
    "åäöéü", "áðéíóúþæö", "äõöüšž", "äöåšž", "áéíóúàèìòù",
    "äöüßàâæçéèêëîïôœùûÿ",
)  # fmt: skip
"""German, French, Spanish, Portuguese, Italian, Catalan, Dutch, Danish and Norwegian, Swedish, Icelandic and Faroese,
Estonian, Finnish, Irish and Scottish, and the German and French of Switzerland. Icelandic is without `ý`, rare in it:
the `ı` of Turkish is in its place."""
ENOUGH: Final = 0.9
"""Share of the letters that one language must have: names of brands and cities are from others."""
_LETTER: Final = r"[^\W\d_]"
_OTHER = re.compile(
    rf"[^\W\d_\x00-\x7f]{{3}}|{_LETTER}[\xb9\xb3\xbf\xa3\xb6\xbc\xbe\xa5\xaf]|[\x81\x8d\x8f\x90\x9d]"
    rf"|{_LETTER}[\xa1\xa7\xa9\xab\xac\xae\xbb\xd7\u20ac\u201a\u201e\u2026\u2020\u2021\u02c6\u2030\u2039\u2018\u201c\u201d\u2022\u02dc"
    rf"\u2122\u203a]{_LETTER}|[a-z\xdf-\xff][\xc0-\xde\u0160\u017d\u0178\u0152]"
)
"""What no Western text has: three such letters in a row, signs and capitals within words, bytes without a
character."""


def is_western(text: str) -> bool:
    """Whether text reads like one of a Western language."""
    if _OTHER.search(text):
        return False
    letters = Counter(char for char in text.lower() if char > "\x7f" and char.isalpha() and char not in "ªºµ")
    total = letters.total()
    return not total or any(sum(letters[char] for char in known) >= ENOUGH * total for known in ALPHABETS)
