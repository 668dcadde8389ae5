"""A vendor's batch through the whole system: the real trigger, the real queue, workers that are killed."""

from __future__ import annotations

import os
import random
import secrets
import signal
import time
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest
from drawn import needs_model
from quick import QUICK, eventually, progress
from uploads import uploads
from vendor_uploads import garment_photo, metadata

from demo.accounts import create_account
from emulators.stack import Stack
from shared.documents import Where
from shared.documents.sqlite import SqliteStore

pytestmark = [needs_model, pytest.mark.long, pytest.mark.timeout(3600), pytest.mark.processes]
PRODUCTS, BAD, KILLS, WORKERS = 60, 6, 6, 2


@pytest.fixture
def cluster() -> Iterator[Stack]:
    settings = {**QUICK, "JOB_LEASE_S": "4", "JOB_MAX_ATTEMPTS": "12", "VENDOR_DIGEST_S": "20"}
    with Stack(workers=WORKERS, settings=settings, blob_poll=0.5) as running:
        yield running


def test_a_batch_is_processed_to_the_end_whatever_is_killed(cluster: Stack) -> None:
    vendor = create_account(cluster, "vendor", phone="+15550107799")
    id = vendor.user["id"]
    container = uploads(cluster)
    photos = [garment_photo(seed, (96, 120)) for seed in range(8)]
    for number in range(PRODUCTS):
        container.upload_blob(f"{id}/P-{number:03}.jpg", photos[number % len(photos)] + bytes([number]))
        container.upload_blob(f"{id}/P-{number:03}.json", metadata(title=f"Product {number}"))
    for number in range(BAD):
        container.upload_blob(f"{id}/bad-{number}.jpg", secrets.token_bytes(400))
    store = SqliteStore(cluster.settings["DOCUMENTS"].removeprefix("sqlite:"))
    drops = Where("type", "=", "vendor_drop")
    ended = Where("status", "in", ["completed", "rejected", "failed", "superseded", "gone"])
    rng, killed = random.Random(7), 0
    for done in progress(lambda: store.count("studio", drops, ended, partition=id), 2 * PRODUCTS + BAD):
        if killed < KILLS and done > 12 * killed:
            victims = psutil.Process(cluster.host_pid).children()
            if len(victims) == WORKERS:
                os.kill(rng.choice(victims).pid, signal.SIGKILL)
                killed += 1
        time.sleep(0.3)
    outcomes = Counter(drop["status"] for drop in store.query("studio", drops, partition=id, limit=1000).items)
    assert outcomes == {"completed": 2 * PRODUCTS, "rejected": BAD}
    assert killed == KILLS
    products = store.query("garments", partition=id, limit=1000).items
    assert {product["title"] for product in products} == {f"Product {number}" for number in range(PRODUCTS)}
    assert Counter((product["status"], product["revision"]) for product in products) == {("active", 2): PRODUCTS}
    propagated = lambda: store.count("garments", Where("propagationDue", "=", None), partition=id) == PRODUCTS  # noqa: E731
    eventually(propagated, "the changes of every product to be propagated")
    digests = lambda: store.query("studio", Where("event", "=", "drops.rejected"), partition=id).items  # noqa: E731
    eventually(lambda: sum(one["data"]["count"] for one in digests()) == BAD, "the digest of all that was refused")
    assert len(digests()) <= 3
    eventually(lambda: not list(container.list_blobs(name_starts_with=f"{id}/bad")), "the bad files to be moved")
    store.close()
