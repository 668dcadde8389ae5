"""Batches: created a few at a time, so that other users do not wait for all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from drawn import needs_model

from functions.tryon import fan_out, service
from functions.tryon.models import Batch
from shared.commerce import quota
from shared.documents.fields import assign
from shared.errors import Conflict, QuotaExceeded
from shared.jobs import control, protocol, queues
from shared.jobs.consumer import consume
from shared.jobs.step import Task
from shared.tryons.documents import BatchId, TryOnBatchDocument, batches, new_tryon, tryons
from tests.functions.tryon.tryon_shopper import Shopper, shelve

pytestmark = needs_model
type Configure = Callable[..., None]


def ask(shopper: Shopper, count: int, id: str = "b") -> Batch:
    """A batch of `count` products, all with the same image."""
    ids = [f"coat-{n}" for n in range(count)]
    for product in ids:
        shelve(product)
    wanted = service.BatchRequest(person_image_id="person", product_ids=ids, seed=1)
    return service.create_batch(shopper.user, id, wanted, "r")


def messages() -> Iterator[None]:
    """Consume the messages of both queues in their order, yielding before each, until none is visible.

    On Azure each has functions of its own; one worker for both would read the single try-ons first.
    """
    both = [queues.client(queues.TRYON), queues.client(queues.TRYON_BATCH)]
    while True:
        for queue in both:
            if (message := queue.receive_message(visibility_timeout=60)) is not None:
                break
        else:
            return
        yield
        consume(message.content, service.step())
        queue.delete_message(message)


def counts(shopper: Shopper, id: str = "b") -> dict[str, int]:
    return service.batches.get_batch(shopper.user, id).counts


def in_hand(shopper: Shopper) -> int:
    """How many try-ons of batches are open."""
    return sum(counts(shopper).get(status, 0) for status in ("processing", "retrying")) + sum(
        one.status == "queued" and one.tryon_id is not None
        for one in service.batches.get_batch(shopper.user, "b").items
    )


@pytest.fixture(autouse=True)
def empty(local: dict[str, str]) -> None:
    """Clear messages of other tests."""
    for queue in (queues.TRYON, queues.TRYON_BATCH):
        queues.client(queue).clear_messages()


def test_another_user_does_not_wait_behind_a_batch_of_twelve(shopper: Shopper, configure: Configure) -> None:
    configure(TRYON_BATCH_OPEN="2", CONVERSION_QUOTA="20")
    asked = ask(shopper, 12)
    assert (asked.status, asked.counts, asked.percent) == ("queued", {"queued": 12}, 0)
    queue = messages()
    next(queue)
    next(queue)
    other = Shopper(shopper.container)
    assert other.ask("mine", mode="queued").queue_position == 0
    for _ in queue:
        assert in_hand(shopper) <= 2
        if other.get("mine").status == "completed":
            break
    so_far = service.batches.get_batch(shopper.user, "b")
    assert so_far.status == "processing" and so_far.counts["completed"] <= 4 and so_far.percent < 50
    for _ in queue:
        assert in_hand(shopper) <= 2
    done = service.batches.get_batch(shopper.user, "b")
    assert (done.status, done.counts, done.percent) == ("completed", {"completed": 12}, 100)
    assert shopper.get(str(done.items[11].tryon_id)).batch_id == "b"
    assert (shopper.used(), shopper.notified_events()) == (12, ["tryon.batch"])
    assert shopper.job("b").status == "completed"
    assert other.notified_events() == ["tryon.completed"]


def test_the_same_request_is_the_same_batch(shopper: Shopper) -> None:
    assert ask(shopper, 2).job_id == ask(shopper, 2).job_id
    for _ in messages():
        pass
    assert (shopper.used(), counts(shopper)) == (2, {"completed": 2})


def test_the_batch_creates_the_next_try_on_if_a_worker_dies_before_it_does(
    shopper: Shopper, configure: Configure
) -> None:
    configure(TRYON_BATCH_OPEN="1")
    ask(shopper, 2)
    assert shopper.deliver("b").status == "retrying"
    claimed = protocol.claim(shopper.job("b-01"), "a worker that dies")
    assert claimed
    protocol.complete(claimed, service.step().run(Task(claimed, lambda _: None)))
    assert counts(shopper) == {"completed": 1, "queued": 1}
    waiting = shopper.deliver("b")
    # all are asked for: the batch's job has nothing to wait for
    assert (waiting.status, waiting.attempt, counts(shopper)) == ("completed", 1, {"completed": 1, "queued": 1})
    assert shopper.drive("b-02").status == "completed"
    assert (shopper.used(), shopper.notified_events()) == (2, ["tryon.batch"])


def test_a_batch_waits_for_its_try_ons_without_using_attempts(shopper: Shopper, configure: Configure) -> None:
    configure(TRYON_BATCH_OPEN="1", JOB_MAX_ATTEMPTS="1")
    ask(shopper, 3)
    for _ in range(4):
        job = shopper.deliver("b")
        assert (job.status, job.attempt, job.last_error.code) == ("retrying", 0, "batch_open")
    assert in_hand(shopper) == 1


def test_concurrent_workers_open_no_more_than_allowed_and_charge_none_twice(
    shopper: Shopper, configure: Configure
) -> None:
    configure(TRYON_BATCH_OPEN="3")
    ask(shopper, 5)
    batch = batches.get(BatchId.of("b"), shopper.id)
    at_once = [threading.Thread(target=fan_out._create_next, args=(batch,)) for _ in range(4)]
    for thread in at_once:
        thread.start()
    for thread in at_once:
        thread.join()
    assert (in_hand(shopper), shopper.used()) == (3, 3)
    assert batches.get(BatchId.of("b"), shopper.id).next_index == 3


def test_a_deleted_try_on_of_a_batch_is_not_created_again(shopper: Shopper, configure: Configure) -> None:
    configure(TRYON_BATCH_OPEN="1")
    ask(shopper, 3)
    shopper.deliver("b")
    shopper.drive("b-01")
    service.delete_tryon(shopper.user, "b-01", with_inputs=False)
    # as one reads it who counted before
    batches.patch(BatchId.of("b"), shopper.id, assign(TryOnBatchDocument.next_index, 0))
    for _ in messages():
        pass
    assert {one.tryon_id for one in service.batches.get_batch(shopper.user, "b").items} == {None, "b-02", "b-03"}
    assert shopper.used() == 3


def test_a_cancelled_batch_creates_no_more_try_ons(shopper: Shopper, configure: Configure) -> None:
    configure(TRYON_BATCH_OPEN="2")
    ask(shopper, 4)
    shopper.deliver("b")
    service.batches.cancel_batch(shopper.user, "b")
    for _ in messages():
        pass
    done = service.batches.get_batch(shopper.user, "b")
    assert (done.status, done.counts, done.percent, shopper.used()) == ("completed", {"cancelled": 4}, 100, 0)
    assert [one.tryon_id for one in done.items] == ["b-01", "b-02", None, None]
    with pytest.raises(Conflict):
        service.batches.cancel_batch(shopper.user, "b")


def test_a_try_on_created_while_its_batch_was_cancelled_is_not_made(shopper: Shopper) -> None:
    ask(shopper, 2)
    batch = batches.get(BatchId.of("b"), shopper.id)
    control.request_cancel(shopper.job("b"))
    made = []
    for number in (1, 2):
        made.append(f"b-0{number}")
        item, job = new_tryon(
            made[-1], shopper.id, batch.person, [batch.garments[0]], engine="tiny",
            notify=False, batch_id="b",
        )  # fmt: skip
        # one before the batch's job ends, so that it stops it; one after
        if number == 2:
            assert shopper.drive("b").status == "cancelled"
        assert quota.reserve(tryons, item, job)
    assert [shopper.drive(id).status for id in made] == ["cancelled", "cancelled"]
    assert (shopper.used(), shopper.result_blobs()) == (0, [])


def test_a_batch_whose_try_ons_can_not_be_charged_still_notifies_its_user(
    shopper: Shopper, configure: Configure
) -> None:
    ask(shopper, 1)
    configure(CONVERSION_QUOTA="0")
    assert shopper.drive("b").status == "completed"
    (item,) = service.batches.get_batch(shopper.user, "b").items
    assert item.error and item.error.code == "quota_exceeded"
    assert shopper.notified_events() == ["tryon.batch"]


def test_a_batch_beyond_the_quota_is_refused_as_a_whole(shopper: Shopper, configure: Configure) -> None:
    configure(CONVERSION_QUOTA="1")
    with pytest.raises(QuotaExceeded):
        ask(shopper, 2)
    assert batches.count(partition=shopper.id) == 0
