"""What the sweeper of images deletes: what is overdue, in any state, and nothing else."""

from __future__ import annotations

import pytest
from stores import both_stores

from shared import clock
from shared.documents.fields import assign
from shared.images import sweeper
from shared.images.documents import ImageDocument, ImageId, ImageKind, StoredRenditions, images, ready_image


@both_stores
@pytest.mark.usefixtures("local")
def test_an_image_that_is_ready_goes_when_it_is_due_and_stays_without_a_time() -> None:
    stored = StoredRenditions(blobs={}, width=1, height=1, sha256=None, bytes=1)
    now = clock.now()
    for id, due_at in {"none": None, "past": now - 5, "later": now + 500}.items():
        images.create(ready_image(id, "user", stored, kind=ImageKind.PERSON))
        images.patch(ImageId.of(id), "user", assign(ImageDocument.due_at, due_at))
    assert sweeper.sweep() == 1
    left = [id for id in ("none", "past", "later") if images.find(ImageId.of(id), "user") is not None]
    assert left == ["none", "later"]
