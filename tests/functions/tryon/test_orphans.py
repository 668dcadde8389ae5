"""What lands in storage after its try-on was deleted, or its person was: from who did not hear."""

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
from shared.jobs import protocol
from shared.jobs.consumer import consume
from shared.vto.client import VtoClient
from tests.functions.tryon.conftest import TOKEN, Room

pytestmark = needs_model
type Settle = Callable[..., None]
SLOW = 905
"""Seed by which the tiny engine takes a tenth of a second a step."""


def start_unheard(room: Room, settle: Settle) -> None:
    """A run goes on in the container, which nobody can reach any more."""
    settle(TRYON_RUN_S="0.3", TRYON_STEPS="15")
    room.ask("a", mode="queued", seed=SLOW)
    assert room.deliver("a")["status"] == "retrying"
    settle(VTO_URL="http://127.0.0.1:9")


def landed(room: Room) -> bool:
    """Whether the container has written its result after all."""
    run = VtoClient(room.container.url, lambda: TOKEN, patience_s=0).get_run(f"{room.id}:a-1", 1)
    return run is not None and run.status == "completed"


def test_what_a_container_writes_after_the_deletion_is_swept(room: Room, settle: Settle) -> None:
    start_unheard(room, settle)
    service.cancel_tryon(room.user, "a")
    assert room.drive("a")["status"] == "cancelled"
    service.delete_tryon(room.user, "a", with_inputs=False)
    assert room.left() == []
    eventually(lambda: landed(room), "the late result")
    assert any(name.endswith("report.json") for name in room.left())
    assert orphans.sweep() == 0
    settle(TRYON_ORPHAN_S="0")
    assert orphans.sweep() >= 3
    assert room.left() == []


def test_what_a_container_writes_after_the_erasure_is_swept(room: Room, settle: Settle) -> None:
    start_unheard(room, settle)
    settle(ACCOUNT_CACHE_S="0", TRYON_ORPHAN_S="0")
    privacy.erase(room.user, "203.0.113.9", "r")
    name = privacy._name(room.id)

    def erased() -> bool:
        job = protocol.load(f"job:erase-{name}", privacy._partition(name))
        if job["status"] == "retrying":
            store().patch("studio", job["id"], job["userId"], set={"nextAt": 0})
            job = protocol.load(job["id"], job["userId"])
        consume(json.dumps(protocol.pointer(job)), PrivacyStep())
        if store().find("studio", "job:a", room.id):
            room.deliver("a")
        return job["status"] == "completed"

    eventually(erased, "the erasure")
    assert list(blobs.listing(blobs.TRYON, f"{room.id}/")) == []
    eventually(lambda: landed(room), "the late result")
    assert room.left() != []
    orphans.sweep()
    assert room.left() == []


def test_what_is_in_use_or_of_others_stays(room: Room, settle: Settle) -> None:
    settle(TRYON_ORPHAN_S="0")
    made = room.ask("a", samples=2, mode="sync")
    room.ask("b", mode="queued")
    waiting = f"{room.id}/b/1/{'0' * 24}.png"
    blobs.put(blobs.TRYON, waiting, b"of a run that goes on", content_type="image/png")
    for name in (f"{room.id}/c/1-1/thumbnail.webp", f"{room.id}/image/thumbnail.webp"):
        blobs.put(blobs.THUMBNAILS, name, b"of others", content_type="image/webp")
    before = room.left()
    orphans.sweep()
    assert room.left() == before and waiting in before
    again = room.get("a")
    assert all(one.output_url and one.mask_url and one.thumbnail_url for one in again.results)
    assert len(made.results) == 2


def test_what_attempts_before_have_left_goes_with_the_end(room: Room) -> None:
    room.ask("a", mode="queued")
    earlier = f"{room.id}/a/1/{'0' * 24}.png"
    blobs.put(blobs.TRYON, earlier, b"never committed", content_type="image/png")
    assert room.drive("a")["status"] == "completed"
    assert earlier not in room.left()
    assert sorted(name.rpartition("/")[2] for name in room.left() if name.endswith((".json", ".webp"))) == [
        "0-optimised.webp", "0-thumbnail.webp", "report.json"
    ]  # fmt: skip


@pytest.mark.parametrize("deleted", [True, False])
def test_a_worker_that_was_overtaken_takes_away_what_nobody_names(room: Room, deleted: bool) -> None:
    room.ask("a", mode="queued")
    overtaken = protocol.claim(room.job("a"), "a worker that stops for a while")
    assert overtaken
    store().patch("studio", "job:a", room.id, set={"leaseUntil": 0, "nextAt": 0})
    assert room.drive("a")["status"] == "completed"
    if deleted:
        service.delete_tryon(room.user, "a", with_inputs=False)
    before = room.left()
    late = f"{room.id}/a/1/3-optimised.webp"
    for container in (blobs.TRYON, blobs.THUMBNAILS):
        blobs.put(container, late, b"late", content_type="image/webp")
    service.step().on_lease_lost(overtaken)
    assert room.left() == before and bool(before) is not deleted
