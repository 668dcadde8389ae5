"""`demo/out/index.html`: what the demo made, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.analytics import PLOT
from demo.analytics import SHEET as ANALYTICS_SHEET
from demo.search import SHEET as SEARCH_SHEET
from demo.tryon import SHEET as TRYON_SHEET
from demo.vendor import SHEET

if TYPE_CHECKING:
    from demo.play import Shopper
    from demo.steps import Steps

STYLE = (Path(__file__).parent / "page.css").read_text()


def write_page(out: Path, shoppers: Sequence[Shopper], steps: Steps, mails: Sequence[dict[str, Any]]) -> list[str]:
    """Write the page; returns the paths of everything shown, the page first."""
    served = [shopper for shopper in shoppers if "result-optimised" in shopper.images]
    parts = [_card(shopper) for shopper in served]
    parts.append(_tryon(out))
    parts.append(_vendor(out))
    parts.append(_search(out))
    parts.append(_merchant(out))
    parts.append(_mails(mails))
    parts.append(_steps(steps))
    total = sum(step.ms for step in steps.steps) / 1000
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>AI Fashion Studio: the demo</title><style>{STYLE}</style></head><body><main>
<h1>AI Fashion Studio</h1>
<p class="soft">Uploaded, converted, notified: {len(steps.steps)} steps in {total:.0f} seconds on this machine, through
the real Functions runtime, real queues and the providers' real SDKs.</p>
{"".join(parts)}
</main></body></html>
"""
    page = out / "index.html"
    page.write_text(html)
    files = [
        name for shopper in served for key, name in shopper.images.items() if key.endswith(("optimised", "thumbnail"))
    ]
    return [str(page), *(str(out / name) for name in files)]


def _card(shopper: Shopper) -> str:
    who = escape(shopper.name)
    images = shopper.images

    def figure(role: str, caption: str) -> str:
        thumbnail = f'<img src="{images[f"{role}-thumbnail"]}" alt="thumbnail"> {caption}'
        picture = f'<img src="{images[f"{role}-optimised"]}" alt="{caption}">'
        return f"<figure>{picture}<figcaption>{thumbnail}</figcaption></figure>"

    story = ""
    if shopper.story:
        chips = "".join(f'<span class="{_mood(state)}">{escape(state)}</span>' for state in shopper.story)
        story = f'<p class="soft">Her first try met a failing Gemini:</p><div class="states">{chips}</div>'
    made = f"result, {shopper.conversion['processingMs'] / 1000:.1f} s after the worker took it up"
    return f"""<section><h2>{who}</h2>{story}
<div class="flow">{figure("person", "selfie")}<div class="sign">+</div>{figure("garment", "garment")}
<div class="sign">=</div>{figure("result", made)}</div></section>"""


def _tryon(out: Path) -> str:
    if not (out / TRYON_SHEET).is_file():
        return ""
    return f"""<section><h2>Tried on</h2><p class="soft">Person, garment, mask and result of the container's engine.
Where the mask is black every pixel is the photo's own.</p><img src="{TRYON_SHEET}" alt="try-on sheet"
style="width:100%"></section>"""


def _vendor(out: Path) -> str:
    if not (out / SHEET).is_file():
        return ""
    return f"""<section><h2>What a vendor dropped</h2><p class="soft">Photo, mask and cut-out of each product, what the
model calls it, and the colours measured inside its mask.</p><img src="{SHEET}" alt="contact sheet" style="width:100%">
</section>"""


def _search(out: Path) -> str:
    if not (out / SEARCH_SHEET).is_file():
        return ""
    return f"""<section><h2>What a shopper found</h2><p class="soft">By words, by a photo, by both: the small models of
this repository know a list of words, and measure colours instead of reading them from the product.</p>
<img src="{SEARCH_SHEET}" alt="queries and results" style="width:100%"></section>"""


def _merchant(out: Path) -> str:
    if not (out / ANALYTICS_SHEET).is_file():
        return ""
    return f"""<section><h2>What a merchant sees</h2><p class="soft">Three designs, what moves their prediction, and
how sure it is. The shipped model was fitted on generated sales of drawn garments: it shows the machinery, not a
market.</p>
<img src="{ANALYTICS_SHEET}" alt="predictions" style="width:100%">
<img src="{PLOT}" alt="calibration plot" style="width:100%"></section>"""


def _mood(state: str) -> str:
    if state in ("dead", "failed", "retry"):
        return "bad"
    return "good" if state == "completed" else ""


def _mails(mails: Sequence[dict[str, Any]]) -> str:
    if not mails:
        return ""
    quotes = []
    for mail in mails:
        subject, text = str(mail.get("subject", "")), str(mail.get("plainText") or mail.get("text") or "")
        body = "<br>".join(escape(line) for line in text.strip().splitlines() if line)
        quotes.append(f"<blockquote><strong>{escape(subject)}</strong><br>{body}</blockquote>")
    return f"<section><h2>The e-mails they got</h2>{''.join(quotes)}</section>"


def _steps(steps: Steps) -> str:
    rows = "".join(
        f'<tr><td class="ok">{"✓" if step.ok else "…"}</td><td>{escape(step.what)}</td>'
        f'<td class="soft">{escape(step.note)}</td><td class="ms">{step.ms / 1000:.1f} s</td></tr>'
        for step in steps.steps
        if step.name != "page"
    )
    return f"<section><h2>What happened</h2><table>{rows}</table></section>"
