"""Text that is stored as it was sent and shown to people: it may not forge or reverse the text around it."""

import unicodedata
from typing import Final

from pydantic import AfterValidator

_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs that show nothing."""
_JOINERS: Final = {0x200C: "", 0x200D: ""}


def _shown(text: str) -> str:
    """Refuse what could forge or reverse the text around it, or shows nothing; joiners, which emoji need, may stay."""
    if any(_is_hidden(character) for character in text):
        raise ValueError("control and direction characters are not allowed")
    if text and all(character.isspace() or character in _BLANK for character in text.translate(_JOINERS)):
        raise ValueError("has nothing that can be seen")
    return text


def _is_hidden(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind in ("Cc", "Zl", "Zp") or (kind == "Cf" and ord(character) not in _JOINERS)


Shown = AfterValidator(_shown)
"""Of a text in one line that is stored as it was sent and shown to people: a name, a reason."""
