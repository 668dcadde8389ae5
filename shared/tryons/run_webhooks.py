"""The job that posts a run of FASHN's wire to the address that its request gave, created with the commit of its end."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from shared.documents.model import Record
from shared.jobs import protocol, queues
from shared.jobs.models import Job, JobId
from shared.jobs.protocol import Outcome

RETRY_S: Final = (2.0, 15.0, 60.0, 180.0)
"""Seconds between the attempts, as FASHN documents: five attempts within about five minutes."""


class RunWebhookPayload(Record, frozen=True):
    """What a job of the `fashn-webhooks` queue posts."""

    run_id: str = Field(description="id of the run as clients see it; its address is read from the run")


def with_run_webhook(job: Job, outcome: Outcome) -> Outcome:
    """`outcome` with the job that posts the run of `job`; the same end can't be posted by two jobs."""
    made = protocol.new_job(
        "fashn.webhook",
        queues.FASHN_WEBHOOKS,
        job.user_id,
        RunWebhookPayload(run_id=job.id.public),
        id=JobId.of(f"run-webhook-{job.id.public}-{job.generation}"),
        max_attempts=len(RETRY_S) + 1,
        request_id=job.request_id,
    )
    return outcome._replace(operations=[*outcome.operations, protocol.jobs.creation(made)])
