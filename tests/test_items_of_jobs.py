"""Jobs over lists: an item that fails keeps no other from being done, and only failing items are done again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final

import pytest
from drawn import garments, needs_model
from over_http import photo

from functions.segment import service as segmentation
from functions.segment.documents import SegmentJobResult
from functions.segment.models import SegmentationRequest
from functions.segment.worker import SegmentStep
from shared import blobs, clock
from shared.accounts.roles import Role
from shared.documents.model import Record
from shared.errors import ConfigurationError, OperatorActionNeeded, Unprocessable, UpstreamError
from shared.http.auth import Principal
from shared.images.documents import ImageDocument, ImageKind
from shared.images.uploads import add_image
from shared.jobs import protocol, queues
from shared.jobs.consumer import consume
from shared.jobs.items import Items
from shared.jobs.models import TERMINAL, Job, JobStatus, RunError
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step, Task

pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("local")]
USER: Final = "u1"
type Trouble = Callable[[], Exception]


class Report(Record, frozen=True):
    """How the items of a job ended."""

    failed: dict[str, RunError]


class ListStep(Step):
    """Does ten items, some of which fail as often as it is said."""

    def __init__(self, troubles: dict[int, Sequence[Trouble]]) -> None:
        self.troubles = {number: list(errors) for number, errors in troubles.items()}
        self.done: list[int] = []
        self.tried: list[int] = []

    def run(self, task: Task) -> Outcome:
        items = Items[int](task, "test")
        for number in range(10):
            if number in self.done:
                continue
            with items.item(number):
                self.tried.append(number)
                if self.troubles.get(number):
                    raise self.troubles[number].pop(0)()
                self.done.append(number)
        items.leave_rest()
        return Outcome(result=Report(failed={str(number): why for number, why in items.failed.items()}))


def run(step: Step, job: Job) -> Job:
    """Run a job to its end, with no time between its attempts."""
    for _ in range(30):
        job = protocol.load(job.id, USER)
        if job.status in TERMINAL:
            return job
        if job.status is JobStatus.RETRYING:
            job = protocol.jobs.replace(job.model_copy(update={"next_at": clock.now()}))
        consume(json.dumps(protocol.pointer(job)), step)
    raise AssertionError("the job does not end")


def run_list(troubles: dict[int, Sequence[Trouble]]) -> tuple[ListStep, Job]:
    step = ListStep(troubles)
    job = protocol.jobs.create(protocol.new_job("test", queues.SEGMENT_BATCH, USER, None))
    return step, run(step, job)


def busy() -> Exception:
    return UpstreamError("busy", code="busy")


def test_items_that_fail_for_a_time_are_done_by_the_next_attempt_and_no_other_twice() -> None:
    few = UpstreamError("busy", code="busy", max_tries=1)
    step, job = run_list({2: [lambda: few], 7: [busy, lambda: ValueError("a crash")]})
    assert (job.status, job.result) == ("completed", {"failed": {}})
    assert sorted(step.done) == list(range(10))
    assert [step.tried.count(number) for number in range(10)] == [1, 1, 2, 1, 1, 1, 1, 3, 1, 1]


def test_items_that_never_succeed_end_alone_with_their_reason() -> None:
    step, job = run_list(
        {0: [lambda: Unprocessable("no", code="no")] * 99, 3: [busy] * 99, 9: [lambda: KeyError("x")] * 99}
    )
    assert job.status == "completed"
    assert sorted(step.done) == [1, 2, 4, 5, 6, 7, 8]
    failed = Report.model_validate(job.result).failed
    assert {number: why.code for number, why in failed.items()} == {"0": "no", "3": "busy", "9": "internal"}


def test_what_an_operator_has_to_fix_waits_without_using_attempts() -> None:
    step, job = run_list({4: [lambda: OperatorActionNeeded("gemini", "API_KEY_INVALID")] * 12})
    assert (job.status, job.attempt) == ("completed", 1)
    assert len(step.done) == 10


def test_a_missing_setting_ends_the_attempt_and_blames_no_item() -> None:
    step, job = run_list({1: [lambda: ConfigurationError("set it")]})
    assert (job.status, step.done) == ("failed", [0])


def image(data: bytes) -> ImageDocument:
    return add_image(clock.new_id(), USER, data, kind=ImageKind.GARMENT, visibility="private", name=None)  # type: ignore[arg-type]


@needs_model
def test_one_unreadable_picture_of_a_list_keeps_no_other_from_its_mask() -> None:
    import io

    from PIL import Image

    def encoded(seed: int) -> bytes:
        out = io.BytesIO()
        Image.fromarray(garments(1, seed)[0][0]).save(out, "JPEG")
        return out.getvalue()

    ready = [image(encoded(9)), image(photo()), image(encoded(10))]
    broken = ready[1].renditions["original"]
    blobs.put(broken.container, broken.name, b"not a picture any more", content_type="image/jpeg")
    user = Principal(USER, Role.SHOPPER, "t", clock.now() + 60)
    wanted = SegmentationRequest.model_validate({"imageIds": [one.id.public for one in ready]})
    queued = segmentation.create_segmentation(user, clock.new_id(), wanted, "r")
    job = run(SegmentStep(), protocol.load(f"job:{queued.job_id}", USER))  # type: ignore[union-attr]
    assert job.status == "completed"
    result = SegmentJobResult.model_validate(job.result)
    assert [one.image_id for one in result.items] == [one.id.public for one in ready]
    assert [one.segmentation_id is not None for one in result.items] == [True, False, True]
    assert result.items[1].error is not None
