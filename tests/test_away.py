"""Storage and providers that are away for a while: nothing lost, nothing done twice, answers that say what is wrong.

Ten minutes are compressed by settings: jobs try again within half a second, and more often than they have attempts.
"""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from conversion_outcomes import check_each_once, count_completed, count_unfinished, picture
from PIL import Image
from quick import QUICK, eventually
from stores import store_of

from demo import accounts
from demo.accounts import create_account
from demo.client import Client
from emulators.stack import Stack
from shared.documents import DocumentStore, Where
from wardrobe import draw_garment, draw_posed_mannequin, garment_spec

pytestmark = [pytest.mark.long, pytest.mark.processes, pytest.mark.timeout(3600)]
FIGURE, GARMENT = (448, 672), (448, 560)
PROVIDERS = ("gemini", "email", "sms", "webpubsub")
TRIES = 6
"""More than `JOB_MAX_ATTEMPTS` in these tests, which is 3."""
JOBS = 3
SWEEPS = 3
"""Tries of a payment, which wait twice as long each time."""


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Stack]:
    # The port may be that of an earlier stack, whose administrator is none here.
    accounts._administrators.clear()
    engines = '["compact", "gemini", "fashn-api"]'
    settings = {**QUICK, "JOB_OUTAGE_S": "3600", "PROVIDER_PROBE_S": "0.2", "TRYON_ENGINES": engines}
    with Stack(tmp_path / "data", workers=2, settings=settings, log=tmp_path / "functions.log") as running:
        yield running


def take_away(stack: Stack, provider: str) -> None:
    answer = {"mode": "answer", "times": None, "status": 503, "body": {"error": {"code": 503, "message": "away"}}}
    url = f"{stack.providers[provider]['url']}/_emulator/faults"
    requests.post(url, json=answer, timeout=30).raise_for_status()


def bring_back(stack: Stack, provider: str) -> None:
    requests.delete(f"{stack.providers[provider]['url']}/_emulator/faults", timeout=30).raise_for_status()


def unfinished(store: DocumentStore, *kinds: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [*store.query("studio", Where("type", "=", "job"), limit=1000).items]
    return [job for job in found if job["kind"] in kinds and job["status"] not in ("completed", "cancelled")]


def has_tried(jobs: list[dict[str, Any]], count: int) -> bool:
    """Whether this number of jobs has met errors more often than they have attempts."""
    met = [sum((job.get("errorCounts") or {}).values()) for job in jobs]
    return len(met) == count and min(met) >= TRIES


def test_every_provider_is_away_and_comes_back(system: Stack) -> None:
    client = create_account(system, phone="+15550107777")
    wanted = what_to_wear(client)
    store, user = store_of(system.settings), client.user["id"]
    for provider in PROVIDERS:
        take_away(system, provider)
    made = {client.call("POST", "conversions", json=wanted)["id"] for _ in range(JOBS)}
    eventually(lambda: has_tried(unfinished(store, "conversion", "tryon"), JOBS), "tries of the conversions")
    shown = client.call("GET", f"conversions/{next(iter(made))}")
    assert shown["status"] not in ("failed", "completed")
    job = client.call("GET", f"jobs/{shown['jobId']}")
    assert job["error"]["code"].startswith(("gemini", "temporarily")), job
    assert job["status"] in ("retrying", "processing")
    bring_back(system, "gemini")
    eventually(lambda: count_completed(store, user) == JOBS, "the conversions")
    eventually(lambda: has_tried(unfinished(store, "notify.email", "notify.sms"), 2 * JOBS), "tries of the notices")
    for provider in PROVIDERS[1:]:
        bring_back(system, provider)
    eventually(lambda: count_unfinished(store) == 0, "the notifications")
    check_each_once(system, store, user, made)


def test_paypal_is_away_and_comes_back(system: Stack) -> None:
    client = create_account(system)
    order = client.call("POST", "paypal/orders", json={"pack": "small"})["id"]
    store, paypal = store_of(system.settings), f"{system.providers['paypal']['url']}/_emulator"
    take_away(system, "paypal")
    approval = {"action": "approve", "outcome": "completed"}
    requests.post(f"{paypal}/orders/{order}", json=approval, timeout=30).raise_for_status()
    refused = client.session.post(f"{client.base}paypal/orders/{order}/capture", timeout=600)
    if refused.status_code != 202:  # 202: the event's job holds the payment, and tries
        assert refused.status_code == 502 and refused.json()["retryable"], refused.text
        assert refused.json()["code"].startswith("paypal"), refused.text
    eventually(lambda: system.log.read_text().count('"payment.sweep_failed"') >= SWEEPS, "tries of the payment")
    assert client.call("GET", "paypal/payments")["credits"] == 0
    bring_back(system, "paypal")
    eventually(lambda: client.call("GET", "paypal/payments")["credits"] == 10, "the credits")
    eventually(lambda: count_unfinished(store) == 0, "the events")
    captured = client.call("POST", f"paypal/orders/{order}/capture")
    captures = requests.get(f"{paypal}/state", timeout=30).json()["captures"]
    assert [captured["captureId"]] == [id for id, one in captures.items() if one["orderId"] == order]
    assert client.call("GET", "paypal/payments")["credits"] == 10


def test_fashn_is_away_and_comes_back(system: Stack) -> None:
    client = create_account(system)
    store, user = store_of(system.settings), client.user["id"]
    person, garment = draw_posed_mannequin(1, FIGURE), draw_garment(garment_spec("t-shirt", 21), GARMENT).image
    wanted = {
        "personImageId": client.upload(encoded(person), "me.jpg", "person")["id"],
        "garmentImageId": client.upload(encoded(garment), "shirt.jpg", "garment")["id"],
        "category": "upper", "mode": "queued", "engine": "fashn-api",
    }  # fmt: skip
    take_away(system, "fashn")
    made = {client.call("POST", "cv/tryon", json=wanted)["id"] for _ in range(JOBS)}
    eventually(lambda: has_tried(unfinished(store, "tryon"), JOBS), "tries of the try-ons")
    assert {client.call("GET", f"cv/tryon/{id}")["status"] for id in made} <= {"queued", "processing", "retrying"}
    bring_back(system, "fashn")
    eventually(lambda: count_completed(store, user) == JOBS and count_unfinished(store) == 0, "the try-ons")
    shown = [client.call("GET", f"cv/tryon/{id}") for id in made]
    assert {(one["status"], one["engine"], one["billed"]) for one in shown} == {("completed", "fashn-api", True)}
    runs = requests.get(f"{system.providers['fashn']['url']}/_emulator/requests", timeout=30).json()["requests"]
    started = [one for one in runs if one["method"] == "POST" and one["status"] == 200]
    assert len(started) == JOBS, "each was paid for once"
    assert store.query("studio", Where("type", "=", "quota"), partition=user).items[0]["used"] == JOBS


def test_storage_is_away_and_comes_back(system: Stack) -> None:
    client = create_account(system, phone="+15550107777")
    wanted = what_to_wear(client)
    store, user = store_of(system.settings), client.user["id"]
    processes = [(one, " ".join(one.cmdline())) for one in psutil.Process().children(recursive=True)]
    folder = str(system.log.parent / "data")
    azurite = next(one for one, command in processes if folder in command and "azurite" in command.lower())
    azurite.send_signal(signal.SIGSTOP)
    try:
        assert client.call("GET", "auth/me")["id"] == user, "what needs no storage goes on"
        key = {"Idempotency-Key": "while-away"}
        refused = send(client, key)
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_down")
        assert refused.json()["retryable"] and refused.headers["Retry-After"]
    finally:
        azurite.send_signal(signal.SIGCONT)
    answers = [send(client, key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    made = {client.call("POST", "conversions", json=wanted)["id"] for _ in range(JOBS)}
    eventually(lambda: count_completed(store, user) == JOBS and count_unfinished(store) == 0, "the conversions")
    check_each_once(system, store, user, made)


def send(client: Client, headers: dict[str, str]) -> requests.Response:
    sent = {**headers, "Content-Type": "image/jpeg"}
    url = f"{client.base}images/upload?kind=person"
    return client.session.post(url, data=picture("plum"), headers=sent, timeout=600)


def encoded(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


def what_to_wear(client: Client) -> dict[str, Any]:
    return {
        "personImageId": client.upload(picture("tan"), "me.jpg", "person")["id"],
        "garmentImageId": client.upload(picture("teal"), "shirt.jpg", "garment")["id"],
    }
