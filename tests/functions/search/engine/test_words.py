"""Text as words, what a word of a query stands for, and phrases."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.search.engine.columns import Columns
from functions.search.engine.items import Item
from functions.search.engine.letters import analyse, fold, sku_key, tokens
from functions.search.engine.phrases import QueryText, phrases_of, rows_with
from functions.search.engine.suggest import as_spelt, suggestion
from functions.search.engine.vocabulary import STRONG
from functions.search.engine.words import sku_keys


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red Dresses for the Summer", ["red", "dresses", "summer"]),
        ("berries, watches & boxes", ["berries", "watches", "boxes"]),
        ("jeans/T-shirts", ["jeans", "t", "shirts"]),
        ("SKU_42 Röcke ÉTÉ", ["sku", "42", "rocke", "ete"]),
        ("", []),
        ("Men's, women\u2019s and ladies' skirts", ["men", "women", "ladies", "skirts"]),
        ("robe d\u2019été, l'hiver, dell'estate", ["robe", "ete", "hiver", "estate"]),
        ("O'Neill Levi's", ["oneill", "levi"]),
        ("A-line V-neck", ["a", "line", "v", "neck"]),
        ("Größe 3,5 cm ½", ["grosse", "3.5", "cm", "1", "2"]),
        ("FULLWIDTH \uff34\uff33 \ufb01ne", ["fullwidth", "ts", "fine"]),
        ("U\u0308bergangsjacke cre\u0300me", ["ubergangsjacke", "creme"]),
        ("Øreringe Łódź smørrebrød ısı", ["oreringe", "lodz", "smorrebrod", "isi"]),
        ("Ёлка ПЛАТЬЕ", ["елка", "платье"]),
        ("ΦΌΡΕΜΆ φόρεμας", ["φορεμα", "φορεμασ"]),
        ("שִׂמְלָה אֲדֻמָּה", ["שמלה", "אדמה"]),
        ("فُستانٌ أحمر", ["فستان", "احمر"]),
        ("सूती कुर्ता", ["सूती", "कुर्ता"]),
        ("红色连衣裙", ["红色", "连", "衣裙"]),
        ("赤いワンピース", ["赤い", "ワンピース"]),
        ("紅色連衣裙", ["红色", "连", "衣裙"]),
        ("ｶﾞｰｾﾞ", ["ガーゼ"]),
        ("빨간색 원피스", ["빨간색", "원피스"]),
        ("เสื้อยืดสีแดง", ["เสื้อ", "ยืด", "สี", "แดง"]),
        ("\U0001f457 dress \U0001f389 na\u00efve", ["dress", "naive"]),
        ("für Damen, faux fur", ["damen", "faux", "fur"]),
        ("lone \ud800 surrogate", ["lone", "surrogate"]),
    ],
)  # fmt: skip
def test_text_becomes_words(text: str, words: list[str]) -> None:
    assert tokens(text) == words


@given(st.text(max_size=60))
def test_every_spelling_of_unicode_is_one_and_words_stay_words(text: str) -> None:
    found = tokens(text)
    for form in ("NFC", "NFD"):
        if not any("\ud800" <= char <= "\udfff" for char in text):
            assert tokens(unicodedata.normalize(form, text)) == found
    assert all(word and word == fold(word) and " " not in word for word in found)


def shop(*titles: str, description: str = "") -> Columns:
    vector = np.ones(4, np.float32) / 2
    return Columns.of([Item(f"p{n}", 1, vector, words=t, description=description) for n, t in enumerate(titles)], 4)


MEANT = [
    # What is written, what a shop has, whether it is meant by it.
    ("dress", "Red dresses", True), ("dresses", "Red dress", True), ("scarf", "Scarves", True),
    ("knives", "Knife", True),
    ("woman", "For women", True), ("children", "child", True), ("berry", "berries", True), ("box", "Boxes", True),
    ("rock", "Röcke", True), ("röcke", "Rock", True), ("kleider", "Kleid", True), ("mantel", "Mäntel", True),
    ("ubergangsjacke", "Übergangsjacke", True), ("uebergangsjacke", "Übergangsjacke", True),
    ("übergangsjacken", "Uebergangsjacke", True), ("jacke", "Übergangsjacke", True), ("jacken", "Winterjacke", True),
    ("kleid", "Sommerkleider", True), ("hose", "Lederhosen", True), ("coat", "Raincoats", True),
    ("shirt", "Tshirt", True), ("tshirt", "T-Shirt", True), ("t-shirts", "T-Shirt", True), ("t shirt", "Tshirt", True),
    ("longsleeve", "long sleeve top", True), ("long-sleeved", "long sleeve top", True), ("rain coat", "raincoat", True),
    ("robe", "Robes longues", True), ("manteau", "Manteaux", True), ("bijoux", "Bijou", True), ("crème", "creme", True),
    ("vestido", "Vestidos", True), ("gonna", "Gonne lunghe", True), ("jurk", "Jurken", True),
    ("klänning", "Klänningar", True), ("sukienka", "Sukienki", True), ("платье", "Платья", True),
    ("φόρεμα", "Φορέματα", True), ("فستان", "الفستان الأحمر", True), ("कुर्ता", "कुर्ते", True), ("שמלה", "השמלה", True),
    ("连衣裙", "红色连衣裙女夏季", True), ("裙子", "花裙子", True), ("ワンピース", "赤いワンピース", True),
    ("원피스", "빨간색 원피스를", True), ("เสื้อยืด", "เสื้อยืดสีแดง", True), ("雪纺", "夏季雪纺衫", True),
    ("ring", "flattering dress", False), ("ring", "string bikini", False), ("vest", "vestidos", False),
    ("dress", "address", False), ("hose", "those", False), ("tie", "ties", True), ("hat", "what", False),
    ("short", "shirt", False), ("skirt", "shirt", False), ("red", "redder", False), ("fur", "für Damen", False),
    ("uk10", "UK 10 Skirt", True), ("gr38", "Kleid Gr. 38", True), ("w 32", "Jeans W32", True),
    ("38/32", "Jeans W38 L32", True), ("32x34", "Jeans W32 L34", True), ("90x90", "Scarf 90 x 90 cm", True),
    ("90 x 90", "Scarf 90x90cm", True), ("120x200", "Blanket 120\u00d7200", True), ("xxl", "Hoodie 2XL", True),
    ("2 xl", "Hoodie XXL", True), ("xl", "Hoodie XXL", False), ("3xl", "Hoodie XXL", False), ("6x", "6x pack", True),
    ("x large", "X large", True), ("32", "Jeans L32", True), ("42", "EU42 Boots", True), ("us", "US10", False),
    ("levi s", "Levi's 501", True), ("loreal", "L\u2019Oréal", True), ("mens", "Men's", True),
    ("t shirts", "Tshirt", True),
    ("hand bag", "Handbags", True), ("damen schuhe", "Damenschuh", True), ("a-line", "A line skirt", True),
    ("in-line", "A line skirt", False), ("size 5½", "size 5 1/2", True), ("5½", "size 51", False), ("№5", "No 5", True),
    ("ג'ינס", "ג׳ינס", True), ("ג׳ינס", "גינס", True), ('ש"ח', "ש״ח", True), ("원피스를", "원피스", True),
    ("티셔츠", "티 셔츠", True),
    ("38 mm", "Watch 38mm", True), ("38mm", "Watch 38 mm", True), ("w32 l34", "W32/L34 jeans", True),
    ("裤子", "牛仔裤男", True), ("咖啡机", "皮夹克黑色机车款", False),
    ("衬衫", "红色连衣裙", False), ("กางเกง", "เสื้อยืดสีแดง", False), ("shoe", "short", False),
]  # fmt: skip


@pytest.mark.parametrize(("written", "title", "meant"), MEANT)
def test_what_a_word_stands_for(written: str, title: str, meant: bool) -> None:
    assert covers(written, title) is meant


def covers(written: str, title: str) -> bool:
    """Whether a title has every word of a query."""
    from functions.search.engine.lookup import Lookup
    from functions.search.engine.words import Lexicon

    columns = shop(title, "something else")
    lookup = Lookup.of(written, Lexicon(columns), [(columns, None)])
    assert lookup is not None
    return lookup.coverage(columns).numbers().tolist()[0] == 4 * sum(lookup.counts)


SPELT = {
    # Spellings of one garment, and a title with other words that it must not be mistaken for.
    "en": ("t-shirt, T Shirt, tshirt, tee shirt, tee-shirt, teeshirt, tee, Tees, T-Shirts;"
           "v-neck, V Neck, vneck, vee neck; tracksuit, track suit, track-suit, tracksuits;"
           "sweatshirt, sweat shirt, sweat-shirts; overcoat, over coat; high heels, high-heels, highheels;"
           "flip flops, flip-flops, flipflops; jumpsuit, jump suit; long sleeve, longsleeve; turtleneck, turtle neck;"
           "swimsuit, swim suit; knitwear, knit wear; grey, gray; pyjamas, pajamas, pyjama; jewellery, jewelry;"
           "kaftan, caftan", "Polo shirt, tea coat"),
    "de": ("Regenjacke, Regen Jacke, Regen-Jacke, Regenjacken; Bademantel, Bade Mantel;"
           "Hausschuhe, Haus Schuhe, Hausschuh; Jogginghose, Jogging Hose; Strickjacke, Strick Jacke;"
           "Kaschmir, Cashmere; Cord, Kord", "Poloshirt, Teetasse"),
    "fr": ("tee-shirt, tee shirt, t-shirt; sweat-shirt, sweat shirt, sweatshirt;"
           "soutien-gorge, soutien gorge, soutiengorge; pull-over, pull over, pullover;"
           "sac \u00e0 dos, sac-\u00e0-dos; porte-monnaie, porte monnaie, portemonnaie", "Polo, robe"),
    "zh": ("T恤, t恤, T 恤, 体恤, 體恤; 连衣裙, 連衣裙; 衬衫, 襯衫; 裤子, 褲子; 长袖, 長袖;"
           "蓝色, 藍色, 兰色; 牛仔裤, 牛仔褲", "白色外套"),
}  # fmt: skip


@pytest.mark.parametrize("language", SPELT)
def test_spellings_of_a_garment_find_each_other_where_a_shop_has_them_all(language: str) -> None:
    from functions.search.engine.lookup import Lookup
    from functions.search.engine.words import Lexicon

    groups, others = SPELT[language]
    for group in groups.split(";"):
        titles = [title.strip() for title in group.split(",")]
        columns = shop(*(f"{title} 9" for title in titles), *others.split(", "), "something else")
        for written in titles:
            lookup = Lookup.of(written, Lexicon(columns), [(columns, None)])
            assert lookup is not None
            covered = lookup.coverage(columns).numbers().tolist()
            assert min(covered[: len(titles)]) == max(covered) > max(covered[len(titles) :]), (written, titles, covered)


NAMES = {
    "hm": ("H&M", "H & M", "h+m", "H.M.", "H-M", "H:M", "HM", "H&M's", "\uff28\uff06\uff2d"),
    "att": ("AT&T", "ATT"),
    "dg": ("D&G", "D & G", "d+g"),
    "ca": ("C&A", "C & A", "c.a."),
    "apc": ("A.P.C.", "APC", "A.P.C"),
    "jcrew": ("J.Crew", "J. Crew", "J-Crew", "J Crew", "jcrew"),
    "soliver": ("s.Oliver", "S-Oliver", "sOliver"),
}


@pytest.mark.parametrize("before", ["", "\u00e9t\u00e9 "], ids=["ASCII", "ICU"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_initials_is_found_however_it_is_written(name: str, before: str) -> None:
    for title in NAMES[name]:
        for written in (name, *NAMES[name]):
            assert covers(written, f"{before}{title} jeans"), (written, title)


@pytest.mark.parametrize(
    ("text", "extra"),
    [
        ("black & white", ()), ("shirt + tie", ()), ("3 & 4", ()), ("a dress", ()), ("100% cotton. A gift", ()),
        ("XL & XXL", ()), ("S. Blue", ()), ("size: M", ()), ("3.5", ()),
    ],
)  # fmt: skip
def test_words_that_a_sign_only_lists_are_no_name(text: str, extra: tuple[str, ...]) -> None:
    assert analyse(text).extra == analyse(f"\u00e9 {text}").extra == extra


ANY = shop(
    "Red dress", "红色连衣裙", "Übergangsjacke", "เสื้อยืด 3/4", "T-Shirt -- x", "٣ فستان", description="O'Neill 50%"
)


@given(st.text(max_size=60) | st.sampled_from(["-", '"', "'", "dress", "连衣裙", '-"', " "]).map(lambda part: part * 9))
def test_any_query_is_read_and_counts_the_same_however_it_is_looked_up(text: str) -> None:
    from functions.search.engine.lookup import Lookup
    from functions.search.engine.words import Lexicon

    read = QueryText.of(text)
    for phrase in phrases_of((*read.phrases, *read.minus)):
        rows_with(ANY, phrase)
    lookup = Lookup.of(read.words, Lexicon(ANY), [(ANY, None)])
    if lookup is None:
        return
    rows, shares = lookup.shares(ANY)
    every = np.zeros(ANY.count)
    every[rows] = shares
    assert lookup.score_rows(ANY, np.arange(ANY.count)).tolist() == every.tolist()
    assert (lookup.coverage(ANY).numbers() > 0).tolist() == lookup.any_of(ANY).tolist()
    suggestion(read.words, [ANY])


@pytest.mark.parametrize(
    ("written", "found", "said"),
    [
        ("dres", "dress", None), ("dresz", "dress", "dress"), ("derss", "dress", "dress"), ("skrit", "skirt", "skirt"),
        ("longslevee", "longsleeve", "longsleeve"), ("red dresz", "dress", "red dress"), ("jeasn", "jeans", "jeans"),
        ("dess", None, None), ("shoez99", None, None), ("zanzibar", None, None), ("dress", "dress", None),
    ],
)  # fmt: skip
def test_misspelt_words_find_what_is_near_and_say_so(written: str, found: str | None, said: str | None) -> None:
    columns = shop("red dress", "skirt", "longsleeve", "jeans")
    assert suggestion(written, [columns]) == said
    meant = columns.vocabulary.alternatives(written.split()[-1], loose=True)
    assert (found in {word for one in meant for word in one.words}) is (found is not None)


def test_a_known_word_is_never_taken_for_a_misspelt_one() -> None:
    columns = shop("shirt", "skirt")
    assert {one.words for one in columns.vocabulary.alternatives("shirt")} == {("shirt",)}
    assert suggestion("shirt", [columns]) is None


def test_suggestions_are_spelt_as_the_shop_does() -> None:
    assert as_spelt("rote ubergangsjacke", ["Rote Übergangsjacke, wattiert"]) == "Rote Übergangsjacke"


@pytest.mark.parametrize(
    ("text", "words", "phrases", "minus"),
    [
        ("skirt -long-sleeve", "skirt", (), ("long-sleeve",)),
        ('skirt -"long sleeve" red', "skirt red", (), ("long sleeve",)),
        ('"red dress" -men\'s', "red dress", ("red dress",), ("men's",)),
        ("\u201ered dress\u201c \u2212blue", "red dress", ("red dress",), ("blue",)),
        ("long-sleeve t-shirt", "long-sleeve t-shirt", (), ()),
        ("dress - red", "dress - red", (), ()),
        ('open "quote', "open quote", (), ()),
        ('- "" -""', "-", (), ()),
        ("-red", "", (), ("red",)),
        ('skirt -"long sl', "skirt", (), ("long sl",)),
        ("skirt -\u201elange \u00c4r", "skirt", (), ("lange \u00c4r",)),
        ('skirt -"', "skirt", (), ()),
        ('skirt -"long" -"sho', "skirt", (), ("long", "sho")),
    ],
)  # fmt: skip
def test_the_marks_of_a_query_are_read(text: str, words: str, phrases: tuple[str, ...], minus: tuple[str, ...]) -> None:
    assert QueryText.of(text) == QueryText(words, phrases, minus)


@pytest.mark.parametrize(
    ("phrase", "title", "there"),
    [
        ("long-sleeve", "Long skirt green", False),
        ("long-sleeve", "Long sleeve top", True),
        ("long sleeves", "top with long-sleeve", True),
        ("long sleeve", "longsleeve", True),
        ("long sleeve", "sleeve long", False),
        ("long sleeve", "long\nsleeve", False),
        ("men's", "Men's shirt", True),
        ("men's", "s shirt", False),
        ("red", "Red dress", True),
        ("silk dress", "silk evening dress", False),
        ("dress", "Red dresses", True),
        ("jacke", "Winterjacke", False),
        ("连衣裙", "红色连衣裙", True),
    ],
)  # fmt: skip
def test_phrases_are_words_one_after_the_other_in_a_field(phrase: str, title: str, there: bool) -> None:
    (words,) = phrases_of((phrase,))
    assert rows_with(shop(title), words).tolist() == ([0] if there else [])


def test_a_word_of_the_description_counts_less_than_one_of_the_title() -> None:
    from functions.search.engine.lookup import Lookup
    from functions.search.engine.words import Lexicon

    columns = Columns.joined([shop("waterproof coat"), shop("coat", description="It is waterproof, waterproof!")])
    lookup = Lookup.of("waterproof", Lexicon(columns), [(columns, None)])
    assert lookup is not None
    _, (named, mentioned) = lookup.shares(columns)
    assert 0 < mentioned < named / 2
    assert lookup.coverage(columns).numbers().tolist() == [4, 2]
    strong = [one for one in columns.vocabulary.alternatives("waterproof") if one.factor >= STRONG]
    assert len(strong) == 1


def test_article_numbers_compare_by_letters_and_digits() -> None:
    assert {sku_key(text) for text in ("TS-1001", "ts1001", " TS_1001", "ts 10.01", "\uff34S/1001")} == {"ts1001"}
    assert analyse("TS-1001").extra == ("ts1001",)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("TS-1001", "ts1001"), ("ts 1001", "ts1001"), ("sku:TS-1001", "ts1001"), ("#TS-1001", "ts1001"),
        ("red ts 1001 dress", "ts1001"), ("art. TS\u20131001", "ts1001"), ("4006 3813 33931", "4006381333931"),
    ],
)  # fmt: skip
def test_an_article_number_is_seen_among_words(text: str, key: str) -> None:
    assert key in sku_keys(text)
    assert len(sku_keys("x1 " * 500)) <= 3
