"""Upload forms (`multipart/form-data`, RFC 7578): python-multipart splits the body, the standard library reads headers.

Clients write names as they please: quoted or not, in UTF-8, Windows-1252 or GBK, or percent-encoded (RFC 5987).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING, Final

from shared import text
from shared.errors import BadRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_PARTS: Final = 10
MAX_FIELD_BYTES: Final = 8 * 1024
_WIDE_RUN = re.compile(rb"[\x81-\xfe]+")


@dataclass
class Part:
    """One part of a form. `filename` is None for a field."""

    disposition: str = ""
    chunks: list[bytes] = field(default_factory=list[bytes])
    name: str = ""
    filename: str | None = None

    @property
    def data(self) -> bytes:
        """Its body."""
        return b"".join(self.chunks)


def read(body: bytes, content_type: str) -> list[Part]:
    """The parts of a form, in their order; none of a body in which the boundary does not occur.

    Raises:
        BadRequest: `bad_multipart`, there are too many parts, or the body ends in the middle of one.
    """
    boundary = _header(content_type).get_boundary()
    if boundary is None or f"--{boundary}".encode("latin-1", "replace") not in body:
        return []
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser

    collector = _Collector()
    try:
        parser = MultipartParser(boundary.encode("latin-1", "replace"), collector.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise _unreadable() from None
    if not collector.complete:
        raise _unreadable()
    for part in collector.parts:
        disposition = _header(part.disposition)
        part.name = _parameter(disposition, "name") or ""
        part.filename = _parameter(disposition, "filename")
    return collector.parts


class _Collector:
    """What the parser calls while it goes through a body."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.complete = False
        self._name = self._value = b""

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_part_data": lambda data, start, end: self.parts[-1].chunks.append(data[start:end]),
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.parts) >= MAX_PARTS:
            raise BadRequest(f"send at most {MAX_PARTS} parts, one of them named `file`", code="bad_multipart")
        self.parts.append(Part())

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self.parts[-1].disposition = self._value.decode("latin-1")
        self._name = self._value = b""

    def _end(self) -> None:
        self.complete = True


def _header(value: str) -> Message:
    message = Message()
    message.add_header("Content-Type", value)
    return message


def _parameter(header: Message, name: str) -> str | None:
    """A parameter of a header; the percent-encoded form (`name*`) counts more than the plain one."""
    found: str | None = None
    for key, value in header.get_params(failobj=[]):
        if key.lower() != name:
            continue
        if isinstance(value, tuple):
            charset, _, encoded = value
            return _decoded(encoded.encode("latin-1", "replace"), charset)
        if found is None:
            found = _decoded(value.encode("latin-1", "replace"))
    return found


def _decoded(data: bytes, charset: str | None = None) -> str:
    if charset:
        try:
            return data.decode(charset)
        except (LookupError, UnicodeDecodeError):
            pass
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    # Two bytes a character, and several of them in a row: Chinese. European names have such bytes one by one.
    runs = [len(run) for run in _WIDE_RUN.findall(data)]
    if max(runs, default=0) >= 4 and not any(length % 2 for length in runs):
        try:
            return data.decode("gb18030")
        except UnicodeDecodeError:
            pass
    return text.decode(data, fallback="cp1252")


def field_text(part: Part) -> str:
    """The text of a field. Raises BadRequest, `bad_multipart`, if it is too long."""
    if len(part.data) > MAX_FIELD_BYTES:
        raise BadRequest(
            f"a field has at most {MAX_FIELD_BYTES} bytes", code="bad_multipart", field=part.name[:64]
        )  # fmt: skip
    return text.line(_decoded(part.data))


def _unreadable() -> BadRequest:
    return BadRequest("the multipart body can't be read", code="bad_multipart")
