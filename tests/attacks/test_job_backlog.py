"""One user fills a lane with slow jobs: the next job of another runs at once, and no job is lost or done twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from quick import eventually

from shared.jobs import protocol, queues
from shared.jobs.consumer import consume_in_turn
from shared.jobs.models import Job, JobId, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.shares import LONGEST_S, Shares
from shared.jobs.step import Step, Task

LANE = queues.Lane.INTERACTIVE
SHARE = 3


class Gate(Step):
    """A step whose jobs wait until they are let go."""

    def __init__(self) -> None:
        self.inside = threading.Semaphore(0)
        self.open = threading.Event()
        self.done: list[str] = []

    def run(self, task: Task) -> Outcome:
        self.inside.release()
        assert self.open.wait(300)
        self.done.append(task.job.id)
        return Outcome()


@pytest.fixture
def gate(local: dict[str, str], change: Callable[..., None]) -> Iterator[Gate]:
    change(JOBS_AT_ONCE=str(SHARE))
    queues.client(LANE).clear_messages()
    made = Gate()
    yield made
    made.open.set()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as made:
        yield made


def job_of(user: str) -> Job:
    job = protocol.new_job("test", queues.CONVERT, user, {})
    protocol.jobs.create(job)
    return job


def message(job: Job) -> str:
    return json.dumps({"jobId": job.id, "userId": job.user_id, "generation": job.generation, "attempt": 1})


def take(count: int) -> list[dict[str, object]]:
    """As many messages as have come back; they are hidden for some time."""
    taken: list[dict[str, object]] = []

    def is_all() -> bool:
        for one in queues.client(LANE).receive_messages(max_messages=32):
            taken.append(json.loads(one.content))
            queues.client(LANE).delete_message(one)
        return len(taken) >= count

    eventually(is_all, "the return of the messages")
    return taken


def status(job: Job) -> JobStatus:
    return protocol.load(JobId(job.id), job.user_id).status


def test_a_victims_job_runs_while_an_attacker_has_all_of_a_share(gate: Gate, pool: ThreadPoolExecutor) -> None:
    running = Shares()
    attackers = [job_of("attacker") for _ in range(SHARE + 2)]
    victims = job_of("victim")

    def start(job: Job) -> Future[None]:
        return pool.submit(consume_in_turn, message(job), gate, LANE, running)

    started = [start(job) for job in attackers[:SHARE]]
    for _ in started:
        assert gate.inside.acquire(timeout=300)
    for job in attackers[SHARE:]:
        start(job).result()
        assert status(job) is JobStatus.QUEUED, "its job is untouched"
    started.append(start(victims))
    assert gate.inside.acquire(timeout=300), "the victim's job runs"
    gate.open.set()
    for one in started:
        one.result()
    back = take(2)
    assert {one["jobId"] for one in back} == {job.id for job in attackers[SHARE:]}
    for one in back:
        consume_in_turn(json.dumps(one), gate, LANE, running)
    assert {status(job) for job in (*attackers, victims)} == {JobStatus.COMPLETED}
    assert sorted(gate.done) == sorted(job.id for job in (*attackers, victims))


def test_a_place_is_given_back_whatever_happens(gate: Gate, change: Callable[..., None]) -> None:
    change(JOBS_AT_ONCE="1")
    running = Shares()
    for _ in range(3):
        with pytest.raises(RuntimeError), running.hold("u") as wait:
            assert wait is None
            raise RuntimeError
    assert not running._running


def test_a_message_waits_a_moment_while_jobs_of_its_user_are_short(gate: Gate, change: Callable[..., None]) -> None:
    change(JOBS_AT_ONCE="1")
    running, inside, waits = Shares(), threading.Event(), list[float | None]()

    def hold() -> None:
        with running.hold("vendor") as wait:
            waits.append(wait)
            inside.set()

    with running.hold("vendor"):
        pass
    with running.hold("vendor"):
        second = threading.Thread(target=hold)
        second.start()
        eventually(lambda: running._waiting["vendor"], "a message that waits")
        with running.hold("vendor") as third:
            assert third is not None, "no more wait than there are places"
    second.join(300)
    # On a machine that is far too slow its half second may have passed, and it comes again.
    assert inside.is_set()
    assert len(waits) == 1


def test_many_messages_come_again_one_after_another(gate: Gate, change: Callable[..., None]) -> None:
    change(JOBS_AT_ONCE="1")
    running, waits = Shares(), list[float]()
    with running.hold("attacker"):
        for _ in range(400):
            with running.hold("attacker") as wait:
                assert wait is not None
                waits.append(wait)
        with running.hold("victim") as wait:
            assert wait is None
    assert waits[0] < 1
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(LONGEST_S, abs=1)
