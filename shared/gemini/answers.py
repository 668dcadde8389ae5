"""Reading an answer by what it holds: the picture, or why there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from shared import base64_data, telemetry
from shared.errors import StudioError
from shared.gemini import errors
from shared.gemini.errors import PROVIDER
from shared.provider_errors import Blame, ProviderError

_UNNAMED: Final = ("", "application/octet-stream")
"""Types of a picture whose type is not said."""
_DATA_URI: Final = re.compile(r"data:(image/[a-z0-9.+-]+)[^,]{0,100};base64,([A-Za-z0-9+/_=\r\n-]+)", re.IGNORECASE)
_SNAKE: Final = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")


@dataclass(frozen=True)
class InlineImage:
    """An encoded image and its content type, as a call carries it."""

    data: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True)
class GeneratedImage(InlineImage):
    """What the model made; `tokens` is what it charged. It is as foreign as an upload."""

    tokens: int = 0


def read_image(answer: object) -> GeneratedImage:
    """The picture of an answer of `generateContent`, which may also be a list of a stream's chunks.

    Models that think draw drafts before the result, so the last picture counts. Some answers mark every picture as a
    thought; then the last of those is the result. A reason to end that is not the user's or ours does not discard a
    picture that is there, and nor does a field that it does not need, whatever is in it.

    Raises:
        StudioError: of the tables in `shared.gemini.errors`; there is no picture, or it is refused.
    """
    chunks = [_fields(chunk) for chunk in (_items(answer) or [answer])]
    blocked = next(
        filter(None, (_name(_fields(chunk.get("promptFeedback")).get("blockReason")) for chunk in chunks)), ""
    )
    if blocked in errors.BLOCK_REASONS:
        raise _refusal(errors.BLOCK_REASONS[blocked], blocked)
    candidates = [_fields(candidate) for chunk in chunks for candidate in _items(chunk.get("candidates"))]
    rows = [_row(candidate) for candidate in candidates]
    unreadable = False
    for candidate, row in zip(candidates, rows, strict=True):
        shown = list(_pictures(candidate)) if row.blame is Blame.TRANSIENT else []
        read = [(thought, picture) for thought, picture in shown if picture is not None]
        unreadable = unreadable or len(read) < len(shown)
        results = [picture for thought, picture in read if not thought] or [picture for _, picture in read]
        if results:
            return GeneratedImage(results[-1].data, results[-1].content_type, max(map(_tokens, chunks)))
    if unreadable:
        raise _refusal(errors.UNREADABLE, "base64")
    if not candidates:
        raise _refusal(errors.UNKNOWN_ANSWER, blocked or "no candidate")
    blamed = next((n for n, row in enumerate(rows) if row.blame is not Blame.TRANSIENT), 0)
    raise _refusal(rows[blamed], _name(candidates[blamed].get("finishReason")))


def _row(candidate: Mapping[str, object]) -> ProviderError:
    if any(_fields(rating).get("blocked") is True for rating in _items(candidate.get("safetyRatings"))):
        return errors.FINISH_REASONS["SAFETY"]
    reason = _name(candidate.get("finishReason")) or "FINISH_REASON_UNSPECIFIED"
    return errors.FINISH_REASONS.get(reason, errors.UNKNOWN_ANSWER)


def _pictures(candidate: Mapping[str, object]) -> Iterator[tuple[bool, InlineImage | None]]:
    """Whether each is a thought, and the picture; None for one that can't be read. Gateways put one into the text, as a
    data URI."""
    for part in map(_fields, _items(_fields(candidate.get("content")).get("parts"))):
        inline, text = _fields(part.get("inlineData")), part.get("text")
        kind, data = _name(inline.get("mimeType")), inline.get("data")
        uri = _DATA_URI.search(text) if isinstance(text, str) and not inline else None
        if uri is not None:
            kind, data = uri[1], uri[2]
        if not isinstance(data, str) or not data:
            continue
        if head := _DATA_URI.match(data):
            kind = kind if kind.lower() not in _UNNAMED else head[1]
        if kind.lower().startswith("image/") or kind.lower() in _UNNAMED:
            yield part.get("thought") is True, _decoded(data, kind)


def _decoded(data: str, kind: str) -> InlineImage | None:
    try:
        decoded = base64_data.decode(data)
    except ValueError:
        return None
    return InlineImage(decoded, kind) if decoded else None


def _tokens(chunk: Mapping[str, object]) -> int:
    total = str(_fields(chunk.get("usageMetadata")).get("totalTokenCount", ""))
    return int(total) if total.isascii() and total.isdigit() and len(total) < 10 else 0


def _fields(value: object) -> Mapping[str, object]:
    """The fields of a JSON object by their names in camel case, as JSON of protocol buffers may also have them in snake
    case; none of anything else."""
    if not isinstance(value, Mapping):
        return {}
    fields = cast("Mapping[str, object]", value)
    return {_SNAKE.sub(lambda found: found[1].upper(), name): field for name, field in fields.items()}


def _items(value: object) -> Sequence[object]:
    return cast("list[object]", value) if isinstance(value, list) else ()


def _refusal(row: ProviderError, reason: str) -> StudioError:
    telemetry.log("gemini.no_picture", level="warning", reason=reason, blame=row.blame)
    return row.to_error(PROVIDER)


def _name(reason: object) -> str:
    """A reason or a type as text; empty for none."""
    return "" if reason is None else str(reason)
