"""The container over HTTP: who may call, what it takes, what a run gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from quick import eventually
from vto_process import TOKEN, Container

from shared import blobs
from shared.engines.images import encode_png
from shared.errors import StudioError
from shared.vto.client import RunCancelled
from shared.vto.protocol import Run, TryOnRequest

type Ask = Callable[..., TryOnRequest]


def pixels(name: str, container: str = "tryon", mode: str = "RGB") -> Any:
    with Image.open(BytesIO(blobs.get(container, name))) as image:
        return np.asarray(image.convert(mode))


def call(container: Container, method: str, path: str, **options: Any) -> requests.Response:
    options.setdefault("headers", {"Authorization": f"Bearer {TOKEN}"})
    return requests.request(method, container.url + path, timeout=20, **options)


def test_a_result_changes_nothing_outside_its_mask(container: Container, ask: Ask) -> None:
    runs: list[Run] = []
    result = container.client.finish(ask(), 20, on_run=runs.append)
    (sample,) = result.samples
    person, image, mask = pixels("vto/p.png", "images"), pixels(sample.image), pixels(sample.mask, mode="L")
    assert image.shape == person.shape == (sample.height, sample.width, 3)
    assert (image[mask == 0] == person[mask == 0]).all()
    assert (image[mask == 255] == (200, 30, 60)).all()
    assert 0 < (mask == 255).sum() < mask.size
    # the edge fades
    assert set(np.unique(mask)) - {0, 255}
    assert sample.report.model_dump(by_alias=True) | {"ms": 0} == {
        "changedOutsideMask": 0, "engine": "tiny", "version": "tiny@1", "seed": 7, "ms": 0, "notes": [{}],
        "provenance": ["xmp"],
    }  # fmt: skip
    assert runs[-1].status == "completed"
    assert runs[-1].progress == 1
    assert json.loads(blobs.get("tryon", sample.image.rpartition("/")[0] + "/report.json"))["ms"] == result.ms


def test_the_image_states_its_origin(container: Container, ask: Ask) -> None:
    result = container.client.finish(ask(), 20)
    with Image.open(BytesIO(blobs.get("tryon", result.samples[0].image))) as image:
        packet = image.info["XML:com.adobe.xmp"]
    assert "digitalsourcetype/compositeWithTrainedAlgorithmicMedia" in packet
    assert "tiny tiny@1, seed 7" in packet


def test_the_same_seed_gives_the_same_bytes(container: Container, ask: Ask) -> None:
    first, second = (container.client.finish(ask(), 20) for _ in range(2))
    a, b = (blobs.get("tryon", result.samples[0].image) for result in (first, second))
    assert a == b
    assert first.samples[0].image != second.samples[0].image


def test_an_outfit_is_put_on_in_order_and_every_sample_has_its_own_seed(container: Container, ask: Ask) -> None:
    blue = encode_png(np.full((64, 64, 3), (10, 20, 230), np.uint8))
    blobs.put("images", "vto/blue.png", blue, content_type="image/png")
    garments = [
        {"container": "images", "name": "vto/g.png", "category": "upper"},
        {"container": "images", "name": "vto/blue.png", "category": "lower"},
    ]
    result = container.client.finish(ask(garments=garments, samples=2), 20)
    assert [sample.seed for sample in result.samples] == [7, 8]
    image = pixels(result.samples[0].image)
    assert tuple(image[30, 40]) == (200, 30, 60)
    # both cover the waist: the later one lies on top
    assert tuple(image[53, 40]) == tuple(image[80, 40]) == (10, 20, 230)
    mask = pixels(result.samples[0].mask, mode="L")
    assert mask[30, 40] == mask[80, 40] == 255
    assert result.samples[0].report.changed_outside_mask == 0


def test_a_given_mask_limits_the_change(container: Container, ask: Ask) -> None:
    mask = np.zeros((96, 80), np.uint8)
    mask[40:50, 30:50] = 255
    blobs.put("masks", "vto/m.png", encode_png(mask), content_type="image/png")
    result = container.client.finish(ask(mask={"container": "masks", "name": "vto/m.png"}), 20)
    changed = (pixels(result.samples[0].image) != pixels("vto/p.png", "images")).any(2)
    assert changed[44:46, 38:42].all()
    assert not changed[mask == 0].any()


@pytest.mark.parametrize(
    ("blob", "data", "code"),
    [
        ("vto/none.png", None, "input_unreadable"),
        ("vto/text.png", b"no picture", "input_unreadable"),
        ("vto/gif.png", b"GIF89a" + b"\0" * 64, "input_unreadable"),
        ("vto/dot.png", encode_png(np.zeros((8, 8, 3), np.uint8)), "image_too_small"),
    ],
)
def test_an_unusable_input_fails_without_retry(
    container: Container, ask: Ask, blob: str, data: bytes | None, code: str
) -> None:
    if data is not None:
        blobs.put("images", blob, data, content_type="image/png")
    with pytest.raises(StudioError) as failed:
        container.client.finish(ask(person={"container": "images", "name": blob}), 20)
    assert (failed.value.code, failed.value.retryable, failed.value.field) == (code, False, "person")


def test_an_error_of_the_engine_keeps_its_code_and_field(container: Container, ask: Ask) -> None:
    with pytest.raises(StudioError) as failed:
        container.client.finish(ask(seed=904), 20)
    assert (failed.value.code, failed.value.retryable, failed.value.field) == ("no_person", False, "person")


def test_a_run_is_executed_once_however_often_it_is_requested(container: Container, ask: Ask) -> None:
    request = ask(seed=905, steps=5)
    first = container.client.submit(request)
    assert first.status in ("queued", "processing")
    again = request.model_copy(update={"attempt": 2})
    done = [container.client.finish(one, 20) for one in (request.model_copy(update={"attempt": 1}), again)]
    assert done[0] == done[1]
    assert container.log.read_text().count(f'"jobId": "{request.job_id}", "status": "completed"') == 1
    with pytest.raises(StudioError) as overtaken:
        container.client.submit(request)
    assert overtaken.value.code == "superseded"
    other = again.model_copy(update={"seed": 1})
    with pytest.raises(StudioError) as differs:
        container.client.submit(other)
    assert differs.value.code == "job_differs"


def test_a_run_is_cancelled_between_two_steps_and_restarted_by_a_later_attempt(container: Container, ask: Ask) -> None:
    request = ask(seed=905, steps=100)
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2

    with pytest.raises(RunCancelled):
        container.client.finish(request, 20, cancelled=cancelled, poll_s=0.2)
    run = container.client.get_run(request.job_id, 5)
    assert run is not None
    assert run.status == "cancelled"
    assert 0 < run.progress < 1
    assert blobs.info("tryon", f"{request.output.prefix}/report.json") is None
    assert container.client.submit(request).status == "cancelled"
    with_less = request.model_copy(update={"attempt": 2, "steps": 1})
    assert container.client.finish(with_less, 20).samples


def test_a_cancelled_run_deletes_its_output(container: Container, ask: Ask) -> None:
    request = ask(seed=906, samples=2, steps=50)
    first = f"{request.output.prefix}/"
    container.client.submit(request)
    eventually(lambda: list(blobs.listing("tryon", first)), "the first of two")
    container.client.cancel(request.job_id)
    run = container.client.get_run(request.job_id, 5)
    assert run is not None and run.status == "cancelled"
    eventually(lambda: not list(blobs.listing("tryon", first)), "its end")


def test_an_unknown_run_is_none(container: Container) -> None:
    assert container.client.get_run("unknown") is None
    assert container.client.cancel("unknown") is None


def test_the_probes_are_public_and_report_the_state(container: Container, ask: Ask) -> None:
    container.client.finish(ask(), 20)
    health = requests.get(container.url + "/health", timeout=5).json()
    assert health.pop("memory")["serviceMb"] > 10
    assert health.pop("uptimeS") > 0
    assert health == {
        "status": "ok", "engine": "tiny", "engines": ["tiny"], "version": "tiny@1", "device": "cpu", "state": "ready",
        "failed": [], "queue": {"waiting": 0, "capacity": 8, "running": False},
    }  # fmt: skip
    ready = requests.get(container.url + "/ready", timeout=5)
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "reason": None})


@pytest.mark.parametrize("path", ["/tryon", "/tryon/x", "/", "/docs", "/openapi.json", "/health/", "//health"])
def test_every_other_path_requires_a_token(container: Container, path: str) -> None:
    tries = zip(
        ("GET", "POST", "DELETE", "OPTIONS"),
        ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": "Bearer "}),
        strict=True,
    )
    for method, headers in tries:
        answer = call(container, method, path, headers=headers, allow_redirects=False)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"null", 422),
        (b"[]", 422),
        (b"\xff\xfe", 400),
        (b'{"jobId": "x"}', 422),
        (b'{"jobId": NaN}', 422),
        (b" " * 70_000, 413),
        (b"[" * 60_000, 400),
    ],
)
def test_an_invalid_body_is_answered_with_a_problem(container: Container, body: bytes, status: int) -> None:
    for data in (body, iter([body[:10], body[10:]])):
        answer = call(
            container, "POST", "/tryon", data=data,
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )  # fmt: skip
        chunked = not isinstance(data, bytes)
        assert answer.status_code in ((status, 400) if chunked else (status,)), answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["retryable"] is False


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"jobId": "../x"}, "jobId"),
        ({"jobId": "x" * 129}, "jobId"),
        ({"person": {"container": "uploads", "name": "a"}}, "person.container"),
        ({"person": {"container": "images", "name": "a/../b"}}, "person"),
        ({"person": {"container": "images", "name": "/a"}}, "person.name"),
        ({"output": {"container": "images", "prefix": "a"}}, "output.container"),
        ({"output": {"container": "tryon", "prefix": "a//b"}}, "output"),
        ({"garments": []}, "garments"),
        ({"garments": [{"container": "images", "name": "a", "category": "hat"}]}, "garments.0.category"),
        ({"seed": -1}, "seed"),
        ({"seed": "1"}, "seed"),
        ({"samples": 5}, "samples"),
        ({"steps": 0}, "steps"),
        ({"engine": "os:system"}, "engine"),
        ({"engine": "fashn"}, "engine"),
        ({"role": "admin"}, "role"),
    ],
)
def test_every_field_is_checked_and_named(container: Container, ask: Ask, change: dict[str, Any], field: str) -> None:
    body = json.loads(ask().model_dump_json(by_alias=True)) | change
    answer = call(container, "POST", "/tryon", json=body)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


@pytest.mark.parametrize("wait", ["-1", "26", "nan", "inf", "x"])
def test_the_wait_is_bounded(container: Container, wait: str) -> None:
    assert call(container, "GET", f"/tryon/x?wait={wait}").status_code == 422
