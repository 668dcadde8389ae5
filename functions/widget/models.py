"""Requests and answers of the widget."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from shared.http.models import Answer, Body
from shared.jobs.models import RunStatus


class VisitRequest(Body):
    """A visit to start."""

    may_be_missing: ClassVar[bool] = True

    keep: bool = Field(default=False, description="keep photo and results for `WIDGET_KEEP_DAYS`, for later visits")


class WidgetTerms(Answer):
    """What the widget tells a shopper before a visit starts."""

    visit_s: int = Field(description="seconds after which a visit ends and everything of it is deleted")
    keep_days: int = Field(description="days that a visit lasts instead if the shopper keeps the photo")


class VisitTryOnRequest(Body):
    """What to try on."""

    product: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="id of a product on sale in the shop of the key's owner, or its article number (SKU)"
    )


class VisitTryOnError(Answer):
    """Why a try-on failed."""

    code: str
    message: str


class VisitTryOn(Answer):
    """The latest try-on of a visit."""

    id: str
    product_id: str
    status: RunStatus
    preview: bool = Field(description="whether the engine makes previews and no photos")
    output_url: str | None = Field(description="the result; signed, valid for minutes")
    width: int | None = Field(description="pixels")
    height: int | None = Field(description="pixels")
    error: VisitTryOnError | None


class Visit(Answer):
    """A visit."""

    kept: bool
    expires_at: str = Field(description="when everything of the visit is deleted, unless it is ended before")
    has_photo: bool
    photo_url: str | None = Field(description="the photo as a small copy; signed, valid for minutes")
    tryons_left: int
    tryon: VisitTryOn | None


class VisitStarted(Visit):
    """A visit and its token, which no other answer contains."""

    token: str = Field(description="send it as `Authorization: Bearer` to `widget/...`; no other route takes it")
