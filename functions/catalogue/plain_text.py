"""Text of a page's markup: what a shop system exports as HTML, as the lines a reader sees."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--")
_BREAKS: Final = (
    "address", "article", "blockquote", "br", "div", "dd", "dl", "dt", "figure", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "li", "ol", "p", "pre", "section", "table", "tr", "ul",
)  # fmt: skip
_UNREAD: Final = ("script", "style", "template", "noscript", "iframe", "object", "svg", "title")


def plain_text(text: str) -> str:
    """Text without its markup; scripts and styles with what is in them. Text without markup stays as it is."""
    if _TAG.search(text) is None:
        return text
    reader = _Reader()
    reader.feed(text)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).split("\n"))
    return "\n".join(line for line in lines if line)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNREAD:
            self._unread += 1
        elif tag in _BREAKS:
            self.pieces.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BREAKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNREAD:
            self._unread = max(0, self._unread - 1)
        elif tag in _BREAKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.pieces.append(data if self.pieces else data.lstrip())
