"""The workers of FASHN's wire: the removal of a background, and runs that are posted to the caller's address."""

from __future__ import annotations

from pydantic import Field

from functions.fashn import runs
from functions.fashn.documents import BackgroundPayload, BackgroundResult
from shared.documents.model import Record
from shared.errors import StudioError, Unprocessable
from shared.images.segmentations import SegmentationDocument
from shared.images.sources import Source
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step, Task
from shared.tryons.run_webhooks import RETRY_S, RunWebhookPayload, with_run_webhook
from shared.vision import stored
from shared.webhooks import sending
from shared.webhooks.publish import WebhookPublisher


class BackgroundStep(WebhookPublisher):
    """The step of the `fashn` queue."""

    def run(self, task: Task) -> Outcome:
        """Cut the main subject out.

        Raises:
            Unprocessable: `nothing_found`; `image_gone`, the image was deleted.
        """
        image = task.payload_as(BackgroundPayload).image
        task.progress("segmenting", 0)
        source = Source(image.container, image.name, image.image_id)
        try:
            segmentation = _subject(task.user_id, source, source.read())
        except StudioError as error:
            if error.status == 404:
                raise Unprocessable("the image was deleted", code="image_gone") from error
            raise
        task.progress("segmenting", 100)
        return Outcome(result=BackgroundResult(segmentation_id=segmentation.id.public))

    def before_commit(self, job: Job, status: JobStatus, outcome: Outcome, error: StudioError | None) -> Outcome:
        """The outcome with the job that posts the run to the address of its request."""
        outcome = super().before_commit(job, status, outcome, error)
        return outcome if job.payload_as(BackgroundPayload).webhook_url is None else with_run_webhook(job, outcome)


def _subject(user_id: str, source: Source, data: bytes) -> SegmentationDocument:
    """The cut-out of the main subject: the person in the picture, else the garment that lies alone."""
    try:
        return stored.get_or_compute(user_id, source, data, "person", "cutout")[0]
    except Unprocessable as error:
        if error.code != "nothing_found":
            raise
    return stored.get_or_compute(user_id, source, data, "garment", "cutout")[0]


class PostedRun(Record, frozen=True):
    """The result of a job that posts a run."""

    status: int = Field(description="HTTP status of the answer")


class RunWebhookStep(Step):
    """The step of the `fashn-webhooks` queue. The run is read when it is sent, so that its URLs are valid then."""

    def run(self, task: Task) -> Outcome:
        """Post the run as `v1/status/{id}` answers it. 2xx is accepted; anything else is tried again.

        Raises:
            Unprocessable: the run was deleted or goes on, or the address may not be called.
            UpstreamError: any other answer, or none.
        """
        id = task.payload_as(RunWebhookPayload).run_id
        url = runs.webhook_url_of(task.user_id, id)
        if url is None:
            raise Unprocessable("the run was deleted", code="run_gone")
        run, used = runs.get_run(task.user_id, id)
        if used is None:
            raise Unprocessable("the run goes on: its next end is posted", code="run_open")
        headers = {"webhook-id": task.job.id.public, "x-fashn-credits-used": str(used)}
        try:
            answer = sending.send(url, run.model_dump_json(by_alias=True), headers)
        except StudioError as error:
            raise sending.with_retry_delay(error, task.job, RETRY_S) from error
        refusal = sending.refusal(answer)
        if refusal is not None:
            raise sending.with_retry_delay(refusal, task.job, RETRY_S)
        return Outcome(result=PostedRun(status=answer.status))
