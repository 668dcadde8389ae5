"""Reading an answer by what it holds: the picture, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shared import telemetry
from shared.errors import StudioError
from shared.gemini import errors
from shared.gemini.errors import PROVIDER
from shared.provider_errors import Blame, ProviderError

if TYPE_CHECKING:
    from google.genai.types import Candidate, GenerateContentResponse, Part


_UNNAMED: Final = ("", "application/octet-stream")
"""Types of a picture whose type is not said."""


@dataclass(frozen=True)
class InlineImage:
    """An encoded image and its content type, as a call carries it."""

    data: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True)
class GeneratedImage(InlineImage):
    """What the model made; `tokens` is what it charged. It is as foreign as an upload."""

    tokens: int = 0


def read_image(response: GenerateContentResponse) -> GeneratedImage:
    """The picture of a response.

    Models that think draw drafts before the result, so the last picture counts. Some answers mark every picture as a
    thought; then the last of those is the result. A reason to end that is not the user's or ours does not discard a
    picture that is there.

    Raises:
        StudioError: of the tables in `shared.gemini.errors`; there is no picture, or it is refused.
    """
    blocked = _name(response.prompt_feedback.block_reason) if response.prompt_feedback else ""
    if blocked in errors.BLOCK_REASONS:
        raise _refusal(errors.BLOCK_REASONS[blocked], blocked)
    candidates = response.candidates or []
    rows = [_row(candidate) for candidate in candidates]
    for candidate, row in zip(candidates, rows, strict=True):
        part = None if row.blame is not Blame.TRANSIENT else _picture(candidate)
        if part is not None and part.inline_data is not None:
            usage = response.usage_metadata
            tokens = (usage.total_token_count or 0) if usage else 0
            return GeneratedImage(part.inline_data.data or b"", part.inline_data.mime_type or "", tokens)
    if not candidates:
        raise _refusal(errors.UNKNOWN_ANSWER, blocked or "no candidate")
    blamed = next((n for n, row in enumerate(rows) if row.blame is not Blame.TRANSIENT), 0)
    raise _refusal(rows[blamed], _name(candidates[blamed].finish_reason))


def _row(candidate: Candidate) -> ProviderError:
    if any(rating.blocked for rating in candidate.safety_ratings or []):
        return errors.FINISH_REASONS["SAFETY"]
    reason = _name(candidate.finish_reason) or "FINISH_REASON_UNSPECIFIED"
    return errors.FINISH_REASONS.get(reason, errors.UNKNOWN_ANSWER)


def _picture(candidate: Candidate) -> Part | None:
    shown = list(_pictures(candidate))
    results = [part for part in shown if not part.thought] or shown
    return results[-1] if results else None


def _pictures(candidate: Candidate) -> Iterator[Part]:
    for part in (candidate.content.parts or []) if candidate.content else []:
        if part.inline_data and part.inline_data.data:
            kind = (part.inline_data.mime_type or "").lower()
            if kind.startswith("image/") or kind in _UNNAMED:
                yield part


def _refusal(row: ProviderError, reason: str) -> StudioError:
    telemetry.log("gemini.no_picture", level="warning", reason=reason, blame=row.blame)
    return row.to_error(PROVIDER)


def _name(reason: object) -> str:
    """A reason as text: an enumeration's value, or one that the SDK does not know."""
    return str(getattr(reason, "value", reason or ""))
