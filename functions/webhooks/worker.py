"""The worker of the `webhooks` queue: one delivery to one endpoint, until it is accepted or has failed."""

from __future__ import annotations

import time
from typing import Final

from pydantic import Field

from functions.webhooks import signing
from shared import clock, telemetry
from shared.documents.fields import Change, assign
from shared.documents.model import Record
from shared.errors import StudioError, Unprocessable
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step, Task
from shared.outbound.exchange import Answer
from shared.webhooks import sending
from shared.webhooks.delivery_documents import DeliveryAttempt, DeliveryDocument, DeliveryPayload, deliveries
from shared.webhooks.documents import WebhookDocument, WebhookStatus, webhooks
from shared.webhooks.settings import webhook_settings

HISTORY: Final = 20
"""Attempts kept with a delivery."""


class DeliveryResult(Record, frozen=True):
    """The result of a delivery's job."""

    status: int = Field(description="HTTP status of the answer")


class DeliveryStep(Step):
    """The step of the `webhooks` queue."""

    def run(self, task: Task) -> Outcome:
        """Sign and send. 2xx is accepted; 410 disables the endpoint; anything else is retried.

        Raises:
            Unprocessable: the endpoint is deleted or disabled, or its name leads to an address that is not public.
            Gone: it wants no more deliveries.
            UpstreamError: any other answer, or none.
        """
        payload = task.payload_as(DeliveryPayload)
        delivery = deliveries.get(payload.delivery_id, task.user_id)
        webhook = webhooks.find(payload.webhook_id, task.user_id)
        if webhook is None or webhook.status is not WebhookStatus.ACTIVE:
            raise Unprocessable("the endpoint is deleted or disabled", code="webhook_gone")
        waits = webhook_settings().webhook_retry_s
        started = time.monotonic()
        try:
            with telemetry.span("webhook.post"):
                answer = _send(webhook, delivery)
        except StudioError as error:
            _record_attempt(delivery, started, None, error)
            raise sending.with_retry_delay(error, task.job, waits) from error
        _record_attempt(delivery, started, answer, None)
        refusal = sending.refusal(answer)
        if refusal is not None:
            raise sending.with_retry_delay(refusal, task.job, waits)
        return Outcome(result=DeliveryResult(status=answer.status), subject=[assign(DeliveryDocument.error, None)])

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """Disable an endpoint that answered 410 Gone."""
        if error is None or error.code != "webhook_endpoint_gone":
            return Outcome()
        webhook = webhooks.find(job.payload_as(DeliveryPayload).webhook_id, job.user_id)
        if webhook is None:
            return Outcome()
        disabled = webhooks.change(
            webhook.id,
            assign(WebhookDocument.status, WebhookStatus.DISABLED),
            assign(WebhookDocument.disabled_reason, "it answered 410 Gone"),
            assign(WebhookDocument.updated_at, clock.iso()),
        )
        return Outcome(operations=[disabled])


def _record_attempt(
    delivery: DeliveryDocument, started: float, answer: Answer | None, error: StudioError | None
) -> None:
    """Store the result of this attempt for the delivery's history."""
    attempt = DeliveryAttempt(
        at=clock.iso(),
        ms=round((time.monotonic() - started) * 1000),
        status=answer.status if answer else None,
        error=error.code if error else None,
    )
    changes: list[Change] = [assign(DeliveryDocument.attempts, [*delivery.attempts, attempt][-HISTORY:])]
    if answer is not None:
        changes.append(assign(DeliveryDocument.response_status, answer.status))
    deliveries.patch(delivery.id, delivery.user_id, *changes)
    telemetry.count("studio_webhook_attempts", status=str(answer.status if answer else "none"))


def _send(webhook: WebhookDocument, delivery: DeliveryDocument) -> Answer:
    signed = signing.headers(webhook.signing_keys, delivery.event_id, delivery.body, clock.now())
    return sending.send(webhook.url, delivery.body, signed)
