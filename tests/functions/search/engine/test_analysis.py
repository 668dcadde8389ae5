"""The number of the analysis of words counts up with what it gives: an index is built again by that number alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from functions.search.engine.columns import fields_of
from functions.search.engine.items import Item
from functions.search.engine.letters import ANALYSIS

JUDGED = Path(__file__).parents[4] / "bench" / "judged"
NAMES = """
H&M J.Crew C & A AT&T men's L'Oréal O'Neill A-line V-neck black & white XL & XXL half 5½ 3,5 cm 90x90cm
für Übergangsjacke crème ﬁne ＴＳ Łódź smørrebrød ısı Ёлка платье ΦΌΡΕΜΆ שִׂמְלָה צה"ל فُستانٌ أحمر पोशाक सूती
紅色連衣裙 红色连衣裙 赤いワンピース ｶﾞｰｾﾞ 빨간색 원피스 เสื้อยืดสีแดง khăn quàng đỏ İstanbul №5 TS-1001 naïve 👗 a the and
"""
GIVEN = {3: "a7b96ef1bb35f6eb"}
"""By `ANALYSIS`, the digest of what titles and names give."""


def test_another_analysis_has_another_number() -> None:
    titles = [line for file in sorted(JUDGED.glob("products.*.tsv")) for line in file.read_text().splitlines()]
    digest = hashlib.sha256()
    for text in [*titles, *NAMES.splitlines(), *NAMES.split()]:
        named, mentioned, fields = fields_of(Item("p", 1, np.zeros(1), words=text, description=text, sku=text))
        digest.update(json.dumps([sorted(named.items()), mentioned, fields]).encode())
    assert digest.hexdigest()[:16] == GIVEN.get(ANALYSIS), (
        "texts give other words than before: count `letters.ANALYSIS` up and note the new digest, "
        "so that indexes that exist are built again"
    )
