"""Errors of a try-on: stable codes, the same in an engine, on the wire and in the API's responses.

A try-on that fails with one of them is never billed. What a job does depends on the group:

- The request or its images are at fault (`Unprocessable`): not retryable, the job fails immediately.
- The run failed (`engine_timeout`, `engine_failed`, `engine_bad_answer`, `engine_mismatch`): retryable, each attempt
  counts, and a job without attempts left is dead until it is redriven.
- The container is down, busy or misconfigured (`engine_unavailable`, `engine_busy`, `engine_refused`): retryable, the
  job waits without using attempts until `TRYON_PATIENCE_S` is over. `engine_refused` needs an operator; `health` says
  what is wrong.
"""

from __future__ import annotations

from typing import Any

from shared.errors import StudioError, TooManyRequests, Unprocessable, UpstreamError


class NoPerson(Unprocessable):
    """No person was found in the person image."""

    code = "no_person"


class SeveralPeople(Unprocessable):
    """The person image shows more than one person, so it is not clear whom to dress."""

    code = "several_people"


class PoseNotFound(Unprocessable):
    """The person image shows too little of the body to put the garment on."""

    code = "pose_not_found"


class PoseNotSupported(Unprocessable):
    """The engine can't dress a person in this pose: seen from the side, upside down, lying, or sitting."""

    code = "pose_not_supported"


class GarmentNotFound(Unprocessable):
    """The garment image shows no garment."""

    code = "garment_not_found"


class SeveralGarments(Unprocessable):
    """The garment image shows several garments, so it is not clear which one to put on."""

    code = "several_garments"


class ImageTooSmall(Unprocessable):
    """An image has too few pixels."""

    code = "image_too_small"


class CategoryMismatch(Unprocessable):
    """The garment is not of the requested category, or the person image does not show where it is worn."""

    code = "category_mismatch"


class ContentRefused(Unprocessable):
    """A content policy refused the images."""

    code = "content_refused"


class UnreadableInput(Unprocessable):
    """An image or a mask is missing, can't be decoded, or does not fit the other."""

    code = "input_unreadable"


class UnknownEngine(Unprocessable):
    """The engine does not exist, or this container does not offer it."""

    code = "engine_unknown"


class EngineBusy(TooManyRequests):
    """The container's queue is full; carries `retry_after`."""

    code = "engine_busy"


class EngineTimeout(UpstreamError):
    """The engine or the container did not finish in time."""

    code, status = "engine_timeout", 504


class NoAnswer(EngineTimeout):
    """The container accepts calls and answers none: it hangs, or a proxy holds them until it has started."""


class EngineFailed(UpstreamError):
    """The engine failed on these images; another attempt may succeed."""

    code = "engine_failed"


class EngineUnavailable(UpstreamError):
    """The container does not respond, or something else does: it is down, starting, stopping or scaled to zero."""

    code, status = "engine_unavailable", 503


class BadAnswer(UpstreamError):
    """The response does not follow the protocol."""

    code = "engine_bad_answer"


class EngineRefused(UpstreamError):
    """A setting has to change: the container refuses our token or identity, is not at the configured address, or lacks
    the engine, its weights or its key."""

    code, status = "engine_refused", 503


class EngineMismatch(UpstreamError):
    """The container does not understand the request: it is of another version, as during a rollout."""

    code = "engine_mismatch"


KINDS: dict[str, type[StudioError]] = {
    kind.code: kind
    for kind in (
        NoPerson, SeveralPeople, PoseNotFound, PoseNotSupported, GarmentNotFound, SeveralGarments, ImageTooSmall,
        CategoryMismatch, ContentRefused, UnreadableInput, UnknownEngine, EngineBusy, EngineTimeout, EngineFailed,
        EngineUnavailable, BadAnswer, EngineRefused, EngineMismatch,
    )
}  # fmt: skip
"""Every kind by its code."""


def current_code(code: str) -> str:
    """The code as it is today: documents written before codes were unified hold some in upper case."""
    return code.lower()


def from_code(
    code: str,
    message: str,
    *,
    retryable: bool | None = None,
    retry_after: float | None = None,
    field: str | None = None,
    details: dict[str, Any] | None = None,
) -> StudioError:
    """The error that a code stands for; an unknown code is kept, not retryable unless `retryable` says so."""
    kind = KINDS.get(current_code(code))
    if kind is not None:
        return kind(message, retryable=retryable, retry_after=retry_after, field=field, details=details)
    return UpstreamError(
        message, code=code, retryable=bool(retryable), retry_after=retry_after, field=field, details=details
    )
