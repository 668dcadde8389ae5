"""The worker of the `webhooks` queue: one delivery to one endpoint, until it is taken or given up."""

from __future__ import annotations

import random
import time
from typing import Any

from functions.webhooks import signing, target
from shared import clock, telemetry, webhooks
from shared.documents import Document, Operation, Patch, store
from shared.errors import Gone, StudioError, Unprocessable, UpstreamError
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step, Task
from shared.settings import settings

CONTAINER = webhooks.CONTAINER
HISTORY = 20
MAX_WAIT_S = 12 * 3600


class DeliveryStep(Step):
    """The `webhooks` queue's step (see `shared.jobs.consumer.Step`)."""

    def run(self, task: Task) -> Outcome:
        """Sign and send. 2xx is taken; 410 disables the endpoint; anything else comes again until the last attempt.

        Raises:
            Unprocessable: the endpoint is gone or disabled, or its name leads to an address that is not public.
            Gone: it wants no more deliveries.
            UpstreamError: any other answer, or none.
        """
        delivery = store().read(CONTAINER, task.payload["deliveryId"], task.user_id)
        endpoint = store().find(CONTAINER, task.payload["webhookId"], task.user_id)
        if endpoint is None or endpoint["status"] != webhooks.ACTIVE:
            raise Unprocessable("the endpoint is gone or disabled", code="webhook_gone")
        started, error, answered = time.monotonic(), None, None
        try:
            with telemetry.span("webhook.post"):
                answered = _send(endpoint, delivery)
        except StudioError as failure:
            error = failure
        self._note(task, delivery, started, answered, error)
        if error is None and answered is not None:
            error = _judged(answered)
        if error is None:
            return Outcome(result={"status": answered.status if answered else None}, subject={"error": None})
        raise _timed(error, task.job)

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """Disable an endpoint that says it is gone."""
        if error is None or error.code != "webhook_endpoint_gone":
            return Outcome()
        endpoint = store().find(CONTAINER, job["payload"]["webhookId"], job["userId"])
        if endpoint is None:
            return Outcome()
        why = {"status": webhooks.DISABLED, "disabledReason": "it answered 410 Gone", "updatedAt": clock.iso()}
        operations: list[Operation] = [Patch(endpoint["id"], set=why)]
        return Outcome(operations=operations)

    def after_commit(self, job: Job) -> None:
        """Nothing to tidy."""

    def on_lease_lost(self, job: Job) -> None:
        """Nothing to tidy."""

    def push(self, job: Job) -> None:
        """A delivery is for machines; no page shows it."""

    @staticmethod
    def _note(
        task: Task, delivery: Document, started: float, answered: target.Answered | None, error: StudioError | None
    ) -> None:
        """Keep what this attempt met, for whoever looks at the delivery."""
        seen = {
            "at": clock.iso(),
            "ms": round((time.monotonic() - started) * 1000),
            "status": answered.status if answered else None,
            "error": error.code if error else None,
        }
        changes: dict[str, Any] = {"attempts": [*delivery["attempts"], seen][-HISTORY:]}
        if answered is not None:
            changes["responseStatus"] = answered.status
        store().patch(CONTAINER, delivery["id"], task.user_id, set=changes)
        telemetry.count("studio_webhook_attempts", status=str(answered.status if answered else "none"))


def _send(endpoint: Document, delivery: Document) -> target.Answered:
    body = delivery["body"].encode()
    signed = signing.headers(endpoint["keys"], delivery["eventId"], delivery["body"], clock.now())
    about = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "ai-fashion-studio-webhooks/1"}
    return target.post(
        target.resolve(endpoint["url"]), body, {**about, **signed}, timeout_s=settings().webhook_timeout_s
    )


def _judged(answered: target.Answered) -> StudioError | None:
    """What an answer means; redirects are not followed, so they are failures."""
    if 200 <= answered.status < 300:
        return None
    if answered.status == 410:
        return Gone("the endpoint wants no more deliveries", code="webhook_endpoint_gone")
    return UpstreamError(
        f"the endpoint answered {answered.status}", code="webhook_refused", retry_after=answered.retry_after
    )


def _timed(error: StudioError, job: Job) -> StudioError:
    """When to come again: by our own waits, longer than the jobs' because the other side is not ours. After the last
    attempt the delivery has failed; it is no dead letter, since nobody here can mend it."""
    waits = settings().webhook_retry_s
    if error.retryable and job["attempt"] > len(waits):
        error.retryable = False
    elif error.retryable:
        wait = waits[job["attempt"] - 1] * random.uniform(0.8, 1.2)
        error.retry_after = min(max(wait, error.retry_after or 0), MAX_WAIT_S)
    return error
