"""A customer's endpoints and what was delivered to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functions.webhooks import signing, target
from functions.webhooks.models import (
    DeliveriesQuery,
    Delivery,
    DeliveryList,
    Webhook,
    WebhookChange,
    WebhookList,
    WebhookRequest,
    WebhookWithSecret,
)
from shared import audit, clock, webhooks
from shared.documents import Create, Document, Patch, Where, store
from shared.errors import (
    BatchFailed,
    Conflict,
    DocumentNotFound,
    NotFound,
    PreconditionFailed,
    Unprocessable,
    UpstreamError,
)
from shared.http.auth import Principal
from shared.http.pages import latest
from shared.jobs import protocol
from shared.settings import settings

CONTAINER = webhooks.CONTAINER
RACES = 5


def register(user: Principal, id: str, wanted: WebhookRequest) -> WebhookWithSecret:
    """Make an endpoint; its secret is told here and never again.

    Raises:
        Unprocessable: `webhook_url`, see `target.resolve`; `webhook_unresolved`, the name has no address.
        Conflict: the customer has as many endpoints as one may have.
    """
    _check(wanted.url)
    limit = settings().webhook_max_endpoints
    if store().count(CONTAINER, Where("type", "=", "webhook"), partition=user.user_id) >= limit:
        raise Conflict(f"{limit} endpoints at most: delete one first", code="too_many_webhooks")
    at = clock.iso()
    endpoint = store().create(
        CONTAINER,
        {
            "id": f"webhook:{id}",
            "userId": user.user_id,
            "type": "webhook",
            "url": wanted.url,
            "events": list(wanted.events),
            "description": wanted.description,
            "status": webhooks.ACTIVE,
            "disabledReason": None,
            "keys": [{"secret": signing.new_secret(), "until": None}],
            "createdAt": at,
            "updatedAt": at,
        },
    )
    audit.record(user.user_id, "WEBHOOK_REGISTERED", subject=id)
    return _with_secret(endpoint)


def endpoints(user: Principal) -> WebhookList:
    """All endpoints of the customer, the oldest first, without their secrets."""
    found = store().query(CONTAINER, Where("type", "=", "webhook"), partition=user.user_id, limit=100).items
    return WebhookList(items=[Webhook(**_facts(endpoint)) for endpoint in found])


def endpoint(user: Principal, id: str) -> Webhook:
    """One of them. Raises NotFound, for a foreign one too."""
    return Webhook(**_facts(_find(user, id)))


def change(user: Principal, id: str, wanted: WebhookChange) -> Webhook:
    """Change an endpoint: its URL, its events, whether it is delivered to.

    Raises:
        NotFound.
        Unprocessable: see `register`.
        Conflict: it is being changed elsewhere; retryable.
    """
    if wanted.url is not None:
        _check(wanted.url)
    given = wanted.model_dump(exclude_none=True)

    def alter(found: Document) -> None:
        found |= given
        if wanted.status is not None:
            found["disabledReason"] = None if wanted.status == webhooks.ACTIVE else "its owner disabled it"

    changed = _change(user, id, alter)
    audit.record(user.user_id, "WEBHOOK_CHANGED", subject=id, fields=sorted(given))
    return Webhook(**_facts(changed))


def remove(user: Principal, id: str) -> None:
    """Delete an endpoint; deliveries still on their way to it fail. Raises NotFound."""
    found = _find(user, id)
    try:
        store().delete(CONTAINER, found["id"], user.user_id)
    except DocumentNotFound:
        return
    audit.record(user.user_id, "WEBHOOK_DELETED", subject=id)


def rotate(user: Principal, id: str) -> WebhookWithSecret:
    """Give an endpoint a new secret; the one before still signs for `WEBHOOK_ROTATION_HOURS`.

    Raises:
        NotFound.
        Conflict: it is being changed elsewhere; retryable.
    """
    until = clock.now() + settings().webhook_rotation_hours * 3600

    def turn(found: Document) -> None:
        fresh = {"secret": signing.new_secret(), "until": None}
        found["keys"] = [fresh, {**found["keys"][0], "until": until}]

    changed = _change(user, id, turn)
    audit.record(user.user_id, "WEBHOOK_ROTATED", subject=id)
    return _with_secret(changed)


def deliveries(user: Principal, query: DeliveriesQuery) -> DeliveryList:
    """What was delivered in the last 30 days, newest first, without bodies."""
    hook = f"webhook:{query.webhook_id}" if query.webhook_id else None
    page = latest(CONTAINER, query, partition=user.user_id, type="delivery", webhookId=hook, status=query.status)
    return DeliveryList(items=[_delivery(found) for found in page.items], continuation=page.continuation)


def delivery(user: Principal, id: str) -> Delivery:
    """One delivery with its body. Raises NotFound, for a foreign one too."""
    found = _find_delivery(user, id)
    return _delivery(found).model_copy(update={"body": found["body"]})


def replay(user: Principal, id: str, request_id: str) -> Delivery:
    """Send a delivery that has ended once more: same event id, same body, new signature.

    Raises:
        NotFound.
        Conflict: it is on its way, or its endpoint is gone or disabled.
    """
    found = _find_delivery(user, id)
    addressee = store().find(CONTAINER, found["webhookId"], user.user_id)
    if addressee is None or addressee["status"] != webhooks.ACTIVE:
        raise Conflict("the endpoint is gone or disabled", code="webhook_gone")
    job = webhooks.delivery_job(found, request_id)
    again = {"status": "queued", "jobId": job["id"], "error": None, "updatedAt": clock.iso()}
    ended = (Where("status", "in", ["completed", "failed", "cancelled"]),)
    try:
        fresh = store().batch(CONTAINER, user.user_id, [Patch(found["id"], set=again, where=ended), Create(job)])[0]
    except BatchFailed as failure:
        if isinstance(failure.cause, PreconditionFailed):
            raise Conflict("the delivery is on its way", code="delivery_open", retryable=True) from None
        raise
    protocol.enqueue(job)
    audit.record(user.user_id, "WEBHOOK_REPLAYED", subject=id)
    return _delivery(fresh)


def _check(url: str) -> None:
    try:
        target.resolve(url)
    except UpstreamError as error:
        raise Unprocessable(error.message, code=error.code, field="url") from None


def _find(user: Principal, id: str) -> Document:
    found = store().find(CONTAINER, f"webhook:{id}", user.user_id)
    if found is None:
        raise NotFound("there is no such webhook", code="webhook_not_found")
    return found


def _find_delivery(user: Principal, id: str) -> Document:
    found = store().find(CONTAINER, f"delivery:{id}", user.user_id)
    if found is None:
        raise NotFound("there is no such delivery", code="delivery_not_found")
    return found


def _change(user: Principal, id: str, alter: Callable[[Document], None]) -> Document:
    for _ in range(RACES):
        found = _find(user, id)
        etag = found.etag
        alter(found)
        found["updatedAt"] = clock.iso()
        try:
            return store().replace(CONTAINER, found, etag=etag)
        except (PreconditionFailed, DocumentNotFound):
            continue
    raise Conflict("the webhook is being changed elsewhere: try again", code="webhook_busy", retryable=True)


def _facts(found: Document) -> dict[str, Any]:
    until = max((key["until"] for key in found["keys"] if key["until"]), default=0)
    return {
        "id": found["id"].removeprefix("webhook:"),
        "url": found["url"],
        "events": found["events"],
        "description": found["description"],
        "status": found["status"],
        "disabled_reason": found["disabledReason"],
        "previous_secret_until": clock.iso(until) if until > clock.now() else None,
        "created_at": found["createdAt"],
        "updated_at": found["updatedAt"],
    }


def _with_secret(found: Document) -> WebhookWithSecret:
    return WebhookWithSecret(**_facts(found), secret=found["keys"][0]["secret"])


def _delivery(found: Document) -> Delivery:
    return Delivery(
        id=found["id"].removeprefix("delivery:"),
        webhook_id=found["webhookId"].removeprefix("webhook:"),
        event=found["event"],
        event_id=found["eventId"],
        status=found["status"],
        response_status=found["responseStatus"],
        attempts=found["attempts"],
        error=found["error"],
        job_id=found["jobId"].removeprefix("job:"),
        created_at=found["createdAt"],
        updated_at=found["updatedAt"],
    )
