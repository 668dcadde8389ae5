"""Conversions of former releases, which had a document and a queue of their own: they stay readable, and one that had
not ended is carried on as a try-on."""

from __future__ import annotations

from typing import Final

from functions.convert.models import Conversion, ConversionList, ConversionsQuery
from shared import audit
from shared.conversions.documents import ConversionDocument, ConversionId, conversions
from shared.errors import Conflict, NotFound
from shared.http.auth import Principal
from shared.http.pages import equals, list_latest
from shared.jobs import control, protocol
from shared.jobs.models import ENDED, Job, RunStatus
from shared.vto.engines import GEMINI, label

FIRST: Final = "former"
"""The continuation that leads from the last try-on to the first conversion of a former release."""
_PREFIX: Final = f"{FIRST}:"


def is_continuation(token: str | None) -> bool:
    """Whether a page goes on among these."""
    return token is not None and (token == FIRST or token.startswith(_PREFIX))


def exist(user: Principal, query: ConversionsQuery) -> bool:
    """Whether the user has any."""
    return bool(list_page(user, query.model_copy(update={"continuation": FIRST, "limit": 1})).items)


def list_page(user: Principal, query: ConversionsQuery) -> ConversionList:
    """A page of them, newest first."""
    token = (query.continuation or FIRST).removeprefix(FIRST).removeprefix(":") or None
    page = list_latest(
        conversions,
        query.model_copy(update={"continuation": token}),
        equals(ConversionDocument.status, query.status),
        partition=user.user_id,
        by=ConversionDocument.created_at,
    )
    more = None if page.continuation is None else _PREFIX + page.continuation
    return ConversionList(items=[view(conversion, None) for conversion in page.items], continuation=more)


def get(user: Principal, id: str) -> Conversion:
    """One of them. Raises NotFound, for another user's too."""
    conversion = _find(user, id)
    return view(conversion, protocol.jobs.find(conversion.job_id, user.user_id))


def cancel(user: Principal, id: str) -> Conversion:
    """Ask that one stop. Raises NotFound; Conflict if it has ended."""
    conversion = _find(user, id)
    job = protocol.load(conversion.job_id, user.user_id)
    if conversion.status in ENDED:
        raise Conflict(f"the conversion is {conversion.status} already", code="job_ended")
    job = control.request_cancel(job)
    audit.record(user.user_id, "CONVERSION_CANCELLED", subject=id)
    return view(conversion, job)


def _find(user: Principal, id: str) -> ConversionDocument:
    conversion = conversions.find(ConversionId.of(id), user.user_id)
    if conversion is None:
        raise NotFound("there is no such conversion", code="conversion_not_found")
    return conversion


def view(conversion: ConversionDocument, job: Job | None) -> Conversion:
    """One as a response; all of them are by Gemini."""
    return Conversion.of(
        conversion,
        engine=GEMINI,
        engine_label=label(GEMINI),
        billed=conversion.charged and conversion.status is RunStatus.COMPLETED,
        progress=job.progress if job else None,
        attempt=job.attempt if job else 0,
    )
