"""What the index raises; callers see each under its code."""

from __future__ import annotations

from shared.errors import Conflict, Gone, NotFound, Unavailable, Unprocessable


class IndexModelMismatch(Unavailable):
    """The index was built by another model than the one that runs here: a rebuild, or a newer worker, answers."""

    code = "index_model_mismatch"


class IndexBehind(Unavailable):
    """The write that the caller knows of has not arrived here yet."""

    code = "index_behind"


class CursorExpired(Gone):
    """The version that a cursor belongs to is not kept any more: search again."""

    code = "cursor_expired"


class BadCursor(Unprocessable):
    """Not a cursor of ours, or one of another query."""

    code = "bad_cursor"


class VersionNotFound(NotFound):
    """There is no such version of the index, or it is not kept any more."""

    code = "index_version_not_found"


class PublishConflict(Conflict):
    """Another process published while this version was built: build again from its version if still needed."""

    code, retryable = "index_published_meanwhile", True


class IndexRefused(Unavailable):
    """A version that is incomplete, changed or below the floor of its self-test; nothing was switched to it."""

    code = "index_refused"
