"""Try-ons that go well: asked for, made, answered, told, deleted."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import requests
from drawn import needs_model
from PIL import Image
from quick import eventually

from functions.jobs import service as jobs
from functions.privacy import personal_data, retention
from functions.tryon import service
from shared import blobs, clock
from shared.documents import Where, store
from shared.errors import Conflict, Gone, NotFound, QuotaExceeded
from shared.images.access import get_image
from shared.images.deletion import delete_image
from shared.images.models import view_image
from shared.vision import segments
from shared.vto import client as vto
from shared.webhooks.documents import WebhookDocument, WebhookId, webhooks
from tests.functions.tryon.conftest import SIZE, Room, garment, shelve

pytestmark = needs_model
type Settle = Callable[..., None]
SLOW = 905
"""Seed by which the tiny engine takes 3 s."""


def picture(url: str | None) -> Any:
    assert url
    answer = requests.get(url, timeout=10)
    answer.raise_for_status()
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_a_small_one_is_answered_while_one_waits(room: Room) -> None:
    made = room.ask("a", seed=5)
    assert (made.status, made.seed, made.engine, made.billed) == ("completed", 5, "tiny", True)
    assert made.garments[0].category == "upper"
    result, mask = picture(made.output_url), picture(made.mask_url)
    original = view_image(get_image("person", room.id)).original
    before = picture(original.url if original else None)
    assert result.shape == before.shape == (*SIZE[::-1], 3) and mask.shape == SIZE[::-1]
    assert (result == before)[mask == 0].all()
    assert (result != before)[mask == 255].any()
    assert made.results[0].report.changed_outside_mask == 0
    assert room.used() == 1
    assert view_image(get_image(made.results[0].image_id, room.id)).kind == "result"
    assert room.told() == []
    assert store().count("studio", Where("type", "=", "segmentation_result"), partition=room.id) == 1


def test_a_queued_one_is_accepted_made_and_told_once(room: Room) -> None:
    at = clock.iso()
    webhooks.create(
        WebhookDocument(
            id=WebhookId.of("w"), user_id=room.id, url="https://example.com", events=["tryon.completed"],
            signing_keys=[], created_at=at, updated_at=at,
        )
    )  # fmt: skip
    first, second = room.ask("a", mode="queued"), room.ask("b", mode="queued")
    assert (first.status, first.output_url, first.billed) == ("queued", None, False)
    assert (first.queue_position, second.queue_position) == (0, 1)
    assert room.drive("a")["status"] == "completed"
    room.deliver("a")
    assert room.get("b").queue_position == 0
    made = room.get("a")
    assert made.status == "completed" and made.output_url
    assert room.used() == 2
    assert room.told() == ["tryon.completed"]
    (delivery,) = store().query("studio", Where("type", "=", "delivery"), partition=room.id).items
    assert json.loads(delivery["body"])["data"]["resultImageIds"] == [made.results[0].image_id]
    found = service.list_tryons(room.user, service.TryOnsQuery(status="completed")).items
    assert [one.id for one in found] == ["a"]


def test_what_takes_too_long_goes_on_as_the_same_job(room: Room, settle: Settle) -> None:
    settle(TRYON_SYNC_S="0.5")
    asked = room.ask("a", seed=SLOW, mode="sync")
    assert asked.status == "processing" and asked.job_id == "a"
    eventually(lambda: room.get("a").status != "processing", "the end of the try-on")
    assert room.get("a").status == "completed"
    assert (room.job("a")["attempt"], room.used(), room.told()) == (1, 1, ["tryon.completed"])


def test_an_outfit_is_put_on_in_its_order(room: Room) -> None:
    room.add("skirt", garment("skirt"))
    outfit = [{"garmentImageId": "shirt"}, {"garmentImageId": "skirt", "category": "lower"}]
    made = room.ask("a", garments=outfit, mode="sync")
    assert [one.category for one in made.garments] == ["upper", "lower"]
    mask = picture(made.mask_url) > 0
    rows = np.flatnonzero(mask.any(1)) / len(mask)
    assert rows[0] < 0.25 and rows[-1] > 0.9
    assert room.used() == 1


def test_samples_have_seeds_of_their_own_and_are_deleted_alone(room: Room) -> None:
    made = room.ask("a", samples=3, seed=7, mode="sync")
    assert [one.seed for one in made.results] == [7, 8, 9]
    delete_image(get_image(made.results[0].image_id, room.id))
    again = room.get("a")
    assert [one.output_url is None for one in again.results] == [True, False, False]
    assert picture(again.results[1].output_url).shape == picture(again.results[2].output_url).shape
    assert picture(again.results[2].mask_url).any()
    for one in made.results[1:]:
        delete_image(get_image(one.image_id, room.id))
    assert room.left() == []


def test_a_mask_of_ones_own_says_where(room: Room) -> None:
    where = np.zeros(SIZE[::-1], np.uint8)
    where[80:120] = 255
    blobs.put(blobs.MASKS, f"{room.id}/own/mask.png", segments.png(where), content_type="image/png")
    url = blobs.read_url(blobs.MASKS, f"{room.id}/own/mask.png", content_type="image/png")
    made = room.ask("a", maskUrl=url)
    rows = np.flatnonzero((picture(made.mask_url) > 0).any(1))
    assert rows[0] >= 80 and rows[-1] < 120
    with pytest.raises(NotFound):
        Room(room.container).ask("b", maskUrl=url)


def test_a_result_can_be_the_person_of_the_next(room: Room) -> None:
    room.add("skirt", garment("skirt"))
    first = room.ask("a")
    second = room.ask("b", personUrl=first.output_url, personImageId=None, garmentImageId="skirt")
    assert second.status == "completed" and second.garments[0].category == "lower"
    third = room.ask("c", personImageId=first.results[0].image_id)
    assert third.status == "completed"


def test_the_same_request_is_the_same_try_on(room: Room) -> None:
    first, again = room.ask("a"), room.ask("a")
    assert first.results[0].image_id == again.results[0].image_id
    assert room.used() == 1
    service.delete_tryon(room.user, "a", with_inputs=False)
    with pytest.raises(Gone):
        wanted = service.TryOnRequest(person_image_id="person", garment_image_id="shirt")
        service.create_tryon(room.user, "a", wanted, "r", repeated=True)


def test_a_dry_run_stores_and_charges_nothing(room: Room) -> None:
    before = store().count("studio", Where("type", "!=", "segmentation_result"), partition=room.id)
    found = room.ask("a", dryRun=True)
    assert (found.status, found.id, found.garments[0].category) == ("valid", None, "upper")
    assert store().count("studio", Where("type", "!=", "segmentation_result"), partition=room.id) == before
    assert room.used() == 0


def test_deleting_takes_everything_and_the_inputs_if_wanted(room: Room) -> None:
    room.ask("a", samples=2, mode="sync")
    forms = [view_image(get_image(id, room.id)).original for id in ("person", "shirt")]
    me, shirt = (form.url for form in forms if form)
    by_url = room.ask("b", mode="queued", personUrl=me, personImageId=None, garmentUrl=shirt)
    assert (by_url.person_image_id, by_url.garments[0].image_id) == ("person", "shirt")
    with pytest.raises(Conflict) as refused:
        service.delete_tryon(room.user, "b", with_inputs=False)
    assert refused.value.code == "job_open"
    service.delete_tryon(room.user, "a", with_inputs=False)
    assert room.left() == []
    for kind in ("tryon_result", "file"):
        found = store().query("studio", Where("type", "=", kind), partition=room.id).items
        assert {one.get("kind") for one in found} <= {"person", "garment"}
    with pytest.raises(NotFound):
        room.get("a")
    room.drive("b")
    service.delete_tryon(room.user, "b", with_inputs=True)
    assert store().count("studio", Where("type", "=", "file"), partition=room.id) == 0
    assert not list(blobs.listing(blobs.IMAGES, f"{room.id}/"))
    with pytest.raises(NotFound) as gone:
        room.ask("c", personUrl=me, personImageId=None)
    assert (gone.value.code, gone.value.field) == ("image_not_found", "personUrl")


def test_a_cancelled_one_gives_back_and_leaves_nothing(room: Room) -> None:
    room.ask("a", mode="queued")
    service.cancel_tryon(room.user, "a")
    assert room.drive("a")["status"] == "cancelled"
    assert (room.used(), room.left()) == (0, [])
    with pytest.raises(Conflict):
        service.cancel_tryon(room.user, "a")


def test_one_that_runs_is_cancelled_between_two_steps(room: Room, settle: Settle) -> None:
    settle(TRYON_SYNC_S="0.3")
    room.ask("a", seed=SLOW, mode="sync")
    service.cancel_tryon(room.user, "a")
    eventually(lambda: room.job("a")["status"] != "processing", "the end of the job")
    assert room.job("a")["status"] == "cancelled"
    assert (room.used(), room.left(), room.told()) == (0, [], [])
    assert ended(room, "a") == "cancelled"


def ended(room: Room, id: str) -> str | None:
    """How its run has ended in the container."""
    run = vto.client().get_run(f"{room.id}:{id}-1", 5)
    return run.status if run else None


def test_one_that_waits_is_cancelled_with_the_run_that_goes_on_for_it(room: Room, settle: Settle) -> None:
    settle(TRYON_RUN_S="0.3")
    room.ask("a", mode="queued", seed=SLOW)
    assert room.deliver("a")["status"] == "retrying"
    service.cancel_tryon(room.user, "a")
    assert room.deliver("a")["status"] == "cancelled"
    assert ended(room, "a") == "cancelled"
    assert (room.used(), room.left()) == (0, [])


def test_nothing_is_made_for_a_person_who_is_gone(room: Room, settle: Settle) -> None:
    settle(TRYON_SYNC_S="0.5", TRYON_STEPS="90")
    room.ask("a", mode="sync", seed=SLOW)
    eventually(lambda: room.job("a").get("progress", {}).get("step") == "trying on", "the run")
    store().delete("studio", "job:a", room.id)
    assert eventually(lambda: ended(room, "a") == "cancelled", "the end of the run")
    assert room.left() == []


def test_what_is_left_of_the_month_is_a_limit(room: Room, settle: Settle) -> None:
    settle(CONVERSION_QUOTA="1")
    room.ask("a")
    with pytest.raises(QuotaExceeded):
        room.ask("b")
    assert store().find("studio", "tryon:b", room.id) is None


def test_it_goes_with_its_time(room: Room, settle: Settle) -> None:
    image = room.ask("a").results[0].image_id
    settle(RETENTION_DAYS='{"result": 1}')
    assert retention.delete_expired() == {"result": 0}
    assert blobs.TRYON not in retention.LOOSE and room.left() != []
    store().patch("studio", f"file:{image}", room.id, set={"createdAt": "2026-01-01T00:00:00Z"})
    assert retention.delete_expired() == {"result": 1}
    assert (room.left(), room.get("a").output_url) == ([], None)


def test_it_goes_with_its_person(room: Room) -> None:
    room.ask("a")
    personal_data.delete_blobs(room.id)
    counted = personal_data.count_personal_data(room.id)
    assert counted.blobs == {}
    assert {"tryon_job", "tryon_result", "file"} <= set(counted.documents)


def test_only_products_of_ones_own_shop(room: Room) -> None:
    shelve("coat")
    shelve("cape", shop="other", vendor="v2")
    made = room.ask("a", productId="coat")
    assert (made.status, made.garments[0].product_id) == ("completed", "coat")
    for missing in ("cape", "shirt", "none"):
        with pytest.raises(NotFound) as refused:
            room.ask("b", productId=missing)
        assert (refused.value.code, refused.value.field) == ("product_not_found", "productId")


def test_a_dead_one_is_paid_for_once_more_when_it_is_tried_again(room: Room, settle: Settle) -> None:
    settle(JOB_MAX_ATTEMPTS="1")
    room.ask("a", mode="queued", seed=903)
    assert room.drive("a")["status"] == "dead"
    assert (room.used(), room.told()) == (0, ["tryon.failed"])
    store().patch("studio", "tryon:a", room.id, set={"seed": 3})
    jobs.retry_job(room.user, "a")
    assert room.used() == 1
    assert room.drive("a")["status"] == "completed"
    assert (room.job("a")["generation"], room.used()) == (2, 1)
    assert room.told() == ["tryon.completed", "tryon.failed"]
