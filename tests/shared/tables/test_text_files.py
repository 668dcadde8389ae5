"""Text files as programs leave them: encodings that nothing names, delimiters, quotes, rows that end early."""

from __future__ import annotations

import pytest

from shared.errors import StudioError
from shared.tables.files import Value, read_grid
from shared.tables.format import TableFormat

WESTERN = {
    "German": "Größe; Rotes Kleid mit weißen Ärmeln – für „Mädchen“, 19,90 €",
    "French": "Robe d’été rouge à manches courtes, crème brûlée, cœur, déjà «vu»",
    "Spanish": "Camisón niña corazón, ¿talla? ¡Oferta!",
    "Portuguese": "Vestido vermelho, coração, calça, botões, pão",
    "Italian": "Città, perché, più, gonna blu",
    "Dutch": "Crèmekleurige blouse, geïntegreerde ceintuur, één",
    "Danish": "Rød kjole, blå, grøn, ærmer",
    "Swedish": "Röd klänning, blå tröja",
    "Icelandic": "Rauður kjóll, stærð, síðbuxur, þröngar buxur, nýtt, blússa, úlpa",
    "Finnish": "Punainen mekko, sininen hääpuku",
    "Catalan": "Vestit vermell, camisó, col·lecció, llençol",
    "English": "Men’s “cool” T-shirt – 5 € • new™, café, jalapeño",
    "Swiss": "Röcke – Größe; Jupe évasée, écharpe, crème",
    "a brand among German": "Kleid für Mädchen, weiße Blüten, Größe 38, São Paulo, Übergröße, schöne Tücher",
}
OTHERS = {
    "Turkish": ("Kırmızı gömlek şık, çocuk, düğme", "cp1254"),
    "Czech": ("Červené šaty, košile, dětské tričko", "cp1250"),
    "Slovak": ("Šaty červené, košeľa, čiapka, ďalšie", "cp1250"),
    "Hungarian": ("Női ruha, kék póló, bőr öv, felnőtt", "cp1250"),
    "Polish": ("Spódnica biała męska", "iso-8859-2"),
    "Romanian": ("Rochie roşie, cămaşă, bărbaţi", "cp1250"),
    "Croatian": ("Haljina, košulja, hlače, dječja, žuta", "cp1250"),
    "Latvian": ("Sarkana kleita, bērnu, šalle, krāsa", "cp1257"),
    "Lithuanian": ("Raudona suknelė, marškiniai, žalia", "cp1257"),
    "German of DOS": ("Größe, schöne Mädchen", "cp850"),
    "German of an old Macintosh": ("Größe weiß, schön, Ärmel, für Mädchen", "mac_roman"),
    "French of an old Macintosh": ("Robe d’été rouge, crème", "mac_roman"),
    "French of DOS": ("Robe été crème", "cp850"),
    "Russian": ("Платье красное", "cp1251"),
    "Greek": ("Φόρεμα κόκκινο", "cp1253"),
    "Hebrew": ("שמלה אדומה", "cp1255"),
    "Arabic": ("فستان أحمر", "cp1256"),
    "Thai": ("เสื้อสีแดง", "cp874"),
    "Japanese": ("赤いシャツ", "shift-jis"),
    "Chinese": ("红色连衣裙", "gbk"),
    "Korean": ("빨간 드레스", "euc-kr"),
}


def read(data: bytes | str, charset: str | None = None) -> list[tuple[Value, ...]]:
    raw = data.encode() if isinstance(data, str) else data
    return [cells for _, cells in read_grid(raw, ("sku", "title"), TableFormat(charset=charset)).rows]


def table(title: str) -> str:
    return f'sku,title\nA,"{title}"\n'


@pytest.mark.parametrize("language", WESTERN)
def test_western_text_needs_no_name_of_its_encoding(language: str) -> None:
    assert read(table(WESTERN[language]).encode("cp1252")) == [("A", WESTERN[language])]


@pytest.mark.parametrize("language", OTHERS)
def test_other_text_is_asked_for_its_encoding_and_never_read_with_other_letters(language: str) -> None:
    title, encoding = OTHERS[language]
    data = table(title).encode(encoding)
    with pytest.raises(StudioError) as refused:
        read(data)
    assert refused.value.code == "csv_encoding" and "charset=" in refused.value.message
    assert read(data, charset=encoding) == [("A", title)]


@pytest.mark.parametrize(
    "data",
    [
        "sep=|\nsku|title\nA|Shirt\n",
        "SEP = ;\nsku;title\nA;Shirt\n",
        "sep=\t\nsku\ttitle\nA\tShirt\n",
        "\ufeffsep=:\nsku:title\nA:Shirt\n",
        "sep=,\nsku;title\nA;Shirt\n",  # saved with another delimiter than the line says
        "sku;title;;\nA;Shirt;;\n",
        "sku;title;tags\nA;Shirt\n",  # as Excel writes rows whose last cells are empty
        "sku,title\r\nA,Shirt\r\n\x1a",
        "sku,title\n-----,-----\nA,Shirt\n",  # sqlcmd
        " sku | title \n-----+-------\n A   | Shirt\n",  # psql
        "sku | title\n:---|---:\nA | Shirt\n",  # Markdown
        "My products\n\nsku|title\nA|Shirt\n\n|\n",
    ],
)
def test_files_as_programs_leave_them(data: str) -> None:
    assert [cells[:2] for cells in read(data)] == [("A", "Shirt")]


@pytest.mark.parametrize(
    "row", ['A,"Shirt\nB,Skirt', 'A,"Shirt"x', 'A,"Shirt \\"red\\""', 'A,Shirt\nB,"', 'A,"' + "x" * 140_000 + '"']
)
def test_a_row_that_can_not_be_read_is_named_by_its_line_and_not_taken_for_other_columns(row: str) -> None:
    with pytest.raises(StudioError) as refused:
        read(f"sku,title\n{row}\n")
    assert refused.value.code == "csv_malformed"
    assert refused.value.message.startswith(("line 2:", "line 3:")) and '""' in refused.value.message
