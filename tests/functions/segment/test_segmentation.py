"""Segmentation over HTTP: masks of the picture's size, computed once, queued when large or many."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import requests
from drawn import MODELS, iou, needs_model
from over_http import photo, refusal, send, stored
from PIL import Image

from demo.client import Client
from emulators.stack import Stack
from wardrobe import draw_garment, garment_specs

pytestmark = needs_model
type SignUp = Callable[..., Client]


def garment(seed: int, size: tuple[int, int] = (240, 300)) -> tuple[bytes, Any]:
    drawn = draw_garment(garment_specs(1, seed)[0], size)
    buffer = io.BytesIO()
    drawn.image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue(), np.asarray(drawn.mask) > 127


def fetched(url: str) -> Image.Image:
    answer = requests.get(url, timeout=20)
    answer.raise_for_status()
    assert answer.headers["Content-Type"] == "image/png"
    return Image.open(io.BytesIO(answer.content))


def ask(client: Client, **body: Any) -> dict[str, Any]:
    return client.call("POST", "cv/segmentation", json=body)


def test_a_flat_garment_gets_its_mask_and_cutout(stack: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    data, truth = garment(3)
    image = client.upload(data, "shirt.jpg", "garment")
    found = ask(client, imageId=image["id"], output="both")
    mask, cutout = fetched(found["maskUrl"]), fetched(found["cutoutUrl"])
    assert (mask.mode, mask.size) == ("L", (found["width"], found["height"])) == ("L", (240, 300))
    assert (cutout.mode, cutout.size) == ("RGBA", mask.size)
    assert iou(np.asarray(mask) > 127, truth) > 0.85
    assert len(np.unique(np.asarray(mask))) > 8
    assert found["worn"] is False
    assert found["modelVersion"].startswith("garment_parser@")
    assert len(found["classes"]) == 1
    assert 0 < found["confidence"] <= 1


def test_a_worn_garment_is_recognised(stack: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    image = client.upload((MODELS / "garment_parser.golden.png").read_bytes(), "me.png", "person")
    person = ask(client, imageId=image["id"], target="person")
    lower = ask(client, imageId=image["id"], target="lower")
    assert person["worn"] and lower["worn"]
    assert lower["areaShare"] < person["areaShare"]
    assert {"lower", "skin"} <= {one["name"] for one in person["classes"]}
    flat = client.upload(garment(4)[0], "a.jpg", "garment")["id"]
    assert refusal(lambda: ask(client, imageId=flat, target="person")) == (422, "nothing_found")


def test_the_same_image_is_computed_once_by_id_and_by_url(stack: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    data, _ = garment(5)
    image = client.upload(data, "a.jpg", "garment")
    first = ask(client, imageId=image["id"])
    assert first["cached"] is False
    for body in ({"imageId": image["id"]}, {"imageUrl": image["original"]["url"]},
                 {"imageId": client.upload(data, "b.jpg", "garment")["id"]}):  # fmt: skip
        again = ask(client, **body)
        assert (again["id"], again["cached"]) == (first["id"], True)
    assert ask(client, imageId=image["id"], output="cutout")["id"] != first["id"]
    assert client.call("GET", f"cv/segmentations/{first['id']}")["maskUrl"]
    assert refusal(lambda: sign_up().call("GET", f"cv/segmentations/{first['id']}")) == (404, "segmentation_not_found")


def test_what_a_segmentation_counts_for_grows_with_its_pixels(stack: Stack, sign_up: SignUp) -> None:
    client = sign_up()

    def counted(side: int, seed: int, **body: Any) -> int:
        image = client.upload(garment(seed, (side, side))[0], "a.jpg", "garment")["id"]
        answers = [
            client.session.post(f"{stack.url}/api/cv/segmentation", json={"imageId": one, **body}, timeout=300)
            for one in (small, image)
        ]
        before, after = (int(answer.headers["RateLimit-Remaining"]) for answer in answers)
        assert [answer.ok for answer in answers] == [True, True]
        return before - after

    small = client.upload(garment(40)[0], "a.jpg", "garment")["id"]
    ask(client, imageId=small)
    # In hundred-thousands of pixels: 1, 36 (1.8 calls more), 36 as a cut-out (3.6), and 64 in a job (3.2).
    assert counted(300, 41) == 1
    assert counted(1900, 42) == 2
    assert counted(1900, 43, output="cutout") == 4
    assert counted(2530, 44) == 4


def test_masks_are_deleted_with_the_image(stack: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    image = client.upload(garment(6)[0], "a.jpg", "garment")
    ask(client, imageId=image["id"], output="both")
    assert len([name for name in stored(stack, client.user["id"]) if name.startswith("masks/")]) == 2
    client.call("DELETE", f"images/{image['id']}")
    assert [name for name in stored(stack, client.user["id"]) if name.startswith("masks/")] == []


def test_only_own_and_public_images_are_accepted(stack: Stack, sign_up: SignUp) -> None:
    owner, other = sign_up("vendor"), sign_up()
    hidden = owner.upload(garment(7)[0], "a.jpg", "garment")
    shown = owner.upload(garment(8)[0], "b.jpg", "garment", visibility="public")
    for body in ({"imageId": hidden["id"]}, {"imageUrl": hidden["original"]["url"]},
                 {"imageUrl": hidden["thumbnail"]["url"]}, {"imageIds": [shown["id"], hidden["id"]]}):  # fmt: skip
        assert refusal(lambda body=body: ask(other, **body)) == (404, "image_not_found")
    for body in ({"imageId": shown["id"]}, {"imageUrl": shown["original"]["url"]}):
        assert ask(other, **body)["maskUrl"]


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "https://example.com/images/a/b.jpg",
     "STORAGE/uploads/a/b.jpg", "STORAGE/images/../uploads/x", "STORAGE@example.com/images/a/b.jpg"],
)  # fmt: skip
def test_foreign_urls_are_refused_unread(stack: Stack, sign_up: SignUp, url: str) -> None:
    client = sign_up()
    image = client.upload(photo(), "a.jpg", "garment")
    base = image["original"]["url"].partition("/images/")[0]
    assert refusal(lambda: ask(client, imageUrl=url.replace("STORAGE", base))) == (422, "image_url")


@pytest.mark.parametrize("body", [{}, {"imageId": "a", "imageUrl": "b"}, {"imageIds": []}, {"imageIds": ["a"] * 51},
                                  {"imageId": "a", "target": "shoe"}, {"imageId": "a", "output": "svg"}])  # fmt: skip
def test_an_invalid_request_is_refused(stack: Stack, sign_up: SignUp, body: dict[str, Any]) -> None:
    assert refusal(lambda: ask(sign_up(), **body)) == (422, "invalid")


def test_several_images_become_a_job_and_one_failure_does_not_affect_the_others(stack: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    ids = [client.upload(garment(seed)[0], "a.jpg", "garment")["id"] for seed in (9, 10)]
    answer = send(client, "POST", "cv/segmentation", json={"imageIds": ids, "target": "person"})
    assert answer.status_code == 202
    queued = answer.json()
    assert answer.headers["Location"] == f"/api/jobs/{queued['jobId']}"
    job = client.wait(queued["jobId"])
    assert job["status"] == "completed"
    assert {item["error"]["code"] for item in job["result"]["items"]} == {"nothing_found"}
    done = client.wait(ask(client, imageIds=ids)["jobId"])["result"]["items"]
    for id, item in zip(ids, done, strict=True):
        assert item["imageId"] == id
        assert client.call("GET", f"cv/segmentations/{item['segmentationId']}")["imageId"] == id


def test_a_large_image_becomes_a_job(stack: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    small, truth = garment(11, (480, 600))
    buffer = io.BytesIO()
    Image.open(io.BytesIO(small)).resize((1920, 2400)).save(buffer, "JPEG", quality=85)
    image = client.upload(buffer.getvalue(), "large.jpg", "garment")
    queued = ask(client, imageId=image["id"])
    (item,) = client.wait(queued["jobId"])["result"]["items"]
    mask = fetched(client.call("GET", f"cv/segmentations/{item['segmentationId']}")["maskUrl"])
    assert mask.size == (1920, 2400)
    assert iou(np.asarray(mask.resize((480, 600))) > 127, truth) > 0.85
    assert ask(client, imageId=image["id"])["cached"] is True


def test_health_reads_the_registry(stack: Stack) -> None:
    (parser,) = [
        m for m in Client(stack.url).call("GET", "cv/segmentation/health")["models"] if m["id"] == "garment_parser"
    ]
    assert parser["status"] in ("ready", "loaded")
