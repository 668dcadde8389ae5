"""A vendor's feed whose titles carry markup, control characters and formulas: what each place that shows them gets."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Final
from xml.sax.saxutils import escape

import pytest

from functions.catalogue.feed_kinds import read_feed
from functions.catalogue.feed_products import Prices, products_of
from shared.errors import Unprocessable
from shared.notifications.documents import NotificationDocument
from shared.notifications.templates import html_body
from shared.tables import csv_file
from shared.tables.format import TableFormat

TITLES: Final = (
    "<img src=x onerror=alert(1)>Shirt",
    "&lt;img src=x onerror=alert(1)&gt;Shirt",
    "&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;Shirt",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "<<b>script>alert(1)<</b>/script>",
    "Shirt</script><script>alert(1)</script>",
    "'\"><svg onload=alert(1)>Shirt",
    "{{7*7}} ${7*7} Shirt",
    "Shirt\r\nBcc: everyone@shop.example",
    "Sh\x1b[31mirt\x07",
    "Shi\u202etxt\u2066r\u200bt",
    "Shirt\u2028second\u0085third",
    '\u200b=HYPERLINK("https://evil.example")',
    "@SUM(1)",
    "-2+3",
)


class Tags(HTMLParser):
    """The tags of a page, with the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


def tags(page: str) -> list[tuple[str, tuple[str, ...]]]:
    parser = Tags()
    parser.feed(page)
    return parser.found


def table(title: str) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([("sku", "title"), ("A", title)])
    return out.getvalue().encode()


def google(title: str) -> bytes:
    # XML has no control characters.
    shown = "".join(character for character in title if character >= " " or character in "\r\n")
    return (
        '<rss xmlns:g="http://base.google.com/ns/1.0"><channel><item><g:id>A</g:id>'
        f"<g:title>{escape(shown)}</g:title></item></channel></rss>"
    ).encode()


def imported(file: bytes) -> str | None:
    """The title that a product gets; None where the row is refused."""
    feed = read_feed(file, TableFormat())
    (one,) = products_of(feed, Prices.of(feed, "auto", "EUR"))
    return one.change.title if one.change is not None and not one.problems else None


def mail(subject: str) -> NotificationDocument:
    return NotificationDocument.model_construct(subject=subject, text=f"About {subject}.", link="https://shop.example")


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("file", [table, google])
def test_a_title_is_one_line_of_visible_text_everywhere(file: Callable[[str], bytes], title: str) -> None:
    stored = imported(file(title))
    if stored is None:
        return
    assert stored.isprintable() and len(stored.splitlines()) == 1, repr(stored)
    # Markup that was escaped stays as text: the e-mail has no tag, and no attribute, that a harmless title has not.
    assert tags(html_body(mail(stored))) == tags(html_body(mail("Shirt")))
    (_, (cell,)) = csv.reader(io.StringIO(csv_file.write(("title",), [(stored,)]).decode("utf-8-sig")))
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


def test_markup_is_no_part_of_a_title() -> None:
    assert imported(table(TITLES[0])) == "Shirt"
    assert imported(table(TITLES[5])) == "Shirt"


def test_a_zero_byte_ends_an_import() -> None:
    with pytest.raises(Unprocessable):
        imported(table("Sh\x00irt"))
