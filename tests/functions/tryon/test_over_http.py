"""Try-on through the whole stack: the app, its queue, the container and an engine."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import requests
from drawn import MODELS, needs_model
from over_http import photo, refused, send, stored
from PIL import Image
from quick import eventually

from demo.client import Client
from emulators.stack import Stack
from tests.functions.tryon.tryon_shopper import garment, jpeg, person, shelve
from wardrobe import draw_mannequin

pytestmark = needs_model
type SignUp = Callable[..., Client]

ENGINES = [
    pytest.param(
        "compact",
        marks=pytest.mark.skipif(
            not (MODELS / "garment_landmarks.onnx").is_file(), reason="garment_landmarks.onnx has not been trained here"
        ),
    ),
    "gemini",
]


def fetched(url: str) -> Any:
    answer = requests.get(url, timeout=20)
    answer.raise_for_status()
    return np.asarray(Image.open(io.BytesIO(answer.content)))


@pytest.mark.parametrize("engine", ENGINES)
def test_made_answered_replayed_and_deleted(stack: Stack, sign_up: SignUp, engine: str) -> None:
    client = sign_up()
    source = client.upload(person(), "me.jpg", "person")
    wanted = {
        "personUrl": source["original"]["url"],
        "garmentImageId": client.upload(garment("t-shirt"), "shirt.jpg", "garment")["id"],
        "engine": engine,
        "seed": 11,
        "mode": "sync",
    }
    key = {"Idempotency-Key": "once"}
    answer = send(client, "POST", "cv/tryon", json=wanted, headers=key)
    assert answer.status_code in (200, 202), answer.text
    made = answer.json()
    if answer.status_code == 202:
        assert answer.headers["Location"] == f"/api/cv/tryon/{made['id']}"
        assert client.wait(made["jobId"])["status"] == "completed"
    again = send(client, "POST", "cv/tryon", json=wanted, headers=key)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    made = again.json()
    assert (made["status"], made["seed"], made["engine"]) == ("completed", 11, engine)
    before, after, mask = (fetched(url) for url in (source["original"]["url"], made["outputUrl"], made["maskUrl"]))
    assert after.shape == before.shape and (after != before).any()
    assert (after == before)[mask == 0].all()
    assert client.call("GET", "auth/me")["quota"]["used"] == 1
    assert client.call("GET", f"images/{made['results'][0]['imageId']}")["kind"] == "result"
    client.call("DELETE", f"cv/tryon/{made['id']}", params={"inputs": "true"})
    assert [name for name in stored(stack, client.user["id"]) if name.startswith(("tryon/", "images/"))] == []
    assert refused(send(client, "GET", f"cv/tryon/{made['id']}")) == (404, "tryon_not_found")
    assert refused(send(client, "POST", "cv/tryon", json=wanted, headers=key)) == (410, "tryon_gone")


def test_a_refusal_states_that_it_is_not_billed(sign_up: SignUp) -> None:
    client = sign_up()
    wanted = {
        "personImageId": client.upload(photo(size=(200, 300)), "me.jpg", "person")["id"],
        "garmentImageId": client.upload(garment("t-shirt"), "shirt.jpg", "garment")["id"],
    }
    for extra in ({"dryRun": True}, {"mode": "sync"}):
        answer = send(client, "POST", "cv/tryon", json={**wanted, **extra})
        assert refused(answer) == (422, "no_person")
        problem = answer.json()
        assert (problem["retryable"], problem["details"]["billed"]) == (False, False)
    assert client.call("GET", "auth/me")["quota"]["used"] == 0


def test_an_outfit_through_the_queue_shows_progress(sign_up: SignUp) -> None:
    client = sign_up()
    outfit = [
        {"garmentImageId": client.upload(garment(name), "g.jpg", "garment")["id"]} for name in ("t-shirt", "trousers")
    ]
    made = client.call(
        "POST",
        "cv/tryon",
        json={
            "personImageId": client.upload(jpeg(draw_mannequin(8, (256, 384)).image), "me.jpg", "person")["id"],
            "garments": outfit,
            "mode": "queued",
            "engine": "gemini",
        },
    )
    job = client.wait(made["jobId"])
    assert (job["status"], job["progress"]["percent"]) == ("completed", 100)
    done = client.call("GET", f"cv/tryon/{made['id']}")
    assert [one["category"] for one in done["garments"]] == ["upper", "lower"]
    assert done["billed"] and done["outputUrl"]
    assert [one["id"] for one in client.call("GET", "cv/tryon")["items"]] == [made["id"]]


def test_a_batch_continues_as_its_try_ons_end(inside: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    ids = [f"{client.user['id']}-coat-{n}" for n in range(4)]
    for product in ids:
        shelve(product, vendor=f"v-{client.user['id']}")
    me = client.upload(jpeg(draw_mannequin(8, (256, 384)).image), "me.jpg", "person")["id"]
    asked = client.call(
        "POST", "cv/tryon/batch", json={"personImageId": me, "productIds": ids, "engine": "gemini"}
    )  # fmt: skip
    assert client.wait(asked["jobId"], 60)["status"] == "completed"

    def completed() -> dict[str, Any] | None:
        found = client.call("GET", f"cv/tryon/batches/{asked['id']}")
        return found if found["status"] == "completed" else None

    done = eventually(completed, "the batch")
    assert (done["counts"], done["percent"]) == ({"completed": 4}, 100)
    assert client.call("GET", "auth/me")["quota"]["used"] == 4
