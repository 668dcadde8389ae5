"""`Idempotency-Key`: one effect and one answer, however often and however badly it goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from http_calls import Answered, App
from http_shop import Shop
from stores import both_stores

from shared.documents import Where, store
from shared.errors import Conflict, Unavailable
from shared.http import idempotency

HAT, COAT = {"item": "hat"}, {"item": "coat"}
type Send = Callable[..., Answered]


@pytest.fixture
def send(call: App, shop: Shop, token: Callable[..., str]) -> Send:
    """Sends an order under a key: `send(HAT)`, `send(HAT, key="other", user="eve")`."""

    def send(body: object = HAT, *, key: str = "key-1", user: str = "ada") -> Answered:
        return call("order", body, token=token(user), headers={"Idempotency-Key": key})

    return send


@both_stores
def test_several_at_the_same_time_run_once_and_answer_alike(send: Send, shop: Shop) -> None:
    shop.gate = threading.Event()
    with ThreadPoolExecutor(7) as pool:
        sent = [pool.submit(send) for _ in range(7)]
        assert shop.started.wait(10)
        shop.gate.set()
        answers = [one.result() for one in sent]
    assert len(shop.runs) == 1
    assert {(answer.status, answer.raw, answer.headers["Location"]) for answer in answers} == {
        (201, answers[0].raw, f"/api/orders/{shop.runs[0]}")
    }
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1


def test_repeats_beyond_the_places_to_wait_are_refused(send: Send, shop: Shop) -> None:
    shop.gate = threading.Event()
    with ThreadPoolExecutor(20) as pool:
        sent = [pool.submit(send) for _ in range(20)]
        assert shop.started.wait(300)
        # All but the first and those that wait end while the first still runs.
        while sum(one.done() for one in sent) < 13:
            time.sleep(0.01)
        refused = [one.result() for one in sent if one.done()]
        assert {(one.status, one.code, one.headers["Retry-After"]) for one in refused} == {
            (409, "idempotency_in_progress", "2")
        }
        shop.gate.set()
        answers = [one.result() for one in sent]
    assert sum(one.status == 201 for one in answers) == 7
    assert len(shop.runs) == 1


def test_another_body_under_the_key_is_refused(send: Send, shop: Shop) -> None:
    assert send(HAT).status == 201
    answer = send(COAT)
    assert (answer.status, answer.code) == (422, "idempotency_key_reused")
    assert len(shop.runs) == 1


def test_keys_users_routes_and_objects_are_apart(call: App, send: Send, shop: Shop, token: Callable[..., str]) -> None:
    send()
    send(key="key-2")
    send(user="eve")
    for id in ("1", "2", "2"):
        call("repeat", HAT, token=token(), route={"id": id}, headers={"Idempotency-Key": "key-1"})
    assert len(shop.runs) == 5
    assert len(set(shop.runs)) == 5


def test_without_a_key_each_request_counts(call: App, shop: Shop, token: Callable[..., str]) -> None:
    assert call("order", HAT, token=token()).body != call("order", HAT, token=token()).body


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "\x00"])
def test_a_bad_key_is_refused(send: Send, shop: Shop, key: str) -> None:
    answer = send(key=key)
    assert (answer.status, answer.code) == (400, "bad_idempotency_key")
    assert shop.runs == []


@pytest.mark.parametrize("key", ["x" * 255, "../../a?b#c", "ключ"])
def test_any_printable_key_will_do(send: Send, shop: Shop, key: str) -> None:
    assert send(key=key).body == send(key=key).body
    assert len(shop.runs) == 1


def test_a_refusal_gives_the_key_back(send: Send, shop: Shop) -> None:
    shop.fail = Conflict("not now")
    assert send().status == 409
    assert store().count("idempotency") == 0
    shop.fail = None
    assert send().status == 201
    assert send().headers["Idempotency-Replayed"] == "true"
    assert len(shop.runs) == 2


@both_stores
@pytest.mark.parametrize("error", [RuntimeError("crash"), Unavailable("the store is down")])
def test_after_an_unclear_end_the_key_makes_the_same_thing(send: Send, shop: Shop, error: Exception) -> None:
    shop.fail = error
    assert send().status in (500, 503)
    shop.fail = None
    assert send().status == 201
    assert len(shop.runs) == 2
    assert len(set(shop.runs)) == 1


@both_stores
def test_a_dead_owner_s_key_is_taken_over_under_the_same_id(send: Send, shop: Shop) -> None:
    wake = shop.gate = threading.Event()
    with ThreadPoolExecutor(6) as pool:
        stuck = pool.submit(send)
        assert shop.started.wait(10)
        shop.gate = None
        (record,) = store().query("idempotency", Where("state", "=", "in_progress")).items
        store().patch("idempotency", record["id"], record["id"], set={"expiresAt": 0})
        answers = list(pool.map(lambda _: send(), range(5)))
        wake.set()
    assert {answer.raw for answer in answers} == {stuck.result().raw}
    assert shop.runs == [record["resourceId"]] * 2
    assert send().raw == answers[0].raw


@both_stores
def test_an_owner_thought_dead_does_not_overwrite_the_answer() -> None:
    slow = idempotency.begin("ada", "order", "key-1", b"{}")
    assert isinstance(slow, idempotency.Ticket)
    store().patch("idempotency", slow.record.id, slow.record.id, set={"expiresAt": 0})
    heir = idempotency.begin("ada", "order", "key-1", b"{}")
    assert isinstance(heir, idempotency.Ticket)
    assert heir.resource_id == slow.resource_id
    idempotency.release(slow, RuntimeError())
    idempotency.complete(heir, 201, "heir", {})
    idempotency.complete(slow, 201, "slow", {})
    idempotency.release(slow, RuntimeError())
    replayed = idempotency.begin("ada", "order", "key-1", b"{}")
    assert isinstance(replayed, idempotency.Replay)
    assert replayed.body == "heir"


def test_one_that_still_runs_is_asked_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "WAIT_S", 0.1)
    idempotency.begin("ada", "order", "key-1", b"{}")
    with pytest.raises(Conflict) as refused:
        idempotency.begin("ada", "order", "key-1", b"{}")
    assert (refused.value.code, refused.value.retryable) == ("idempotency_in_progress", True)


def test_the_key_and_the_body_are_stored_as_hashes(send: Send) -> None:
    send(key="a very secret key")
    (record,) = store().query("idempotency").items
    assert "secret" not in str(record)
    assert len(record["digest"]) == len(record["id"]) == 64
