"""Lanes: every queue has one and a step, batches never share one with single requests, poison queues are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest

from cli.scaling import GROUPS, scaling_groups
from functions.jobs import poison, sweeps
from functions.jobs.steps import STEPS, step_of
from functions.jobs.sweeps import DAILY, SWEEPS, Sweep
from shared import clock
from shared.documents import Document, DocumentStore, store
from shared.errors import StudioError
from shared.function_index import Entry
from shared.jobs import protocol, queues
from shared.jobs.consumer import MAX_POISON_RETRIES, POISONED, consume, handle_poison_message
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.queues import LANES, Lane
from shared.jobs.step import Step, Task

ROOT = Path(__file__).resolve().parents[3]
MOST_ALONE = 10
SEEDS = {"tryon", "rebuild-index"}
"""Queues that the product's first description names."""


def test_every_queue_has_a_lane_and_a_step() -> None:
    assert not set(STEPS) ^ set(LANES)
    assert set(LANES.values()) == set(Lane)
    assert LANES.keys() >= SEEDS
    for queue in LANES:
        assert isinstance(step_of(queue), Step), queue
    with pytest.raises(KeyError):
        step_of("nothing")


def test_few_functions_scale_alone_and_the_groups_are_those_of_flex() -> None:
    groups = scaling_groups()
    alone = {name for name in groups if name not in GROUPS.values()}
    assert len(alone) <= MOST_ALONE
    assert all(len(groups[name]) == 1 for name in alone)
    assert {f"function:{lane}_worker" for lane in Lane} < alone
    made = [Entry("a", "m", kind, {}) for kind in ("httpTrigger", "orchestrationTrigger", "queueTrigger")]
    assert scaling_groups(made) == {"http": ["a"], "durable": ["a"], "function:a": ["a"]}


def test_the_documented_mapping_is_the_one_in_use() -> None:
    page = (ROOT / "docs/backend-flow.md").read_text()
    for queue, lane in LANES.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{queue}` |")]
        assert row.endswith(f"| `{lane}`, `{lane}_worker` |")


@pytest.mark.parametrize(
    ("single", "batch"), [(queues.TRYON, queues.TRYON_BATCH), (queues.SEGMENT, queues.SEGMENT_BATCH)]
)
def test_a_single_request_is_never_behind_a_batch(local: dict[str, str], single: str, batch: str) -> None:
    assert (LANES[single], LANES[batch]) == (Lane.INTERACTIVE, Lane.BATCH)
    for queue in (single, batch):
        queues.client(queue).clear_messages()
    for number in range(3):
        queues.send(batch, {"number": number})
    queues.send(single, {"number": 3})
    (first,) = queues.client(single).receive_messages(max_messages=32)
    assert json.loads(first.content)["number"] == 3
    for queue in (single, batch):
        queues.client(queue).clear_messages()


def make(queue: str, **fields: Any) -> Job:
    job = protocol.new_job("test", queue, "lane-user", None)
    stored = job.model_copy(update=fields)
    protocol.jobs.create(stored)
    return protocol.jobs.get(job.id, job.user_id)


def put_poison(name: str, *messages: str) -> None:
    client = queues.client(name + queues.POISON)
    client.clear_messages()
    for message in messages:
        client.send_message(message)


def depth(name: str) -> int:
    return queues.client(name).get_queue_properties().approximate_message_count or 0


def test_poison_messages_of_every_lane_are_dealt_with(local: dict[str, str]) -> None:
    fresh = make(queues.PAYPAL)
    for name in (*queues.TRIGGERS, poison.BLOB_TRIGGER):
        put_poison(name)
    queues.client(queues.PAYPAL).clear_messages()
    put_poison(Lane.DELIVERY, json.dumps(protocol.pointer(fresh)), "not a pointer")
    put_poison(poison.BLOB_TRIGGER, '{"BlobName": "v/a.jpg"}')
    assert poison.drain() == 3
    assert protocol.jobs.get(fresh.id, fresh.user_id).status is JobStatus.QUEUED
    assert depth(Lane.DELIVERY) == 1, "the job that is as good as new has a fresh message"
    assert not [name for name in queues.TRIGGERS if depth(name + queues.POISON)]
    queues.client(queues.PAYPAL).clear_messages()


class FailsOnce(Step):
    """Fails the first attempt of the job that it is made for."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def run(self, task: Task) -> Outcome:
        if task.job.id == self.job.id and task.job.attempt == 1:
            raise StudioError("not yet", retryable=True)
        return Outcome()


def create(queue: str) -> list[Job]:
    """Three jobs of one commit, enqueued."""
    made = [protocol.new_job("test", queue, "lane-user", None) for _ in range(3)]
    operations = [protocol.jobs.creation(job) for job in made]
    store().batch(protocol.CONTAINER, "lane-user", operations)
    queues.client(queue).clear_messages()
    protocol.enqueue_created(operations)
    return made


def test_notifications_of_one_commit_share_a_message_and_each_retries_alone(local: dict[str, str]) -> None:
    made = create(queues.NOTIFY)
    assert depth(Lane.DELIVERY) == 1
    (message,) = queues.client(queues.NOTIFY).receive_messages(max_messages=32)
    step = FailsOnce(made[1])
    consume(message.content, step)
    now = [protocol.jobs.get(job.id, job.user_id).status for job in made]
    assert now == [JobStatus.COMPLETED, JobStatus.RETRYING, JobStatus.COMPLETED]
    consume(message.content, step)
    attempts = [protocol.jobs.get(job.id, job.user_id).attempt for job in made]
    assert attempts == [1, 1, 1], "a message that comes twice does nothing twice"
    consume(json.dumps(protocol.pointer(protocol.jobs.get(made[1].id, "lane-user"))), step)
    again = protocol.jobs.get(made[1].id, "lane-user")
    assert (again.status, again.attempt) == (JobStatus.COMPLETED, 2)
    queues.client(queues.NOTIFY).clear_messages()


def test_longer_jobs_of_one_commit_have_a_message_each(local: dict[str, str]) -> None:
    create(queues.WEBHOOKS)
    assert depth(Lane.DELIVERY) == 3
    queues.client(queues.WEBHOOKS).clear_messages()


def test_a_poison_message_of_several_jobs_revives_each(local: dict[str, str]) -> None:
    made = create(queues.NOTIFY)
    (message,) = queues.client(queues.NOTIFY).receive_messages(max_messages=32)
    queues.client(queues.NOTIFY).clear_messages()
    put_poison(Lane.DELIVERY, message.content)
    (sent,) = queues.client(Lane.DELIVERY + queues.POISON).peek_messages()
    assert poison.drain() == 1
    assert {protocol.jobs.get(job.id, job.user_id).revived_by for job in made} == {sent.id}
    assert depth(Lane.DELIVERY) == len(made)
    queues.client(queues.NOTIFY).clear_messages()


def test_a_poison_message_that_fails_midway_revives_each_of_its_jobs_once(
    local: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create(queues.NOTIFY)
    (message,) = queues.client(queues.NOTIFY).receive_messages(max_messages=32)
    queues.client(queues.NOTIFY).clear_messages()
    find = type(store()).find

    def away_for_the_last(self: DocumentStore, container: str, id: str, partition: str) -> Document | None:
        return _away() if id == made[-1].id else find(self, container, id, partition)

    def step() -> Step:
        return FailsOnce(made[0])

    with monkeypatch.context() as away:
        away.setattr(type(store()), "find", away_for_the_last)
        for _ in range(MAX_POISON_RETRIES + 2):
            assert not handle_poison_message(message.content, step, "m1")
    assert handle_poison_message(message.content, step, "m1")
    assert handle_poison_message(message.content, step, "m1"), "its deletion may have failed"
    now = [protocol.jobs.get(job.id, job.user_id) for job in made]
    assert [(job.status, job.error_counts) for job in now] == [(JobStatus.QUEUED, {POISONED: 1})] * len(made)
    assert depth(Lane.DELIVERY) == len(made)
    assert handle_poison_message(message.content, step, "m2"), "another message counts once more"
    assert protocol.jobs.get(made[0].id, "lane-user").error_counts == {POISONED: 2}
    queues.client(queues.NOTIFY).clear_messages()


def test_a_poison_message_is_kept_while_the_store_is_away(
    local: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make(queues.CONVERT)
    put_poison(Lane.INTERACTIVE, json.dumps(protocol.pointer(job)))
    with monkeypatch.context() as away:
        away.setattr(type(store()), "find", _away)
        assert poison.drain() == 0
    assert depth(Lane.INTERACTIVE + queues.POISON) == 1
    queues.client(Lane.INTERACTIVE + queues.POISON).clear_messages()


def _away(*_: object, **__: object) -> NoReturn:
    raise ConnectionError("the document store is away")


ran: list[str] = []


def works() -> int:
    ran.append("works")
    return 1


def fails() -> int:
    ran.append("fails")
    raise RuntimeError("no")


def test_a_sweep_that_fails_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    ran.clear()
    sweeps.run([Sweep("first", f"{__name__}:fails"), Sweep("second", f"{__name__}:works")])
    assert ran == ["fails", "works"]


def test_every_sweep_can_be_run(local: dict[str, str]) -> None:
    for sweep in (*SWEEPS, *DAILY):
        module, _, name = sweep.run.partition(":")
        assert callable(getattr(__import__(module, fromlist=[name]), name)), sweep.name


@pytest.mark.parametrize(
    ("before", "now", "due"),
    [
        (None, 1000, True),
        (1000, 1010, False),
        (1190, 1201, True),
        (1201, 1499, False),
        (1201, 1500, True),
        (0, 9000, True),
    ],
)
def test_a_rare_sweep_runs_once_a_period_in_whichever_process(
    monkeypatch: pytest.MonkeyPatch, before: float | None, now: float, due: bool
) -> None:
    monkeypatch.setattr(sweeps, "_last", {})
    monkeypatch.setattr(clock, "now", lambda: now)
    ran.clear()
    status = None if before is None else {"Last": clock.iso(before)}
    sweeps.run([Sweep("rare", f"{__name__}:works", lambda: 300)], status)
    assert bool(ran) is due
    sweeps.run([Sweep("rare", f"{__name__}:works", lambda: 300)], status)
    assert len(ran) == due, "not again in the same period"
