"""Jobs over HTTP: how they stand, waiting for a change, stopping, trying again; and the sweeper's timer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from over_http import photo, refused, send
from quick import eventually

from demo.client import Client
from emulators.stack import Stack
from shared.http import shares

type SignUp = Callable[..., Client]
QUEUE = "test-parking"
"""A queue that no function listens to, so that a job stays as the test puts it."""


@pytest.fixture
def park(inside: Stack, sign_up: SignUp) -> Callable[..., tuple[Client, str]]:
    """Makes a user with a job in a given state: (client, id)."""

    def make(**fields: Any) -> tuple[Client, str]:
        from shared.documents import store
        from shared.jobs import protocol

        client = sign_up()
        job = protocol.new_job("test", QUEUE, client.user["id"], {"secret": "payload"})
        store().create("studio", {**job.to_item(), "dueAt": time.time() + 600, **fields})
        return client, job.id.public

    return make


def change(client: Client, id: str, **fields: Any) -> None:
    from shared.documents import store

    store().patch("studio", f"job:{id}", client.user["id"], set=fields, incr={"seq": 1})


def soon(client: Client, id: str, seconds: float = 0.7, **fields: Any) -> threading.Thread:
    """Change the job a moment later."""

    def act() -> None:
        time.sleep(seconds)
        change(client, id, **fields)

    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_a_job_shows_how_it_stands_and_no_more(park: Any) -> None:
    client, id = park()
    job = client.call("GET", f"jobs/{id}")
    assert (job["id"], job["kind"], job["status"], job["attempt"], job["seq"]) == (id, "test", "queued", 0, 0)
    assert not {"payload", "leaseOwner", "traceparent", "userId"} & set(job)
    change(client, id, status="retrying", nextAt=1800000000.0)
    assert client.call("GET", f"jobs/{id}")["nextAttemptAt"] == "2027-01-15T08:00:00.000Z"


def test_waiting_ends_with_the_job(park: Any) -> None:
    client, id = park()
    began = time.monotonic()
    other = soon(client, id, status="completed", result={"n": 1})
    job = client.call("GET", f"jobs/{id}", params={"wait": 30})
    other.join()
    assert (job["status"], job["result"]) == ("completed", {"n": 1})
    assert time.monotonic() - began < 25


def test_waiting_on_a_number_ends_with_any_change(park: Any) -> None:
    client, id = park()
    other = soon(client, id, status="processing")
    job = client.call("GET", f"jobs/{id}", params={"wait": 30, "seq": 0})
    other.join()
    assert (job["status"], job["seq"]) == ("processing", 1)
    assert client.call("GET", f"jobs/{id}", params={"wait": 30, "seq": 0})["seq"] == 1


def test_without_a_change_waiting_ends_by_itself(park: Any) -> None:
    client, id = park()
    began = time.monotonic()
    assert client.call("GET", f"jobs/{id}", params={"wait": 1, "seq": 0})["status"] == "queued"
    assert time.monotonic() - began >= 1
    change(client, id, status="failed")
    assert client.call("GET", f"jobs/{id}", params={"wait": 30, "seq": 1})["status"] == "failed"


def test_many_who_wait_do_not_stop_the_app(park: Any, sign_up: SignUp) -> None:
    client, id = park()
    with ThreadPoolExecutor(80) as pool:
        waiting = [pool.submit(client.session.get, f"{client.base}jobs/{id}?wait=30", timeout=300) for _ in range(80)]
        # Each of the two instances has places of its own.
        places = 2 * shares.WAITS.share
        eventually(lambda: sum(one.done() for one in waiting) >= 80 - places, "an answer to those beyond the places")
        sign_up().upload(photo(), "a.jpg", "person")
        refused = [one.result() for one in waiting if one.done()]
        assert {(one.status_code, one.json()["code"]) for one in refused} == {(429, "too_many_at_once")}
        assert {"1", "2"} <= {one.headers["Retry-After"] for one in refused}, "they come back one after another"
        change(client, id, status="completed")
        served = [one.result() for one in waiting if one.result().status_code == 200]
        assert {one.json()["status"] for one in served} == {"completed"}


@pytest.mark.parametrize("query", ["wait=31", "wait=-1", "wait=x", "wait=1.5", "seq=-1", "seq=x", "since=1"])
def test_what_cannot_be_waited_for(park: Any, query: str) -> None:
    client, id = park()
    assert refused(send(client, "GET", f"jobs/{id}?{query}")) == (422, "invalid")


def test_a_foreign_job_is_a_missing_one(park: Any, sign_up: SignUp) -> None:
    client, id = park()
    stranger = sign_up()
    problems = []
    for method, action in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
        for which in (id, "missing"):
            answer = send(stranger, method, f"jobs/{which}{action}")
            assert refused(answer) == (404, "job_not_found")
            problems.append({k: v for k, v in answer.json().items() if k != "requestId"})
    assert all(problem == problems[0] for problem in problems)
    assert client.call("GET", f"jobs/{id}")["seq"] == 0


def test_an_ended_job_cannot_be_cancelled(park: Any) -> None:
    for status in ("completed", "failed", "cancelled", "dead"):
        client, id = park(status=status)
        assert refused(send(client, "POST", f"jobs/{id}/cancel")) == (409, "job_ended")
        assert client.call("GET", f"jobs/{id}")["status"] == status


def test_cancelling_is_asked_for_once_and_again(park: Any) -> None:
    from shared.documents import store

    for status in ("queued", "processing", "retrying"):
        client, id = park(status=status, nextAt=time.time() + 600, leaseUntil=time.time() + 600)
        for _ in range(2):
            assert send(client, "POST", f"jobs/{id}/cancel").status_code == 202
        assert store().read("studio", f"job:{id}", client.user["id"])["cancelRequested"] is True


def test_only_dead_jobs_are_tried_again(park: Any) -> None:
    for status in ("queued", "processing", "retrying", "completed", "failed", "cancelled"):
        client, id = park(status=status)
        assert refused(send(client, "POST", f"jobs/{id}/retry")) == (409, "job_state")
    client, id = park(status="dead", attempt=3)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send(client, "POST", f"jobs/{id}/retry"), range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    revived = client.call("GET", f"jobs/{id}")
    assert (revived["status"], revived["attempt"], revived["generation"]) == ("queued", 0, 2)


def test_the_timer_sweeps_jobs_and_images(park: Any) -> None:
    from shared.documents import store
    from shared.images.documents import ImageKind, images, new_image

    client, id = park(dueAt=1.0)
    half = new_image("half", client.user["id"], kind=ImageKind.PERSON)
    images.create(half.model_copy(update={"due_at": 1.0, "images": 0}))
    eventually(lambda: store().read("studio", f"job:{id}", client.user["id"])["sweeps"] >= 1, "the sweep of the job")
    eventually(lambda: images.find(half.id, half.user_id) is None, "the sweep of the image")
