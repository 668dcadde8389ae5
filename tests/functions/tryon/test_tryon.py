"""Try-ons that succeed: created, made, returned, notified, deleted."""

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
from shared.jobs.models import RunStatus
from shared.vision import segments
from shared.vto import client as vto
from shared.webhooks.documents import WebhookDocument, WebhookId, webhooks
from tests.functions.tryon.tryon_shopper import SIZE, Shopper, garment, shelve

pytestmark = needs_model
type Configure = Callable[..., None]
SLOW = 905
"""Seed by which the tiny engine takes 3 s."""


def picture(url: str | None) -> Any:
    assert url
    answer = requests.get(url, timeout=10)
    answer.raise_for_status()
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_a_small_try_on_is_made_while_the_caller_waits(shopper: Shopper) -> None:
    made = shopper.ask("a", seed=5)
    assert (made.status, made.seed, made.engine, made.billed) == ("completed", 5, "tiny", True)
    assert made.garments[0].category == "upper"
    result, mask = picture(made.output_url), picture(made.mask_url)
    original = view_image(get_image("person", shopper.id)).original
    before = picture(original.url if original else None)
    assert result.shape == before.shape == (*SIZE[::-1], 3) and mask.shape == SIZE[::-1]
    assert (result == before)[mask == 0].all()
    assert (result != before)[mask == 255].any()
    assert made.results[0].report.changed_outside_mask == 0
    assert shopper.used() == 1
    assert view_image(get_image(made.results[0].image_id, shopper.id)).kind == "result"
    assert shopper.notified_events() == []
    assert store().count("studio", Where("type", "=", "segmentation_result"), partition=shopper.id) == 1


def test_a_queued_try_on_is_accepted_made_and_notified_once(shopper: Shopper) -> None:
    at = clock.iso()
    webhooks.create(
        WebhookDocument(
            id=WebhookId.of("w"), user_id=shopper.id, url="https://example.com", events=["tryon.completed"],
            signing_keys=[], created_at=at, updated_at=at,
        )
    )  # fmt: skip
    first, second = shopper.ask("a", mode="queued"), shopper.ask("b", mode="queued")
    assert (first.status, first.output_url, first.billed) == ("queued", None, False)
    assert (first.queue_position, second.queue_position) == (0, 1)
    assert shopper.drive("a").status == "completed"
    shopper.deliver("a")
    assert shopper.get("b").queue_position == 0
    made = shopper.get("a")
    assert made.status == "completed" and made.output_url
    assert shopper.used() == 2
    assert shopper.notified_events() == ["tryon.completed"]
    (delivery,) = store().query("studio", Where("type", "=", "delivery"), partition=shopper.id).items
    assert json.loads(delivery["body"])["data"]["resultImageIds"] == [made.results[0].image_id]
    found = service.list_tryons(shopper.user, service.TryOnsQuery(status=RunStatus.COMPLETED)).items
    assert [one.id for one in found] == ["a"]


def test_a_try_on_that_takes_too_long_continues_as_the_same_job(shopper: Shopper, configure: Configure) -> None:
    configure(TRYON_SYNC_S="0.5")
    asked = shopper.ask("a", seed=SLOW, mode="sync")
    assert asked.status == "processing" and asked.job_id == "a"
    eventually(lambda: shopper.get("a").status != "processing", "the end of the try-on")
    assert shopper.get("a").status == "completed"
    assert (shopper.job("a").attempt, shopper.used(), shopper.notified_events()) == (1, 1, ["tryon.completed"])


def test_an_outfit_is_put_on_in_order(shopper: Shopper) -> None:
    shopper.add("skirt", garment("skirt"))
    outfit = [{"garmentImageId": "shirt"}, {"garmentImageId": "skirt", "category": "lower"}]
    made = shopper.ask("a", garments=outfit, mode="sync")
    assert [one.category for one in made.garments] == ["upper", "lower"]
    mask = picture(made.mask_url) > 0
    rows = np.flatnonzero(mask.any(1)) / len(mask)
    assert rows[0] < 0.25 and rows[-1] > 0.9
    assert shopper.used() == 1


def test_samples_have_their_own_seeds_and_are_deleted_separately(shopper: Shopper) -> None:
    made = shopper.ask("a", samples=3, seed=7, mode="sync")
    assert [one.seed for one in made.results] == [7, 8, 9]
    delete_image(get_image(made.results[0].image_id, shopper.id))
    again = shopper.get("a")
    assert [one.output_url is None for one in again.results] == [True, False, False]
    assert picture(again.results[1].output_url).shape == picture(again.results[2].output_url).shape
    assert picture(again.results[2].mask_url).any()
    for one in made.results[1:]:
        delete_image(get_image(one.image_id, shopper.id))
    assert shopper.result_blobs() == []


def test_a_given_mask_limits_the_change(shopper: Shopper) -> None:
    where = np.zeros(SIZE[::-1], np.uint8)
    where[80:120] = 255
    blobs.put(blobs.MASKS, f"{shopper.id}/own/mask.png", segments.png(where), content_type="image/png")
    url = blobs.read_url(blobs.MASKS, f"{shopper.id}/own/mask.png", content_type="image/png")
    made = shopper.ask("a", maskUrl=url)
    rows = np.flatnonzero((picture(made.mask_url) > 0).any(1))
    assert rows[0] >= 80 and rows[-1] < 120
    with pytest.raises(NotFound):
        Shopper(shopper.container).ask("b", maskUrl=url)


def test_a_result_can_be_the_person_of_the_next(shopper: Shopper) -> None:
    shopper.add("skirt", garment("skirt"))
    first = shopper.ask("a")
    second = shopper.ask("b", personUrl=first.output_url, personImageId=None, garmentImageId="skirt")
    assert second.status == "completed" and second.garments[0].category == "lower"
    third = shopper.ask("c", personImageId=first.results[0].image_id)
    assert third.status == "completed"


def test_the_same_request_is_the_same_try_on(shopper: Shopper) -> None:
    first, again = shopper.ask("a"), shopper.ask("a")
    assert first.results[0].image_id == again.results[0].image_id
    assert shopper.used() == 1
    service.delete_tryon(shopper.user, "a", with_inputs=False)
    with pytest.raises(Gone):
        wanted = service.TryOnRequest(person_image_id="person", garment_image_id="shirt")
        service.create_tryon(shopper.user, "a", wanted, "r", repeated=True)


def test_a_dry_run_stores_and_charges_nothing(shopper: Shopper) -> None:
    before = store().count("studio", Where("type", "!=", "segmentation_result"), partition=shopper.id)
    found = shopper.ask("a", dryRun=True)
    assert (found.status, found.id, found.garments[0].category) == ("valid", None, "upper")
    assert store().count("studio", Where("type", "!=", "segmentation_result"), partition=shopper.id) == before
    assert shopper.used() == 0


def test_a_deletion_removes_everything_and_the_inputs_on_request(shopper: Shopper) -> None:
    shopper.ask("a", samples=2, mode="sync")
    forms = [view_image(get_image(id, shopper.id)).original for id in ("person", "shirt")]
    me, shirt = (form.url for form in forms if form)
    by_url = shopper.ask("b", mode="queued", personUrl=me, personImageId=None, garmentUrl=shirt)
    assert (by_url.person_image_id, by_url.garments[0].image_id) == ("person", "shirt")
    with pytest.raises(Conflict) as refused:
        service.delete_tryon(shopper.user, "b", with_inputs=False)
    assert refused.value.code == "job_open"
    service.delete_tryon(shopper.user, "a", with_inputs=False)
    assert shopper.result_blobs() == []
    for kind in ("tryon_result", "file"):
        found = store().query("studio", Where("type", "=", kind), partition=shopper.id).items
        assert {one.get("kind") for one in found} <= {"person", "garment"}
    with pytest.raises(NotFound):
        shopper.get("a")
    shopper.drive("b")
    service.delete_tryon(shopper.user, "b", with_inputs=True)
    assert store().count("studio", Where("type", "=", "file"), partition=shopper.id) == 0
    assert not list(blobs.listing(blobs.IMAGES, f"{shopper.id}/"))
    with pytest.raises(NotFound) as gone:
        shopper.ask("c", personUrl=me, personImageId=None)
    assert (gone.value.code, gone.value.field) == ("image_not_found", "personUrl")


def test_a_cancelled_try_on_is_not_charged_and_leaves_nothing(shopper: Shopper) -> None:
    shopper.ask("a", mode="queued")
    service.cancel_tryon(shopper.user, "a")
    assert shopper.drive("a").status == "cancelled"
    assert (shopper.used(), shopper.result_blobs()) == (0, [])
    with pytest.raises(Conflict):
        service.cancel_tryon(shopper.user, "a")


def test_a_running_try_on_is_cancelled_between_two_steps(shopper: Shopper, configure: Configure) -> None:
    configure(TRYON_SYNC_S="0.3", TRYON_STEPS="90")
    shopper.ask("a", seed=SLOW, mode="sync")
    eventually(lambda: is_running(shopper, "a"), "the run")
    service.cancel_tryon(shopper.user, "a")
    eventually(lambda: shopper.job("a").status != "processing", "the end of the job")
    assert shopper.job("a").status == "cancelled"
    assert (shopper.used(), shopper.result_blobs(), shopper.notified_events()) == (0, [], [])
    assert eventually(lambda: ended(shopper, "a") == "cancelled", "the end of the run")


def is_running(shopper: Shopper, id: str) -> bool:
    """Whether its job follows a run in the container. A caller may get its response before the job is claimed."""
    progress = shopper.job(id).progress
    return progress is not None and progress.step == "trying on"


def ended(shopper: Shopper, id: str) -> str | None:
    """How its run has ended in the container."""
    run = vto.client().get_run(f"{shopper.id}:{id}-1", 5)
    return run.status if run else None


def test_a_waiting_try_on_is_cancelled_with_its_run(shopper: Shopper, configure: Configure) -> None:
    configure(TRYON_RUN_S="0.3")
    shopper.ask("a", mode="queued", seed=SLOW)
    assert shopper.deliver("a").status == "retrying"
    service.cancel_tryon(shopper.user, "a")
    assert shopper.deliver("a").status == "cancelled"
    assert ended(shopper, "a") == "cancelled"
    assert (shopper.used(), shopper.result_blobs()) == (0, [])


def test_nothing_is_stored_for_a_deleted_user(shopper: Shopper, configure: Configure) -> None:
    configure(TRYON_SYNC_S="0.5", TRYON_STEPS="90")
    shopper.ask("a", mode="sync", seed=SLOW)
    eventually(lambda: is_running(shopper, "a"), "the run")
    store().delete("studio", "job:a", shopper.id)
    assert eventually(lambda: ended(shopper, "a") == "cancelled", "the end of the run")
    assert shopper.result_blobs() == []


def test_the_quota_limits_try_ons(shopper: Shopper, configure: Configure) -> None:
    configure(CONVERSION_QUOTA="1")
    shopper.ask("a")
    with pytest.raises(QuotaExceeded):
        shopper.ask("b")
    assert store().find("studio", "tryon:b", shopper.id) is None


def test_results_are_deleted_by_retention(shopper: Shopper, configure: Configure) -> None:
    image = shopper.ask("a").results[0].image_id
    configure(RETENTION_DAYS='{"result": 1}')
    assert retention.delete_expired() == {"result": 0}
    assert blobs.TRYON not in retention.LOOSE and shopper.result_blobs() != []
    store().patch("studio", f"file:{image}", shopper.id, set={"createdAt": "2026-01-01T00:00:00Z"})
    assert retention.delete_expired() == {"result": 1}
    assert (shopper.result_blobs(), shopper.get("a").output_url) == ([], None)


def test_results_are_deleted_with_the_account(shopper: Shopper) -> None:
    shopper.ask("a")
    personal_data.delete_blobs(shopper.id)
    counted = personal_data.count_personal_data(shopper.id)
    assert counted.blobs == {}
    assert {"tryon_job", "tryon_result", "file"} <= set(counted.documents)


def test_only_products_of_the_users_shop_are_accepted(shopper: Shopper) -> None:
    shelve("coat")
    shelve("cape", shop="other", vendor="v2")
    made = shopper.ask("a", productId="coat")
    assert (made.status, made.garments[0].product_id) == ("completed", "coat")
    for missing in ("cape", "shirt", "none"):
        with pytest.raises(NotFound) as refused:
            shopper.ask("b", productId=missing)
        assert (refused.value.code, refused.value.field) == ("product_not_found", "productId")


def test_a_dead_try_on_is_charged_again_when_it_is_redriven(shopper: Shopper, configure: Configure) -> None:
    configure(JOB_MAX_ATTEMPTS="1")
    shopper.ask("a", mode="queued", seed=903)
    assert shopper.drive("a").status == "dead"
    assert (shopper.used(), shopper.notified_events()) == (0, ["tryon.failed"])
    store().patch("studio", "tryon:a", shopper.id, set={"seed": 3})
    jobs.retry_job(shopper.user, "a")
    assert shopper.used() == 1
    assert shopper.drive("a").status == "completed"
    assert (shopper.job("a").generation, shopper.used()) == (2, 1)
    assert shopper.notified_events() == ["tryon.completed", "tryon.failed"]
