"""The job protocol on a real store and a real queue: every transition, every guard, every crash point."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stores import both_stores

from shared import clock
from shared.documents import Create, Patch, Where, store
from shared.documents.fields import Assign
from shared.errors import Conflict, StudioError, Unprocessable, UpstreamError
from shared.jobs import control, protocol, queues, sweeper
from shared.jobs.consumer import consume, handle_poison_message
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import LeaseLost, Outcome
from shared.jobs.step import Step, Task

QUEUE = "protocol"
USER = "u1"


class Recorder(Step):
    """A step that does what the test tells it, and notes what the consumer asked of it."""

    def __init__(self, behaviour: Any = None) -> None:
        self.behaviour = behaviour
        self.calls: list[str] = []

    def run(self, task: Task) -> Outcome:
        self.calls.append("run")
        if isinstance(self.behaviour, Exception):
            raise self.behaviour
        return self.behaviour(task) if self.behaviour else Outcome(result={"made": task.attempt_key})

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        self.calls.append(f"ended {status} {error.code if error else None}")
        return Outcome()

    def after_commit(self, job: Job) -> None:
        self.calls.append("committed")

    def on_lease_lost(self, job: Job) -> None:
        self.calls.append("abandoned")

    def push(self, job: Job) -> None:
        self.calls.append(f"push {job.status}")


@pytest.fixture(autouse=True)
def empty_queue(local: dict[str, str]) -> None:
    queues.client(QUEUE).clear_messages()


def make(**fields: Any) -> Job:
    job = protocol.new_job("test", QUEUE, USER, {"n": 1})
    return protocol.jobs.load(store().create("studio", {**job.to_item(), **fields}))


def load(job: Job) -> Job:
    return protocol.load(job.id, USER)


def pointer(job: Job, attempt: int | None = None) -> str:
    wanted = job.attempt + 1 if attempt is None else attempt
    body = {"jobId": job.id, "userId": USER, "generation": job.generation, "attempt": wanted}
    return json.dumps(body)


def sent() -> list[dict[str, Any]]:
    """All messages of the queue, hidden ones too."""
    return [json.loads(m.content) for m in queues.client(QUEUE).receive_messages(max_messages=32)]


@both_stores
def test_a_job_runs_once_however_often_its_message_comes() -> None:
    job, step = make(), Recorder()
    for _ in range(3):
        consume(pointer(job), step)
    done = load(job)
    assert done.status == "completed"
    assert done.result == {"made": "1-1"}
    assert done.attempt == 1
    assert done.due_at is None
    assert step.calls == ["push processing", "run", "push completed", "committed"]


def test_the_subject_follows_and_the_outcome_is_one_commit() -> None:
    store().create("studio", {"id": "thing", "userId": USER, "type": "thing", "status": "queued"})
    job = make(subjectId="thing")
    seen: list[str] = []

    def work(task: Task) -> Outcome:
        seen.append(store().read("studio", "thing", USER)["status"])
        extra = {"id": "extra", "userId": USER, "type": "extra"}
        return Outcome(operations=[Create(extra)], subject=[Assign("colour", "red")])

    consume(pointer(job), Recorder(work))
    thing = store().read("studio", "thing", USER)
    assert seen == ["processing"]
    assert (thing["status"], thing["colour"]) == ("completed", "red")
    assert store().find("studio", "extra", USER)


@both_stores
def test_a_commit_that_fails_in_part_writes_nothing_of_it() -> None:
    store().create("studio", {"id": "thing", "userId": USER, "type": "thing", "status": "queued"})
    job = make(subjectId="thing")

    def work(task: Task) -> Outcome:
        extra = {"id": "extra", "userId": USER, "type": "extra"}
        return Outcome(operations=[Create(extra), Patch("missing", set={"a": 1})])

    step = Recorder(work)
    consume(pointer(job), step)
    assert store().find("studio", "extra", USER) is None
    assert load(job).status == "failed"
    assert store().read("studio", "thing", USER)["status"] == "failed"


def test_jobs_made_by_a_job_are_sent() -> None:
    child = protocol.new_job("child", QUEUE, USER, {})
    job = make()
    consume(pointer(job), Recorder(lambda task: Outcome(operations=[protocol.jobs.creation(child)])))
    assert [message["jobId"] for message in sent()] == [child.id]


def test_retryable_errors_wait_longer_each_time_and_end_as_a_dead_letter() -> None:
    job, step = make(maxAttempts=3), Recorder(UpstreamError("busy", code="busy"))
    for attempt in (1, 2, 3):
        store().patch("studio", job.id, USER, set={"nextAt": 0})
        consume(pointer(job, attempt), step)
        job = load(job)
        assert job.attempt == attempt
    assert job.status == "dead"
    assert job.last_error.code == "busy"
    assert step.calls[-3:] == ["ended dead busy", "push dead", "committed"]
    failed = job.failed_attempts
    assert [(one.attempt, one.code, one.next_at is None) for one in failed] == [
        (1, "busy", False),
        (2, "busy", False),
        (3, "busy", True),
    ]
    assert all(one.started_at and one.started_at <= one.ended_at for one in failed)


def test_the_wait_asked_for_by_a_provider_wins() -> None:
    job = make()
    consume(pointer(job), Recorder(UpstreamError("busy", code="busy", retry_after=77)))
    parked = load(job)
    assert parked.status == "retrying"
    assert parked.next_at - clock.now() > 70
    assert parked.due_at > parked.next_at


def test_permanent_errors_fail_at_once() -> None:
    job, step = make(), Recorder(Unprocessable("no", code="blocked"))
    consume(pointer(job), step)
    assert load(job).status == "failed"
    assert "ended failed blocked" in step.calls


def test_an_error_may_bound_its_own_repetitions() -> None:
    job, step = make(maxAttempts=9), Recorder(UpstreamError("none", code="no_image", max_tries=2))
    consume(pointer(job), step)
    store().patch("studio", job.id, USER, set={"nextAt": 0})
    consume(pointer(job, 2), step)
    assert load(job).status == "failed"


def test_an_unexpected_error_is_retried_and_reported_without_its_text() -> None:
    job = make()
    consume(pointer(job), Recorder(RuntimeError("password=hunter2")))
    parked = load(job)
    assert parked.status == "retrying"
    assert "hunter2" not in parked.model_dump_json()


def test_a_live_lease_is_respected_and_the_message_comes_back() -> None:
    job = make()
    claimed = protocol.claim(job, "other")
    assert claimed
    step = Recorder()
    consume(pointer(job), step)
    assert step.calls == []
    assert queues.client(QUEUE).get_queue_properties().approximate_message_count == 1


def test_an_expired_lease_is_taken_over_by_an_old_message() -> None:
    job = make()
    assert protocol.claim(job, "died")
    store().patch("studio", job.id, USER, set={"leaseUntil": clock.now() - 1})
    consume(pointer(job, 1), Recorder())
    done = load(job)
    assert (done.status, done.attempt) == ("completed", 2)
    assert [(one.attempt, one.code) for one in done.failed_attempts] == [(1, "worker_stopped")]


def test_who_lost_the_lease_commits_nothing_and_tidies_up() -> None:
    job = make()

    def slow(task: Task) -> Outcome:
        store().patch("studio", job.id, USER, set={"leaseUntil": clock.now() - 1})
        consume(pointer(job, 1), Recorder(lambda inner: Outcome(result={"by": "second"})))
        return Outcome(result={"by": "first"})

    step = Recorder(slow)
    consume(pointer(job), step)
    assert load(job).result == {"by": "second"}
    assert step.calls[-1] == "abandoned"


def test_a_stale_message_of_an_older_generation_does_nothing() -> None:
    job = make(status="dead")
    old = pointer(job, 1)
    revived = control.redrive(job)
    step = Recorder()
    consume(old, step)
    assert step.calls == []
    consume(pointer(revived), step)
    assert load(job).status == "completed"
    assert load(job).generation == 2


@pytest.mark.parametrize("status", ["queued", "processing", "completed", "cancelled"])
def test_only_dead_and_failed_jobs_are_redriven(status: str) -> None:
    with pytest.raises(Conflict):
        control.redrive(make(status=status))


@pytest.mark.parametrize("status", ["queued", "retrying"])
def test_a_waiting_job_is_cancelled_by_the_next_message(status: str) -> None:
    job, step = make(status=status, nextAt=clock.now() + 900), Recorder()
    flagged = control.request_cancel(job)
    (message,) = sent()
    consume(json.dumps(message), step)
    assert load(flagged).status == "cancelled"
    assert step.calls == ["ended cancelled None", "push cancelled", "committed"]


def test_a_running_job_is_cancelled_between_two_parts() -> None:
    job = make()

    def work(task: Task) -> Outcome:
        control.request_cancel(load(job))
        task.progress("half", 100)
        raise AssertionError("went on")

    consume(pointer(job), Recorder(work))
    assert load(job).status == "cancelled"


def test_a_cancellation_that_comes_with_the_commit_wins() -> None:
    job = make()

    def work(task: Task) -> Outcome:
        control.request_cancel(load(job))
        return Outcome()

    consume(pointer(job), Recorder(work))
    assert load(job).status == "cancelled"


def test_an_ended_job_can_not_be_cancelled() -> None:
    with pytest.raises(Conflict):
        control.request_cancel(make(status="completed"))


def test_a_message_the_host_gave_up_on_gets_its_job_a_fresh_one() -> None:
    job, step = make(), Recorder()
    handle_poison_message(pointer(job), lambda: step, "m1")
    (message,) = sent()
    consume(json.dumps(message), step)
    assert load(job).status == "completed"


@pytest.mark.parametrize("fields", [{"attempt": 5, "maxAttempts": 5}, {"errorCounts": {"poisoned": 3}}])
def test_a_job_that_keeps_killing_its_host_ends_as_a_dead_letter(fields: dict[str, Any]) -> None:
    job, step = make(**fields), Recorder()
    handle_poison_message(pointer(job), lambda: step, "m1")
    handle_poison_message(pointer(job), lambda: step, "m1")
    assert load(job).last_error.code == "host_crash"
    assert step.calls.count("ended dead host_crash") == 1


@pytest.mark.parametrize("message", ["not json", "{}", '{"jobId": "x", "userId": "y", "generation": 1, "attempt": 1}'])
def test_the_poison_consumer_never_raises(message: str) -> None:
    def broken() -> Recorder:
        raise RuntimeError("no step")

    handle_poison_message(message, broken, "m1")
    handle_poison_message(pointer(make(attempt=5, maxAttempts=5)), broken, "m1")


@both_stores
def test_a_commit_that_raced_with_another_write_is_tried_again() -> None:
    store().create("studio", {"id": "counter", "userId": USER, "type": "counter", "n": 0})
    job = make()
    never = Patch("counter", incr={"n": 1}, where=(Where("n", ">", 0),))
    consume(pointer(job), Recorder(lambda task: Outcome(operations=[never])))
    assert load(job).status == "retrying"
    assert load(job).last_error.code == "commit_failed"


def test_a_job_ends_although_its_subject_was_deleted() -> None:
    job = make(subjectId="gone")
    consume(pointer(job), Recorder())
    assert load(job).status == "completed"


def test_a_redriven_job_counts_its_time_from_zero() -> None:
    store().create(
        "studio", {"id": "thing", "userId": USER, "type": "thing", "status": "failed", "error": {"code": "x"}}
    )
    job = make(status="dead", startedAt="2020-01-01T00:00:00.000Z", subjectId="thing")
    revived = control.redrive(job)
    assert revived.started_at is None
    assert store().read("studio", "thing", USER)["error"] is None
    consume(pointer(revived), Recorder())
    assert load(job).started_at > "2026"


def test_done_jobs_are_forgotten_in_time_and_dead_ones_kept() -> None:
    done, dead = make(), make(maxAttempts=1)
    consume(pointer(done), Recorder())
    consume(pointer(dead), Recorder(UpstreamError("busy", code="busy")))
    assert load(done).ttl > 24 * 3600
    assert load(dead).ttl is None


def test_a_lease_that_was_lost_can_not_be_renewed() -> None:
    job = protocol.claim(make(), "one")
    assert job
    store().patch("studio", job.id, USER, set={"fence": 9})
    with pytest.raises(LeaseLost):
        protocol.renew(job)


def test_the_sweeper_sends_what_is_overdue_and_waits_longer_each_time() -> None:
    overdue = clock.now() - 1
    lost = [make(dueAt=overdue), make(status="retrying", dueAt=overdue), make(status="processing", dueAt=overdue)]
    make(status="completed", dueAt=None)
    make()
    assert sweeper.sweep() == 3
    assert {message["jobId"] for message in sent()} == {job.id for job in lost}
    assert sweeper.sweep() == 0
    first = load(lost[0]).due_at
    store().patch("studio", lost[0].id, USER, set={"dueAt": overdue})
    sweeper.sweep()
    assert load(lost[0]).due_at > first + 2


CRASHES = ("before-claim", "after-claim", "in-work", "before-commit", "after-commit")


@pytest.mark.parametrize("where", CRASHES)
def test_a_process_that_dies_at_any_step_loses_nothing(where: str, local: dict[str, str]) -> None:
    """The worker exits for real at one step; the sweeper and the next worker finish the job, with one effect."""
    store().create("studio", {"id": "counter", "userId": USER, "type": "counter", "n": 0})
    job = make()
    died = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "dying_worker.py"), where, pointer(job)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        check=False,
    )
    assert died.returncode == 9
    store().patch("studio", job.id, USER, set={"dueAt": clock.now() - 1 if load(job).status != "completed" else None})
    if load(job).status == "processing":
        store().patch("studio", job.id, USER, set={"leaseUntil": clock.now() - 1})
    sweeper.sweep()
    for message in sent():
        consume(json.dumps(message), Recorder(lambda task: Outcome(operations=[Patch("counter", incr={"n": 1})])))
    assert load(job).status == "completed"
    assert store().read("studio", "counter", USER)["n"] == 1
