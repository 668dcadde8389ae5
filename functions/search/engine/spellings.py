"""Garments, materials and sizes that are spelt in more than one way which no rule of letters explains.

Not a list of synonyms: `tee` is how a T-shirt is spelt, `jumper` is another word. Two spellings of one word in two
languages count as well, since shops in one of them use both (`Kaschmir`, `cashmere`).
"""

from __future__ import annotations

from typing import Final

_GROUPS: Final = """
tshirt teeshirt tee t恤 t恤衫 体恤 体恤衫
vneck veeneck
grey gray
pyjama pajama
jewellery jewelry
colour color
coloured colored
multicolour multicolor
multicoloured multicolored
fibre fiber
woollen woolen
sequinned sequined
chequered checkered
cosy cozy
hoodie hoody
kaftan caftan
bandana bandanna
moccasin mocassin mokassin
cashmere kaschmir cachemire
viscose viskose
cord kord
portemonnaie portmonee
frottee frotte
xxl 2xl
xxxl 3xl
xxxxl 4xl
xxs 2xs
xxxs 3xs
蓝色 兰色
夹克 茄克
"""
_SAME: Final = {word: tuple(line.split()) for line in _GROUPS.strip().splitlines() for word in line.split()}


def same(word: str) -> tuple[str, ...]:
    """All spellings of a folded word that has several, also of one with an `s` of the plural; none of others."""
    return _SAME.get(word) or _SAME.get(word.removesuffix("s"), ())
