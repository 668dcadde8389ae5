"""`demo/out/index.html`: what the demo made, to be looked at. What is emulated or a preview says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from demo.analytics import PLOT, Design
from demo.pictures import Pictures
from demo.search import Found
from demo.tryon import COLUMNS, Worn
from demo.vendor import FORMS, Shelf

if TYPE_CHECKING:
    from demo.play import Shopper
    from demo.steps import Steps

STYLE: Final = (Path(__file__).parent / "page.css").read_text()
FORM_NAMES: Final = {"thumbnail": "photo", "mask": "mask", "cutoutThumbnail": "cut-out"}
CLASSES: Final = {
    "upper": "top", "outerwear": "jacket or coat", "lower": "trousers or skirt", "full_body": "dress",
    "footwear": "shoes", "accessory": "accessory",
}  # fmt: skip
"""Garment classes of the model, in words."""
CHANNELS: Final = {"image": "picture", "text": "meaning", "words": "words"}
"""What a search score is made of, in words."""
MAILS: Final = 4
FEW: Final = 2
"""Results of a search that take a part of the page's width only."""


@dataclass
class Story:
    """What the acts have made.

    Args:
        emulated: providers whose emulator took part.
    """

    shelf: Shelf
    found: Sequence[Found]
    designs: Sequence[Design]
    worn: Sequence[Worn]
    shoppers: Sequence[Shopper]
    mails: Sequence[Mapping[str, Any]]
    emulated: frozenset[str]


def write_page(out: Path, story: Story, steps: Steps) -> list[Path]:
    """Write the page; returns the files of everything shown, the page first."""
    pictures = Pictures(out)
    parts = [
        _vendor(story.shelf, pictures),
        _search(story.found, pictures),
        _merchant(story.designs, pictures),
        _tryon(story.worn, pictures),
        _conversions(story.shoppers, emulated="gemini" in story.emulated),
        _mails(story.mails, emulated="email" in story.emulated),
        _steps(steps),
    ]
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>AI Fashion Studio: the demo</title><style>{STYLE}</style></head><body><main>
<h1>AI Fashion Studio</h1>
<p class="soft">{len(steps.steps)} steps in {steps.seconds:.0f} seconds on this machine: a vendor's photos become
products, shoppers find them and try them on, a merchant sees what will sell. The app, its queues, its models and the
providers' SDKs are those of a deployment. {_emulated(story.emulated)}</p>
{"".join(parts)}
</main></body></html>
"""
    page = out / "index.html"
    page.write_text(html)
    plot = [out / PLOT] if (out / PLOT).is_file() else []
    made = [out / name for one in story.shoppers for key, name in one.images.items() if key.endswith("optimised")]
    return [page, *pictures.files, *plot, *made]


def _emulated(emulated: frozenset[str]) -> str:
    names = {"gemini": "Gemini", "fashn": "FASHN", "email": "e-mail", "sms": "SMS", "paypal": "PayPal"}
    named = [name for provider, name in names.items() if provider in emulated]
    if not named:
        return ""
    listed = ", ".join(named[:-1]) + (" and " if named[1:] else "") + named[-1]
    return f"<strong>Emulated here</strong>, because no keys are set: {listed}."


def _section(title: str, lead: str, body: str) -> str:
    return f'<section><h2>{escape(title)}</h2><p class="soft">{lead}</p>{body}</section>' if body else ""


def _figure(src: str, alt: str, caption: str = "") -> str:
    """A picture with its caption, which is HTML already."""
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure><img src="{escape(src)}" alt="{escape(alt)}">{below}</figure>'


def _badge(text: str) -> str:
    return f'<span class="badge">{escape(text)}</span>'


def _price(price: Mapping[str, str] | None) -> str:
    return f"{escape(price['currency'])} {escape(price['amount'])}" if price else "no price"


def _vendor(shelf: Shelf, pictures: Pictures) -> str:
    cards: list[str] = []
    for number, (product, images) in enumerate(shelf.products):
        title = product["title"]
        trio = "".join(
            _figure(pictures.src(images[form], f"product-{number}-{form}"), f"{title}: {FORM_NAMES[form]}")
            for form in FORMS
        )
        colours = "".join(
            f'<span class="colour"><i style="background:{escape(one["hex"])}"></i>{escape(one["name"])}</span>'
            for one in product["colours"][:4]
        )
        seen = CLASSES.get(product["garmentClass"], product["garmentClass"] or "not recognised")
        facts = f"{_price(product['price'])}, seen as {escape(seen)}"
        cards.append(
            f'<article><div class="trio">{trio}</div><h3>{escape(title)}</h3>'
            f'<p class="soft">{facts}</p><p class="soft">{colours}</p></article>'
        )
    refused = "".join(f"<li><code>{escape(f['name'])}</code>: {escape(f['message'] or '')}</li>" for f in shelf.refused)
    named = f'<p>Refused, and moved aside with the reason:</p><ul class="refused">{refused}</ul>' if refused else ""
    lead = "Each photo, its mask and its cut-out; below it what the model recognises, and the colours inside the mask."
    return _section("A vendor's photos become products", lead, f'<div class="cards">{"".join(cards)}</div>{named}')


def _search(found: Sequence[Found], pictures: Pictures) -> str:
    rows: list[str] = []
    for number, one in enumerate(found):
        asked = f"“{escape(one.said)}”" if one.photo is None else escape(one.said)
        photo = (
            _figure(pictures.src(one.photo, f"query-{number}"), "the photo that was searched by") if one.photo else ""
        )
        hits = "".join(
            _hit(result, pictures.src(picture, f"query-{number}-{place}"))
            for place, (result, picture) in enumerate(zip(one.answer["results"], one.pictures, strict=True))
        )
        total, took = one.answer["total"], one.answer["tookMs"]
        count = "1 product" if total == 1 else f"{total} products"
        nothing = '<p class="soft">Nothing matches.</p>'
        kind = "query few" if len(one.pictures) <= FEW else "query"
        rows.append(
            f'<article class="{kind}"><header>{photo}<div><h3>{asked}</h3>'
            f'<p class="soft">{count} in {took:.0f} ms</p></div></header>'
            f'<div class="hits">{hits or nothing}</div></article>'
        )
    lead = (
        "By words, by a photo, and by both. A score counts standard deviations above a product chosen at random, and "
        "is the sum of what picture, meaning and words give. The small text model of this repository knows a list of "
        "words."
    )
    return _section("A shopper finds them", lead, f'<div class="queries">{"".join(rows)}</div>')


def _hit(result: Mapping[str, Any], src: str) -> str:
    parts = ", ".join(
        f"{name} {result['why'][channel]:+.1f}"
        for channel, name in CHANNELS.items()
        if round(result["why"][channel], 1)
    )
    caption = (
        f"<strong>{escape(result['title'])}</strong><br>{_price(result['price'])}<br>"
        f'<span class="soft">score {result["score"]:.1f}: {parts}</span>'
    )
    return _figure(src, result["title"], caption)


def _merchant(designs: Sequence[Design], pictures: Pictures) -> str:
    most = max((one.prediction["errHigh"] for one in designs), default=1.0) * 1.05
    cards = "".join(_design(one, number, most, pictures) for number, one in enumerate(designs))
    plot = _figure(
        PLOT, "Calibration: how often intervals contain what was sold", "How often intervals contain what was sold."
    )
    lead = (
        "The median of the expected sales and an interval for 9 of 10 cases. In the heat map red raises the prediction "
        "and blue lowers it, against an average picture; some of it lies on the background. "
        f"{_badge('generated sales')} The shipped model was fitted on drawn garments: train it on your own sales."
    )
    return _section(
        "A merchant sees what will sell", lead, f'<div class="cards wide">{cards}</div>{plot}' if cards else ""
    )


def _design(design: Design, number: int, most: float, pictures: Pictures) -> str:
    one = design.prediction
    low, high, score = (100 * one[name] / most for name in ("errLow", "errHigh", "score"))
    pair = _figure(pictures.src(design.photo, f"design-{number}"), design.title)
    pair += _figure(pictures.src(design.heat, f"design-{number}-heat"), f"{design.title}: heat map")
    bar = (
        f'<div class="interval" role="img" aria-label="{one["errLow"]:.0f} to {one["errHigh"]:.0f} units">'
        f'<i style="left:{low:.1f}%;width:{high - low:.1f}%"></i><b style="left:{score:.1f}%"></b></div>'
    )
    reasons = ", ".join(
        f"{escape(part['name'])} ×{part['factor']:.2f}"
        for part in one["explanation"]["contributions"]
        if part["name"] != "base"
    )
    alike = "".join(
        f"<li>{escape(like['name'])}: {like['units']:.0f} at {like['price']:.2f}, {like['similarity']:.0%} alike</li>"
        for like in one["comparables"][:3]
    )
    return (
        f'<article><div class="pair">{pair}</div><h3>{escape(design.title)}, {one["price"]:.2f}</h3>'
        f"<p><strong>{one['score']:.0f} units</strong>, between {one['errLow']:.0f} and {one['errHigh']:.0f}</p>{bar}"
        f'<p class="soft">{reasons}</p><p class="soft">Sold, and most alike:</p><ul class="soft">{alike}</ul></article>'
    )


def _tryon(worn: Sequence[Worn], pictures: Pictures) -> str:
    # The best first, as the engine's own confidence has it; refused ones last.
    ranked = sorted(worn, key=lambda one: -float(one.quality.get("confidence", -1 if not one.images else 0)))
    cards: list[str] = []
    for number, one in enumerate(ranked):
        images = "".join(
            _figure(pictures.src(one.images[column], f"tryon-{number}-{column}"), f"{one.look.title}: {column}", column)
            for column in (COLUMNS if one.images else ())
        )
        quality = ""
        if "confidence" in one.quality:
            quality = f"; quality {escape(str(one.quality['quality']))}, confidence {one.quality['confidence']:.0%}"
        badge = _badge(one.engine) if one.engine else ""
        cards.append(
            f'<article><h3>{escape(one.look.title)} {badge}</h3><div class="quartet">{images}</div>'
            f'<p class="soft">{escape(one.note)}{quality}</p></article>'
        )
    lead = (
        f"Made on the CPU by the engine of this repository, which makes {_badge('previews')}: fit and folds are drawn "
        "roughly, and what the old clothes hid has to be painted. Where the mask is black, every pixel is the "
        "photo's own."
    )
    return _section("Shoppers try garments on", lead, "".join(cards))


def _conversions(shoppers: Sequence[Shopper], *, emulated: bool) -> str:
    cards = "".join(_conversion(one, emulated=emulated) for one in shoppers)
    lead = "A photo, a garment and a prompt go to Gemini through queues, retries and dead letters."
    if emulated:
        lead += (
            f" {_badge('emulated')} Gemini itself was not called: its emulator pastes the garment over the photo, so "
            "that the way there and back can be seen. Set <code>GEMINI_API_KEY</code> for pictures of the real model."
        )
    return _section("Conversion by Gemini", lead, cards)


def _conversion(shopper: Shopper, *, emulated: bool) -> str:
    images, who = shopper.images, escape(shopper.name)
    seconds = shopper.conversion["processingMs"] / 1000
    result = f"result after {seconds:.1f} s {_badge('emulated') if emulated else ''}"
    roles = {"person": "photo", "garment": "garment", "result": result}
    figures = "".join(_figure(images[f"{role}-optimised"], f"{who}: {role}", text) for role, text in roles.items())
    story = ""
    if shopper.story:
        chips = "".join(f'<span class="{_mood(state)}">{escape(state)}</span>' for state in shopper.story)
        story = f'<p class="soft">The first try met a failing Gemini:</p><div class="states">{chips}</div>'
    return f'<article><h3>{who}</h3>{story}<div class="trio large">{figures}</div></article>'


def _mood(state: str) -> str:
    if state in ("dead", "failed", "retry"):
        return "bad"
    return "good" if state == "completed" else ""


def _mails(mails: Sequence[Mapping[str, Any]], *, emulated: bool) -> str:
    quotes = "".join(_mail(mail) for mail in mails[:MAILS])
    lead = f"The first {min(MAILS, len(mails))} of {len(mails)}."
    if emulated:
        lead += f" {_badge('emulated')} None was delivered: the emulator keeps them."
    return _section("E-mails to shoppers", lead, quotes)


def _mail(mail: Mapping[str, Any]) -> str:
    text = str(mail.get("plainText") or "")
    body = "<br>".join(escape(line) for line in text.strip().splitlines() if line)
    return f"<blockquote><strong>{escape(str(mail.get('subject', '')))}</strong><br>{body}</blockquote>"


def _steps(steps: Steps) -> str:
    rows = "".join(
        f'<li><span class="{"ok" if step.ok else ""}">{"✓" if step.ok else "…"}</span><div>{escape(step.what)}'
        f'<p class="soft">{escape(step.note)}</p></div><span class="ms">{step.ms / 1000:.1f} s</span></li>'
        for step in steps.steps
        if step.name != "page"
    )
    return _section("Every step", "Times are those of this machine.", f'<ol class="steps">{rows}</ol>')
