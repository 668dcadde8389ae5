"""Conversions through the whole stack: accepted once, made once, announced once; and what happens on failures."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from PIL import Image
from quick import eventually

from demo.client import Client, Live, Refused
from emulators.stack import Stack

ENDED = ("completed", "failed", "cancelled")
type SignUp = Callable[..., Client]


def photo(colour: str = "tan", size: tuple[int, int] = (96, 128)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


def body(client: Client, **options: Any) -> dict[str, Any]:
    person = client.upload(photo(), "me.jpg", "person")["id"]
    garment = client.upload(photo("navy"), "shirt.jpg", "garment")["id"]
    return {"personImageId": person, "garmentImageId": garment, "options": options}


def ended(client: Client, id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = client.call("GET", f"conversions/{id}")
        return found if found["status"] in ENDED else None

    return eventually(look, "the end of the conversion")


def used(client: Client) -> int:
    return client.call("GET", "auth/me")["quota"]["used"]


@contextmanager
def fault(stack: Stack, provider: str = "gemini", **posted: Any) -> Iterator[None]:
    base = f"{stack.providers[provider]['url']}/_emulator/faults"
    requests.post(base, json=posted, timeout=5).raise_for_status()
    yield
    requests.delete(base, params={"match": posted["match"]}, timeout=5).raise_for_status()


def outbox(stack: Stack, provider: str, word: str) -> list[dict[str, Any]]:
    answer = requests.get(f"{stack.providers[provider]['url']}/_emulator/outbox", timeout=5).json()
    items = answer if isinstance(answer, list) else next(v for v in answer.values() if isinstance(v, list))
    return [item for item in items if word in json.dumps(item)]


def channels(client: Client, event: str) -> dict[str, str]:
    """How each channel of the one notification of an event fared, once all have ended."""

    def look() -> dict[str, str] | None:
        found = [n for n in client.call("GET", "notifications")["items"] if n["event"] == event]
        assert len(found) <= 1
        states = {name: state["status"] for name, state in found[0]["channels"].items()} if found else {}
        return states if states and "pending" not in states.values() else None

    return eventually(look, f"the notification {event}")


def test_a_conversion_is_made_and_announced_once_on_every_channel(stack: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    live = Live(client)
    asked = client.call("POST", "conversions", json=body(client))
    done = ended(client, asked["id"])
    assert done["status"] == "completed"
    assert done["processingMs"] > 0
    assert done["resultImage"]["kind"] == "result"
    for image in ("personImage", "garmentImage", "resultImage"):
        for form in ("original", "optimised", "thumbnail"):
            got = requests.get(done[image][form]["url"], timeout=10)
            assert got.status_code == 200
            Image.open(io.BytesIO(got.content)).load()
    assert used(client) == 1
    assert channels(client, "conversion.completed") == {"email": "sent", "sms": "sent", "websocket": "sent"}
    assert len(outbox(stack, "email", asked["id"])) == 1
    assert len(outbox(stack, "sms", asked["id"])) == 1
    message = live.until(lambda m: m["type"] == "notification")
    assert message["data"]["resultImageId"] == done["resultImageId"]
    sequence = [m["seq"] for m in live.messages if m["type"] == "job"]
    assert sequence == sorted(sequence)
    live.close()


def test_the_location_leads_to_the_conversion(stack: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    answer = client.session.post(f"{stack.url}/api/conversions", json=body(client), timeout=30)
    assert answer.status_code == 202
    assert client.session.get(stack.url + answer.headers["Location"], timeout=30).json()["id"] == answer.json()["id"]


def test_fifty_at_once_against_a_quota_of_ten_accept_ten(sign_up: SignUp) -> None:
    client = sign_up()
    wanted = body(client)

    def ask(_: int) -> int:
        try:
            client.call("POST", "conversions", json=wanted)
        except Refused as refused:
            assert refused.problem["code"] == "quota_exceeded"
            return refused.status
        return 202

    with ThreadPoolExecutor(25) as pool:
        statuses = list(pool.map(ask, range(50)))
    assert statuses.count(202) == 10
    assert statuses.count(429) == 40
    assert used(client) == 10
    assert len(client.call("GET", "conversions", params={"limit": 100})["items"]) == 10


def test_one_key_twenty_times_at_once_makes_one(sign_up: SignUp) -> None:
    client = sign_up()
    wanted, key = body(client), {"Idempotency-Key": secrets.token_hex(8)}

    def ask() -> dict[str, Any] | None:
        """The answer; None where as many wait for the first already as may."""
        try:
            return client.call("POST", "conversions", json=wanted, headers=key)
        except Refused as refused:
            assert refused.problem["code"] == "idempotency_in_progress"
            return None

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: eventually(ask, "the answer of the first"), range(20)))
    assert len({answer["id"] for answer in answers}) == 1
    assert len(client.call("GET", "conversions")["items"]) == 1
    assert used(client) == 1


def test_a_key_with_another_body_is_refused(sign_up: SignUp) -> None:
    client = sign_up()
    wanted, key = body(client), {"Idempotency-Key": secrets.token_hex(8)}
    client.call("POST", "conversions", json=wanted, headers=key)
    with pytest.raises(Refused) as refused:
        client.call("POST", "conversions", json={**wanted, "options": {"seed": 1}}, headers=key)
    assert (refused.value.status, refused.value.problem["code"]) == (422, "idempotency_key_reused")


def test_the_last_attempt_ends_as_a_dead_letter_and_a_redrive_completes(
    stack: Stack, sign_up: SignUp, admin: Client
) -> None:
    client, prompt = sign_up(), secrets.token_hex(6)
    with fault(stack, mode="503", times=None, match=prompt):
        asked = client.call("POST", "conversions", json=body(client, prompt=prompt))
        failed = ended(client, asked["id"])
        assert failed["status"] == "failed"
        assert failed["error"]["code"] == "gemini_failed"
        assert failed["attempt"] == 3
        assert channels(client, "conversion.failed") == {"email": "sent", "sms": "sent", "websocket": "sent"}
        assert used(client) == 0
    job = client.call("GET", f"jobs/{asked['jobId']}")
    assert job["status"] == "dead"
    letters = admin.call("GET", "admin/dead-letters", params={"limit": 100})["items"]
    assert asked["jobId"] in [letter["id"] for letter in letters]
    admin.call("POST", f"admin/dead-letters/{asked['jobId']}/redrive")
    assert client.wait(asked["jobId"])["status"] == "completed"
    assert ended(client, asked["id"])["status"] == "completed"
    assert used(client) == 1
    assert channels(client, "conversion.completed") == {"email": "sent", "sms": "sent", "websocket": "sent"}
    assert len(outbox(stack, "email", asked["id"])) == 2


def test_a_fault_that_passes_is_survived_in_silence(stack: Stack, sign_up: SignUp) -> None:
    client, prompt = sign_up(), secrets.token_hex(6)
    with fault(stack, mode="429", times=1, match=prompt, retryDelay=1):
        asked = client.call("POST", "conversions", json=body(client, prompt=prompt))
        done = ended(client, asked["id"])
    assert (done["status"], done["attempt"]) == ("completed", 2)
    assert channels(client, "conversion.completed")["email"] == "sent"
    assert not [n for n in client.call("GET", "notifications")["items"] if n["event"] == "conversion.failed"]


@pytest.mark.parametrize(("mode", "code"), [("image_safety", "blocked"), ("400", "gemini_refused")])
def test_a_permanent_fault_fails_at_once_costs_nothing_and_is_retried_by_an_administrator_alone(
    stack: Stack, sign_up: SignUp, admin: Client, mode: str, code: str
) -> None:
    client, prompt = sign_up(), secrets.token_hex(6)
    with fault(stack, mode=mode, times=None, match=prompt):
        asked = client.call("POST", "conversions", json=body(client, prompt=prompt))
        failed = ended(client, asked["id"])
    assert (failed["status"], failed["attempt"], failed["error"]["code"]) == ("failed", 1, code)
    assert used(client) == 0
    with pytest.raises(Refused) as refused:
        client.call("POST", f"jobs/{asked['jobId']}/retry")
    assert refused.value.status == 409
    admin.call("POST", f"admin/dead-letters/{asked['jobId']}/redrive")
    again = client.wait(asked["jobId"])
    assert (again["status"], again["generation"], again["attempt"]) == ("completed", 2, 1)
    assert ended(client, asked["id"])["status"] == "completed", "the same conversion, not another one"
    assert used(client) == 1, "its success is paid for"


@pytest.mark.parametrize("mode", ["403", "404"])
def test_what_only_the_operator_can_repair_parks_the_job_alerts_once_and_resumes(
    stack: Stack, sign_up: SignUp, admin: Client, mode: str
) -> None:
    client, prompt = sign_up(), secrets.token_hex(6)
    with fault(stack, mode=mode, times=None, match=prompt):
        asked = client.call("POST", "conversions", json=body(client, prompt=prompt))
        # The waits before it repeat themselves: seen more often than it has attempts, it has used none.
        job = eventually(lambda: (job := client.call("GET", f"jobs/{asked['jobId']}"))["seq"] >= 16 and job, "waiting")
        assert (job["status"], job["attempt"]) in (("retrying", 0), ("processing", 1))
        assert job["error"]["code"] == "temporarily_unavailable"
        assert "GEMINI" not in json.dumps(job)
        assert used(client) == 1
    done = ended(client, asked["id"])
    assert (done["status"], done["attempt"]) == ("completed", 1)
    alerts = [n for n in admin.call("GET", "notifications", params={"limit": 100})["items"]
              if n["event"] == "provider.alert" and n["data"]["provider"] == "gemini"]  # fmt: skip
    assert len(alerts) <= 1
    assert not [n for n in client.call("GET", "notifications")["items"] if n["event"] == "conversion.failed"]


def test_an_unusable_picture_is_asked_for_once_more_only(stack: Stack, sign_up: SignUp) -> None:
    client, prompt = sign_up(), secrets.token_hex(6)
    with fault(stack, mode="not_image", times=None, match=prompt):
        asked = client.call("POST", "conversions", json=body(client, prompt=prompt))
        failed = ended(client, asked["id"])
    assert (failed["status"], failed["attempt"], failed["error"]["code"]) == ("failed", 2, "bad_picture")


def test_a_cancelled_conversion_gives_its_quota_back(stack: Stack, sign_up: SignUp) -> None:
    client, prompt = sign_up(), secrets.token_hex(6)
    with fault(stack, mode="slow", seconds=2, times=None, match=prompt):
        asked = client.call("POST", "conversions", json=body(client, prompt=prompt))
        client.call("DELETE", f"conversions/{asked['id']}")
        assert ended(client, asked["id"])["status"] == "cancelled"
    assert used(client) == 0
    with pytest.raises(Refused) as refused:
        client.call("DELETE", f"conversions/{asked['id']}")
    assert (refused.value.status, refused.value.problem["code"]) == (409, "job_ended")
    assert client.call("GET", "notifications")["items"] == []


def test_only_own_people_and_own_or_public_garments_are_used(sign_up: SignUp) -> None:
    one, other, vendor = sign_up(), sign_up(), sign_up("vendor")
    mine, foreign = body(one), body(other)
    public = vendor.upload(photo("red"), "dress.jpg", "garment", visibility="public")["id"]

    def refusal(**change: str) -> tuple[int, str]:
        with pytest.raises(Refused) as refused:
            one.call("POST", "conversions", json={**mine, **change})
        return refused.value.status, refused.value.problem["code"]

    assert refusal(personImageId=foreign["personImageId"]) == (404, "image_not_found")
    assert refusal(garmentImageId=foreign["garmentImageId"]) == (404, "image_not_found")
    assert refusal(personImageId=mine["garmentImageId"]) == (422, "image_kind")
    assert refusal(garmentImageId="missing") == (404, "image_not_found")
    assert used(one) == 0
    asked = one.call("POST", "conversions", json={**mine, "garmentImageId": public})
    assert ended(one, asked["id"])["status"] == "completed"


def test_a_foreign_conversion_is_a_missing_one(sign_up: SignUp) -> None:
    one, other = sign_up(), sign_up()
    asked = one.call("POST", "conversions", json=body(one))
    answers = []
    for method, path in (("GET", "conversions"), ("DELETE", "conversions"), ("GET", "jobs")):
        for id in (asked["id"], "missing"):
            with pytest.raises(Refused) as refused:
                other.call(method, f"{path}/{id}")
            problem = {k: v for k, v in refused.value.problem.items() if k != "requestId"}
            answers.append((method, path, problem))
    assert answers[0::2] == answers[1::2]


def test_an_image_deleted_meanwhile_fails_the_conversion(stack: Stack, sign_up: SignUp) -> None:
    client, prompt = sign_up(), secrets.token_hex(6)
    wanted = body(client, prompt=prompt)
    with fault(stack, mode="429", times=1, match=prompt, retryDelay=3):
        asked = client.call("POST", "conversions", json=wanted)
        eventually(lambda: client.call("GET", f"conversions/{asked['id']}")["status"] == "retrying", "the retry")
        client.call("DELETE", f"images/{wanted['garmentImageId']}")
        failed = ended(client, asked["id"])
    assert (failed["status"], failed["error"]["code"]) == ("failed", "image_gone")
    assert failed["garmentImage"] is None
    assert used(client) == 0


def test_the_list_pages_newest_first_without_gaps(sign_up: SignUp) -> None:
    client = sign_up()
    wanted = body(client)
    made = [client.call("POST", "conversions", json=wanted)["id"] for _ in range(5)]
    found: list[str] = []
    token: str | None = None
    while True:
        query = {"limit": 2, **({"continuation": token} if token else {})}
        page = client.call("GET", "conversions", params=query)
        found += [item["id"] for item in page["items"]]
        token = page["continuation"]
        if token is None:
            break
    assert found == made[::-1]
