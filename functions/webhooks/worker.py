"""The worker of the `webhooks` queue: one delivery to one endpoint, until it is accepted or has failed."""

from __future__ import annotations

import random
import time
from typing import Final

from pydantic import Field

from functions.webhooks import signing, target
from shared import clock, telemetry
from shared.documents.fields import Change, assign
from shared.documents.model import Record
from shared.errors import Gone, StudioError, Unprocessable, UpstreamError
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step, Task
from shared.webhooks.documents import (
    DeliveryAttempt,
    DeliveryDocument,
    DeliveryPayload,
    WebhookDocument,
    WebhookStatus,
    deliveries,
    webhooks,
)
from shared.webhooks.settings import DELIVERY_TIMEOUT_S, webhook_settings

HISTORY: Final = 20
"""Attempts kept with a delivery."""
MAX_WAIT_S: Final = 12 * 3600
"""The longest wait that an endpoint can ask for."""


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
        started = time.monotonic()
        try:
            with telemetry.span("webhook.post"):
                answer = _send(webhook, delivery)
        except StudioError as error:
            _record_attempt(delivery, started, None, error)
            raise _with_retry_delay(error, task.job) from error
        _record_attempt(delivery, started, answer, None)
        refusal = _refusal(answer)
        if refusal is not None:
            raise _with_retry_delay(refusal, task.job)
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
    delivery: DeliveryDocument, started: float, answer: target.Answer | None, error: StudioError | None
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


def _send(webhook: WebhookDocument, delivery: DeliveryDocument) -> target.Answer:
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "ai-fashion-studio-webhooks/1",
        **signing.headers(webhook.signing_keys, delivery.event_id, delivery.body, clock.now()),
    }
    return target.post(target.resolve(webhook.url), delivery.body.encode(), headers, timeout_s=DELIVERY_TIMEOUT_S)


def _refusal(answer: target.Answer) -> StudioError | None:
    """The error that an answer means; redirects are not followed, so they are failures."""
    if 200 <= answer.status < 300:
        return None
    if answer.status == 410:
        return Gone("the endpoint wants no more deliveries", code="webhook_endpoint_gone")
    return UpstreamError(
        f"the endpoint answered {answer.status}", code="webhook_refused", retry_after=answer.retry_after
    )


def _with_retry_delay(error: StudioError, job: Job) -> StudioError:
    """The error with the delay of the next attempt: longer than other jobs', because the endpoint is not ours. After
    the last attempt the delivery has failed; it is no dead letter, since no operator can repair it."""
    waits = webhook_settings().webhook_retry_s
    if error.retryable and job.attempt > len(waits):
        error.retryable = False
    elif error.retryable:
        wait = waits[job.attempt - 1] * random.uniform(0.8, 1.2)
        error.retry_after = min(max(wait, error.retry_after or 0), MAX_WAIT_S)
    return error
