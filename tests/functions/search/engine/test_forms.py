"""Plurals and other forms of garments' names, in every language that search knows: each word alone in its language."""

from __future__ import annotations

import numpy as np
import pytest

from functions.search.engine.letters import fold
from functions.search.engine.stems import related, stems
from functions.search.engine.vocabulary import Vocabulary
from functions.search.settings import SearchSettings

FORMS = {
    "pt": (
        "botão botões, camisão camisões, calça calças, calção calções, pantalona pantalonas, avental aventais, "
        "casual casuais, azul azuis, lençol lençóis, jardim jardins, cor cores, flor flores, anel anéis, pincel "
        "pincéis, têxtil têxteis, blusão blusões, cordão cordões, algodão algodões, mão mãos, mulher mulheres, "
        "homem homens, vestido vestidos, luz luzes, short shorts, saia saias, colete coletes, macacão macacões, "
        "roupão roupões, infantil infantis, móvel móveis, pão pães, cachecol cachecóis, sutiã sutiãs, maiô maiôs, "
        "biquíni biquínis, cinturão cinturões, moletom moletons, cetim cetins, batom batons, lilás lilases, "
        "português portugueses"
    ),
    "tr": (
        "elbise elbiseler, gömlek gömlekler, ayakkabı ayakkabılar, çanta çantalar, kazak kazaklar, pantolon "
        "pantolonlar, etek etekler, ceket ceketler, mont montlar, tişört tişörtler, şapka şapkalar, kadın "
        "kadınlar, erkek erkekler, çorap çoraplar, yüzük yüzükler, kolye kolyeler, hırka hırkalar, elbise "
        "elbisesi, ayakkabı ayakkabısı, çocuk çocuklar, bot botlar, küpe küpeler, bluz bluzlar, terlik terlikler, "
        "atkı atkılar, şal şallar, düğme düğmeler, kitap kitabı, gömlek gömleği"
    ),
    "pl": (
        "sukienka sukienki, spodnie spodni, but buty, koszula koszule, kurtka kurtki, czapka czapki, sweter "
        "swetry, płaszcz płaszcze, bluza bluzy, torebka torebki, pasek paski"
    ),
    "cs": "šaty šatů, boty bota, sukně sukní, košile košil, bunda bundy, kalhoty kalhot, čepice čepic",
    "ro": (
        "rochie rochii, pantalon pantaloni, cămașă cămăși, geacă geci, fustă fuste, tricou tricouri, pantof "
        "pantofi, bluză bluze, geantă genți"
    ),
    "sv": (
        "klänning klänningar, tröja tröjor, skjorta skjortor, byxa byxor, sko skor, jacka jackor, kjol kjolar, "
        "mössa mössor, strumpa strumpor"
    ),
    "da": "kjole kjoler, bukse bukser, skjorte skjorter, jakke jakker, trøje trøjer, støvle støvler, hue huer",
    "no": (
        "kjole kjoler, bukse bukser, skjorte skjorter, jakke jakker, genser gensere, lue luer, støvel støvler, "
        "hanske hansker"
    ),
    "de": (
        "Kleid Kleider, Rock Röcke, Hose Hosen, Bluse Blusen, Mantel Mäntel, Hut Hüte, Schuh Schuhe, Kostüm "
        "Kostüme, Anzug Anzüge, Stiefel Stiefeln, Jacke Jacken, Handschuh Handschuhe, Tuch Tücher, Knopf Knöpfe, "
        "Hemd Hemden, Strumpf Strümpfe, Band Bänder, T-Shirt T-Shirts"
    ),
    "fr": (
        "chapeau chapeaux, manteau manteaux, robe robes, jupe jupes, pull pulls, bijou bijoux, cheval chevaux, "
        "gilet gilets, blouson blousons, maillot maillots, journal journaux, écharpe écharpes, ceinture ceintures"
    ),
    "es": (
        "vestido vestidos, pantalón pantalones, jersey jerséis, camisón camisones, falda faldas, botín botines, "
        "cinturón cinturones, lápiz lápices, luz luces, bañador bañadores, mujer mujeres, calcetín calcetines, "
        "corazón corazones"
    ),
    "it": (
        "vestito vestiti, gonna gonne, giacca giacche, camicia camicie, cappotto cappotti, maglia maglie, borsa "
        "borse, sciarpa sciarpe, stivale stivali, uomo uomini, pantalone pantaloni, guanto guanti, orecchino "
        "orecchini, largo larghi"
    ),
    "nl": (
        "jurk jurken, rok rokken, broek broeken, schoen schoenen, jas jassen, trui truien, hemd hemden, laars "
        "laarzen, muts mutsen, sok sokken, das dassen, kous kousen, blouse blouses, vest vesten"
    ),
    "fi": (
        "mekko mekot, paita paidat, kenkä kengät, takki takit, hame hameet, housu housut, laukku laukut, hattu hatut"
    ),
    "hu": "ruha ruhák, ing ingek, cipő cipők, kabát kabátok, szoknya szoknyák, nadrág nadrágok, kalap kalapok",
    "en": (
        "dress dresses, scarf scarves, woman women, child children, glove gloves, knife knives, body bodies, "
        "watch watches, box boxes, potato potatoes, shoe shoes, loaf loaves, half halves, bus buses"
    ),
    "ru": (
        "платье платья, юбка юбки, брюки брюк, рубашка рубашки, куртка куртки, шапка шапки, туфля туфли, носок "
        "носки, ребёнок дети"
    ),
    "el": "φόρεμα φορέματα, φούστα φούστες, παπούτσι παπούτσια, πουκάμισο πουκάμισα, καπέλο καπέλα, τσάντα τσάντες",
    "uk": "сукня сукні, спідниця спідниці, сорочка сорочки, куртка куртки, черевик черевики, жінка жінки",
}
UNRELATED = (
    ("vest", "vestidos"), ("top", "topaz"), ("mont", "monteverde"), ("bot", "bottega"), ("sal", "salopette"),
    ("rok", "roksana"), ("bus", "business"),
)  # fmt: skip
OTHERS = {"ru": "en", "uk": "en", "el": "en"}
"""Scripts whose languages no setting chooses."""


@pytest.mark.parametrize("language", FORMS)
def test_forms_of_one_word_have_a_stem_in_common(language: str) -> None:
    codes = (OTHERS.get(language, language),)
    apart: list[str] = []
    for pair in FORMS[language].split(", "):
        one, other = map(fold, pair.split())
        if one != other and not set(stems(one, codes)) & set(stems(other, codes)):
            apart.append(pair)
    assert apart == []


@pytest.mark.parametrize("language", [*SearchSettings().search_languages, *OTHERS])
def test_a_form_finds_the_word_of_a_shop_that_knows_no_language(language: str) -> None:
    lost = [
        pair
        for pair in FORMS[language].split(", ")
        for asked, written in (pair.split(), pair.split()[::-1])
        if fold(written) not in _vocabulary(written).forms(fold(asked))
    ]
    assert lost == []


@pytest.mark.parametrize(("word", "other"), UNRELATED)
def test_words_that_begin_alike_are_no_forms(word: str, other: str) -> None:
    assert fold(other) not in _vocabulary(other).forms(fold(word))


@pytest.mark.parametrize(
    ("asked", "pair"),
    [("spitzenbluse", ("spitze", "bluse")), ("raincoats", ("rain", "coat"))],
)
def test_a_compound_is_found_as_two_words_in_any_form(asked: str, pair: tuple[str, str]) -> None:
    assert pair in _vocabulary(*pair, "other").split(asked)


def test_irregular_plurals_are_near_whatever_their_letters() -> None:
    assert related("ребенок", "дети")
    assert not related("vest", "vestidos")


def _vocabulary(*words: str) -> Vocabulary:
    return Vocabulary.of({"words": np.array(sorted(fold(word).encode() for word in words))})
