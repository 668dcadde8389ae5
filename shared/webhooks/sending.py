"""One delivery over HTTP, and what its answer means for the next."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from shared.errors import Gone, StudioError, UpstreamError
from shared.outbound import exchange
from shared.outbound.exchange import Answer
from shared.outbound.target import Purpose, Target, resolve
from shared.webhooks.settings import DELIVERY_TIMEOUT_S, webhook_settings

if TYPE_CHECKING:
    from shared.jobs.models import Job

MAX_WAIT_S: Final = 12 * 3600
"""The longest wait that an endpoint can ask for."""


def webhook_target(url: str, field: str = "url") -> Target:
    """Where deliveries to a URL go. Raises as `shared.outbound.target.resolve`, with codes `webhook_...`."""
    return resolve(url, Purpose("webhook", field, webhook_settings().webhook_allow_hosts))


def send(url: str, body: str, headers: Mapping[str, str]) -> Answer:
    """POST a delivery once.

    Raises:
        Unprocessable, UpstreamError: the endpoint may not be called, or can't be reached.
    """
    common = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "ai-fashion-studio-webhooks/1"}
    return exchange.post(webhook_target(url), body.encode(), {**common, **headers}, timeout_s=DELIVERY_TIMEOUT_S)


def refusal(answer: Answer) -> StudioError | None:
    """The error that an answer means; redirects are not followed, so they are failures."""
    if 200 <= answer.status < 300:
        return None
    if answer.status == 410:
        return Gone("the endpoint wants no more deliveries", code="webhook_endpoint_gone")
    return UpstreamError(
        f"the endpoint answered {answer.status}", code="webhook_refused", retry_after=answer.retry_after
    )


def with_retry_delay(error: StudioError, job: Job, waits: Sequence[float]) -> StudioError:
    """The error with the delay of the next attempt: longer than other jobs', because the endpoint is not ours. After
    the last attempt the delivery has failed; it is no dead letter, since no operator can repair it.

    Args:
        waits: seconds between the attempts; there is one attempt more.
    """
    if error.retryable and job.attempt > len(waits):
        error.retryable = False
    elif error.retryable:
        wait = waits[job.attempt - 1] * random.uniform(0.8, 1.2)
        error.retry_after = min(max(wait, error.retry_after or 0), MAX_WAIT_S)
    return error
