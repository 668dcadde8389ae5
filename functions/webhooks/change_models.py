"""Requests and answers of the endpoints of outbound webhooks that there are already."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from functions.webhooks.models import Event, Webhook, distinct
from shared.http.models import Answer, Body
from shared.shown import Shown


class WebhookChange(Body):
    """Changes of an endpoint; a field left out keeps its value."""

    url: str | None = Field(default=None, min_length=1, max_length=2048)
    events: Annotated[list[Event], AfterValidator(distinct)] | None = Field(default=None, min_length=1, max_length=6)
    description: Annotated[str, StringConstraints(max_length=200), Shown] | None = None
    status: Literal["active", "disabled"] | None = Field(
        default=None, description="active: deliver again, also to an endpoint that was disabled for answering 410"
    )


class WebhookList(Answer):
    """All endpoints of the customer."""

    items: list[Webhook]
