"""One person and many products: made a few at a time, so that nobody else waits for all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from drawn import needs_model

from functions.tryon import fan_out, service
from functions.tryon.documents import BatchId, TryOnBatchDocument, batches, new_tryon, tryons
from functions.tryon.models import Batch
from shared.commerce import quota
from shared.documents.fields import assign
from shared.errors import Conflict, QuotaExceeded
from shared.jobs import control, protocol, queues
from shared.jobs.consumer import consume
from shared.jobs.step import Task
from tests.functions.tryon.conftest import Room, shelve

pytestmark = needs_model
type Settle = Callable[..., None]


def ask(room: Room, count: int, id: str = "b") -> Batch:
    """A batch of so many products, all of one photo."""
    ids = [f"coat-{n}" for n in range(count)]
    for product in ids:
        shelve(product)
    wanted = service.BatchRequest(person_image_id="person", product_ids=ids, seed=1)
    return service.create_batch(room.user, id, wanted, "r")


def messages() -> Iterator[None]:
    """Work at the queue's messages in the order in which they come; stops before each, until none is visible."""
    queue = queues.client(queues.TRYON)
    while (message := queue.receive_message(visibility_timeout=60)) is not None:
        yield
        consume(message.content, service.step())
        queue.delete_message(message)


def counts(room: Room, id: str = "b") -> dict[str, int]:
    return service.batches.get_batch(room.user, id).counts


def in_hand(room: Room) -> int:
    """Try-ons of batches that are open."""
    return sum(counts(room).get(status, 0) for status in ("processing", "retrying")) + sum(
        one.status == "queued" and one.tryon_id is not None for one in service.batches.get_batch(room.user, "b").items
    )


@pytest.fixture(autouse=True)
def empty(local: dict[str, str]) -> None:
    """Nothing of other tests lies in the queue."""
    queues.client(queues.TRYON).clear_messages()


def test_who_comes_after_a_batch_of_twelve_does_not_wait_for_it(room: Room, settle: Settle) -> None:
    settle(TRYON_BATCH_OPEN="2", CONVERSION_QUOTA="20")
    asked = ask(room, 12)
    assert (asked.status, asked.counts, asked.percent) == ("queued", {"queued": 12}, 0)
    queue = messages()
    next(queue)
    next(queue)
    other = Room(room.container)
    assert other.ask("mine", mode="queued").queue_position == 2
    for _ in queue:
        assert in_hand(room) <= 2
        if other.get("mine").status == "completed":
            break
    so_far = service.batches.get_batch(room.user, "b")
    assert so_far.status == "processing" and so_far.counts["completed"] <= 4 and so_far.percent < 50
    for _ in queue:
        assert in_hand(room) <= 2
    done = service.batches.get_batch(room.user, "b")
    assert (done.status, done.counts, done.percent) == ("completed", {"completed": 12}, 100)
    assert room.get(str(done.items[11].tryon_id)).batch_id == "b"
    assert (room.used(), room.told()) == (12, ["tryon.batch"])
    assert room.job("b")["status"] == "completed"
    assert other.told() == ["tryon.completed"]


def test_the_same_request_is_the_same_batch(room: Room) -> None:
    assert ask(room, 2).job_id == ask(room, 2).job_id
    for _ in messages():
        pass
    assert (room.used(), counts(room)) == (2, {"completed": 2})


def test_where_a_worker_dies_before_it_asks_for_the_next_the_batch_does(room: Room, settle: Settle) -> None:
    settle(TRYON_BATCH_OPEN="1")
    ask(room, 2)
    assert room.deliver("b")["status"] == "retrying"
    claimed = protocol.claim(room.job("b-01"), "a worker that dies")
    assert claimed
    protocol.complete(claimed, service.step().run(Task(claimed, lambda _: None)))
    assert counts(room) == {"completed": 1, "queued": 1}
    waiting = room.deliver("b")
    # all are asked for: the batch's job has nothing to wait for
    assert (waiting["status"], waiting["attempt"], counts(room)) == ("completed", 1, {"completed": 1, "queued": 1})
    assert room.drive("b-02")["status"] == "completed"
    assert (room.used(), room.told()) == (2, ["tryon.batch"])


def test_waiting_for_its_try_ons_costs_a_batch_no_attempts(room: Room, settle: Settle) -> None:
    settle(TRYON_BATCH_OPEN="1", JOB_MAX_ATTEMPTS="1")
    ask(room, 3)
    for _ in range(4):
        job = room.deliver("b")
        assert (job["status"], job["attempt"], job["lastError"]["code"]) == ("retrying", 0, "batch_open")
    assert in_hand(room) == 1


def test_however_many_ask_at_once_no_more_are_open_and_none_is_paid_twice(room: Room, settle: Settle) -> None:
    settle(TRYON_BATCH_OPEN="3")
    ask(room, 5)
    batch = batches.get(BatchId.of("b"), room.id)
    at_once = [threading.Thread(target=fan_out._create_next, args=(batch,)) for _ in range(4)]
    for thread in at_once:
        thread.start()
    for thread in at_once:
        thread.join()
    assert (in_hand(room), room.used()) == (3, 3)
    assert batches.get(BatchId.of("b"), room.id).next_index == 3


def test_one_that_is_deleted_is_not_made_again(room: Room, settle: Settle) -> None:
    settle(TRYON_BATCH_OPEN="1")
    ask(room, 3)
    room.deliver("b")
    room.drive("b-01")
    service.delete_tryon(room.user, "b-01", with_inputs=False)
    # as one reads it who counted before
    batches.patch(BatchId.of("b"), room.id, assign(TryOnBatchDocument.next_index, 0))
    for _ in messages():
        pass
    assert {one.tryon_id for one in service.batches.get_batch(room.user, "b").items} == {None, "b-02", "b-03"}
    assert room.used() == 3


def test_cancelled_it_asks_for_no_more(room: Room, settle: Settle) -> None:
    settle(TRYON_BATCH_OPEN="2")
    ask(room, 4)
    room.deliver("b")
    service.batches.cancel_batch(room.user, "b")
    for _ in messages():
        pass
    done = service.batches.get_batch(room.user, "b")
    assert (done.status, done.counts, done.percent, room.used()) == ("completed", {"cancelled": 4}, 100, 0)
    assert [one.tryon_id for one in done.items] == ["b-01", "b-02", None, None]
    with pytest.raises(Conflict):
        service.batches.cancel_batch(room.user, "b")


def test_what_was_asked_for_while_it_was_cancelled_is_not_made(room: Room) -> None:
    ask(room, 2)
    batch = batches.get(BatchId.of("b"), room.id)
    control.request_cancel(room.job("b"))
    made = []
    for number in (1, 2):
        made.append(f"b-0{number}")
        item, job = new_tryon(
            made[-1], room.id, batch.person, [batch.garments[0]], engine="tiny",
            notify=False, batch_id="b",
        )  # fmt: skip
        # one before the batch's job ends, so that it stops it; one after
        if number == 2:
            assert room.drive("b")["status"] == "cancelled"
        assert quota.reserve(tryons, item, job)
    assert [room.drive(id)["status"] for id in made] == ["cancelled", "cancelled"]
    assert (room.used(), room.left()) == (0, [])


def test_one_of_which_nothing_can_be_paid_for_is_told_of(room: Room, settle: Settle) -> None:
    ask(room, 1)
    settle(CONVERSION_QUOTA="0")
    assert room.drive("b")["status"] == "completed"
    (item,) = service.batches.get_batch(room.user, "b").items
    assert item.error and item.error.code == "quota_exceeded"
    assert room.told() == ["tryon.batch"]


def test_one_that_the_month_does_not_reach_for_is_refused_whole(room: Room, settle: Settle) -> None:
    settle(CONVERSION_QUOTA="1")
    with pytest.raises(QuotaExceeded):
        ask(room, 2)
    assert batches.count(partition=room.id) == 0
