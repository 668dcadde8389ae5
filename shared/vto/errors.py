"""What can go wrong with a try-on: stable codes, the same in an engine, on the wire and in the API's answers.

None of these is ever billed. There are three sorts, by what a job does with them:

- What only other pictures, or another request, can mend (`Unprocessable`): not retryable, the job fails at once.
- What is broken for now (`ENGINE_TIMEOUT`, `ENGINE_FAILED`, `ENGINE_BAD_ANSWER`, `ENGINE_MISMATCH`): retryable, each
  try uses an attempt up, and a job without attempts is dead: it can be tried again.
- What is away, busy or set up wrongly (`ENGINE_UNAVAILABLE`, `ENGINE_BUSY`, `ENGINE_REFUSED`): retryable, the job waits
  and uses no attempts up until `TRYON_PATIENCE_S` is over. `ENGINE_REFUSED` is for an operator to mend; `health` says
  what is wrong.
"""

from __future__ import annotations

from shared.errors import StudioError, TooManyRequests, Unprocessable, UpstreamError


class NoPerson(Unprocessable):
    """Nobody is to be seen in the person's photo."""

    code = "NO_PERSON"


class SeveralPeople(Unprocessable):
    """More than one person is in the person's photo, so it is not clear whom to dress."""

    code = "SEVERAL_PEOPLE"


class PoseNotFound(Unprocessable):
    """Somebody is there, but not enough of the body to put a garment on."""

    code = "POSE_NOT_FOUND"


class GarmentNotFound(Unprocessable):
    """No garment is to be seen in the garment's photo."""

    code = "GARMENT_NOT_FOUND"


class ImageTooSmall(Unprocessable):
    """A photo has too few pixels to work with."""

    code = "IMAGE_TOO_SMALL"


class CategoryMismatch(Unprocessable):
    """The garment is not of the category it was said to be, or the person lacks the place for it."""

    code = "CATEGORY_MISMATCH"


class ContentRefused(Unprocessable):
    """A content policy refused the photos."""

    code = "CONTENT_REFUSED"


class UnreadableInput(Unprocessable):
    """A photo or a mask is missing, is no picture, or does not fit the other."""

    code = "INPUT_UNREADABLE"


class UnknownEngine(Unprocessable):
    """No such engine, or this container was not set up for it."""

    code = "ENGINE_UNKNOWN"


class EngineBusy(TooManyRequests):
    """The queue is full, or the container is about to stop; carries `retry_after`."""

    code = "ENGINE_BUSY"


class EngineTimeout(UpstreamError):
    """The engine or the container did not end in time."""

    code, status = "ENGINE_TIMEOUT", 504


class NoAnswer(EngineTimeout):
    """The container takes calls and answers none: it hangs, or a proxy holds them until it has started."""


class EngineFailed(UpstreamError):
    """The engine broke on these inputs; another try may succeed."""

    code = "ENGINE_FAILED"


class EngineUnavailable(UpstreamError):
    """Nobody answers, or what answers is no container of ours: down, starting, or scaled to zero."""

    code, status = "ENGINE_UNAVAILABLE", 503


class BadAnswer(UpstreamError):
    """What answered is not what the protocol says."""

    code = "ENGINE_BAD_ANSWER"


class EngineRefused(UpstreamError):
    """Somebody has to change a setting: the container refuses our token or identity, is not where it is said to be,
    or lacks the engine, its weights or its key."""

    code, status = "ENGINE_REFUSED", 503


class NotUnderstood(UpstreamError):
    """The container does not understand what we say: it is of another version, as while a new one is rolled out."""

    code = "ENGINE_MISMATCH"


KINDS: dict[str, type[StudioError]] = {
    kind.code: kind
    for kind in (
        NoPerson, SeveralPeople, PoseNotFound, GarmentNotFound, ImageTooSmall, CategoryMismatch, ContentRefused,
        UnreadableInput, UnknownEngine, EngineBusy, EngineTimeout, EngineFailed, EngineUnavailable, BadAnswer,
        EngineRefused, NotUnderstood,
    )
}  # fmt: skip
"""Every kind by its code."""
