"""What was delivered to a customer's webhook endpoints."""

from __future__ import annotations

from functions.webhooks.delivery_models import DeliveriesQuery, Delivery, DeliveryList
from shared import audit, clock
from shared.documents import store
from shared.documents.fields import assign, where
from shared.errors import BatchFailed, Conflict, NotFound, PreconditionFailed
from shared.http.auth import Principal
from shared.http.pages import equals, list_latest
from shared.jobs import protocol
from shared.jobs.models import JobStatus
from shared.webhooks.delivery_documents import DeliveryDocument, DeliveryId, deliveries
from shared.webhooks.documents import WebhookId, WebhookStatus, webhooks
from shared.webhooks.publish import delivery_job


def list_deliveries(user: Principal, query: DeliveriesQuery) -> DeliveryList:
    """Deliveries of the last 30 days, newest first, without bodies."""
    webhook_id = WebhookId.of(query.webhook_id) if query.webhook_id else None
    wanted = (equals(DeliveryDocument.webhook_id, webhook_id), equals(DeliveryDocument.status, query.status))
    page = list_latest(deliveries, query, *wanted, partition=user.user_id, by=DeliveryDocument.created_at)
    items = [Delivery.of(delivery, body=None) for delivery in page.items]
    return DeliveryList(items=items, continuation=page.continuation)


def get_delivery(user: Principal, id: str) -> Delivery:
    """A delivery with its body. Raises NotFound, for another customer's too."""
    return Delivery.of(_find_delivery(user, id))


def replay_delivery(user: Principal, id: str, request_id: str) -> Delivery:
    """Send a delivery that has ended once more: same event id, same body, new signature.

    Raises:
        NotFound.
        Conflict: it is on its way, or its endpoint is deleted or disabled.
    """
    delivery = _find_delivery(user, id)
    webhook = webhooks.find(delivery.webhook_id, user.user_id)
    if webhook is None or webhook.status is not WebhookStatus.ACTIVE:
        raise Conflict("the endpoint is deleted or disabled", code="webhook_gone")
    job = delivery_job(delivery, request_id)
    ended = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)
    queued = deliveries.change(
        delivery.id,
        assign(DeliveryDocument.status, JobStatus.QUEUED),
        assign(DeliveryDocument.job_id, job.id),
        assign(DeliveryDocument.error, None),
        assign(DeliveryDocument.updated_at, clock.iso()),
        where=(where(DeliveryDocument.status, "in", ended),),
    )
    try:
        fresh = store().batch(deliveries.container, user.user_id, [queued, protocol.jobs.creation(job)])[0]
    except BatchFailed as failure:
        if isinstance(failure.cause, PreconditionFailed):
            raise Conflict("the delivery is on its way", code="delivery_open", retryable=True) from None
        raise
    protocol.enqueue(job)
    audit.record(user.user_id, "WEBHOOK_REPLAYED", subject=id)
    return Delivery.of(deliveries.load(fresh), body=None)


def _find_delivery(user: Principal, id: str) -> DeliveryDocument:
    delivery = deliveries.find(DeliveryId.of(id), user.user_id)
    if delivery is None:
        raise NotFound("there is no such delivery", code="delivery_not_found")
    return delivery
