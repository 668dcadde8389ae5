"""Blobs stored after their try-on, or their user, was deleted."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from drawn import needs_model
from quick import eventually

from functions.privacy import service as privacy
from functions.privacy.worker import PrivacyStep
from functions.tryon import orphans, service
from shared import blobs
from shared.documents import store
from shared.documents.fields import assign
from shared.jobs import protocol
from shared.jobs.consumer import consume
from shared.jobs.models import Job
from shared.vto.client import VtoClient
from tests.functions.tryon.tryon_shopper import TOKEN, Shopper

pytestmark = needs_model
type Configure = Callable[..., None]
HELD = 908
"""Seed by which the tiny engine waits for the container's gate."""


def start_unreachable(shopper: Shopper, configure: Configure) -> None:
    """A run goes on in the container, which cannot be reached any more."""
    shopper.container.gate.unlink(missing_ok=True)
    configure(TRYON_RUN_S="0.3")
    shopper.ask("a", mode="queued", seed=HELD)
    assert shopper.deliver("a").status == "retrying"
    configure(VTO_URL="http://127.0.0.1:9")


def landed(shopper: Shopper) -> bool:
    """Whether the container has written its result after all."""
    run = VtoClient(shopper.container.url, lambda: TOKEN, patience_s=0).get_run(f"{shopper.id}:a-1", 1)
    return run is not None and run.status == "completed"


def test_blobs_stored_after_the_deletion_are_swept(shopper: Shopper, configure: Configure) -> None:
    start_unreachable(shopper, configure)
    service.cancel_tryon(shopper.user, "a")
    assert shopper.drive("a").status == "cancelled"
    service.delete_tryon(shopper.user, "a", with_inputs=False)
    assert shopper.result_blobs() == []
    shopper.container.gate.touch()
    eventually(lambda: landed(shopper), "the late result")
    assert any(name.endswith("report.json") for name in shopper.result_blobs())
    assert orphans.sweep() == 0
    configure(TRYON_ORPHAN_S="0")
    assert orphans.sweep() >= 3
    assert shopper.result_blobs() == []


def test_blobs_stored_after_the_account_deletion_are_swept(shopper: Shopper, configure: Configure) -> None:
    start_unreachable(shopper, configure)
    configure(ACCOUNT_CACHE_S="0", TRYON_ORPHAN_S="0")
    privacy.delete_account(shopper.user, "203.0.113.9", "r")
    name = privacy.erasure_name(shopper.id)

    def erased() -> bool:
        job = protocol.load(f"job:erase-{name}", privacy.erasure_partition(name))
        if job.status == "retrying":
            store().patch("studio", job.id, job.user_id, set={"nextAt": 0})
            job = protocol.load(job.id, job.user_id)
        consume(json.dumps(protocol.pointer(job)), PrivacyStep())
        if store().find("studio", "job:a", shopper.id):
            shopper.deliver("a")
        return job.status == "completed"

    eventually(erased, "the erasure")
    assert list(blobs.listing(blobs.TRYON, f"{shopper.id}/")) == []
    shopper.container.gate.touch()
    eventually(lambda: landed(shopper), "the late result")
    assert shopper.result_blobs() != []
    orphans.sweep()
    assert shopper.result_blobs() == []


def test_blobs_in_use_or_of_other_features_are_kept(shopper: Shopper, configure: Configure) -> None:
    configure(TRYON_ORPHAN_S="0")
    made = shopper.ask("a", samples=2, mode="sync")
    shopper.ask("b", mode="queued")
    waiting = f"{shopper.id}/b/1/{'0' * 24}.png"
    blobs.put(blobs.TRYON, waiting, b"of a run that goes on", content_type="image/png")
    for name in (f"{shopper.id}/c/1-1/thumbnail.webp", f"{shopper.id}/image/thumbnail.webp"):
        blobs.put(blobs.THUMBNAILS, name, b"of others", content_type="image/webp")
    before = shopper.result_blobs()
    orphans.sweep()
    assert shopper.result_blobs() == before and waiting in before
    again = shopper.get("a")
    assert all(one.output_url and one.mask_url and one.thumbnail_url for one in again.results)
    assert len(made.results) == 2


def test_blobs_of_earlier_attempts_are_deleted_at_the_end(shopper: Shopper) -> None:
    shopper.ask("a", mode="queued")
    earlier = f"{shopper.id}/a/1/{'0' * 24}.png"
    blobs.put(blobs.TRYON, earlier, b"never committed", content_type="image/png")
    # As an attempt leaves it that was claimed, and died.
    protocol.jobs.patch(shopper.job("a").id, shopper.id, assign(Job.fence, 1))
    assert shopper.drive("a").status == "completed"
    assert earlier not in shopper.result_blobs()
    assert sorted(name.rpartition("/")[2] for name in shopper.result_blobs() if name.endswith((".json", ".webp"))) == [
        "0-optimised.webp", "0-thumbnail.webp", "report.json"
    ]  # fmt: skip


@pytest.mark.parametrize("deleted", [True, False])
def test_a_worker_that_lost_its_lease_deletes_unreferenced_blobs(shopper: Shopper, deleted: bool) -> None:
    shopper.ask("a", mode="queued")
    overtaken = protocol.claim(shopper.job("a"), "a worker that stops for a while")
    assert overtaken
    store().patch("studio", "job:a", shopper.id, set={"leaseUntil": 0, "nextAt": 0})
    assert shopper.drive("a").status == "completed"
    if deleted:
        service.delete_tryon(shopper.user, "a", with_inputs=False)
    before = shopper.result_blobs()
    late = f"{shopper.id}/a/1/3-optimised.webp"
    for container in (blobs.TRYON, blobs.THUMBNAILS):
        blobs.put(container, late, b"late", content_type="image/webp")
    service.step().on_lease_lost(overtaken)
    assert shopper.result_blobs() == before and bool(before) is not deleted
