"""Try-ons that can't be made: each has its own code, states whether it is retryable, and is not charged."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from drawn import needs_model
from nothing import NOTHING
from PIL import Image
from pydantic import ValidationError

from functions.tryon import inspection
from functions.tryon.models import BatchRequest, TryOnRequest
from shared import blobs
from shared.errors import NotFound, StudioError, Unprocessable
from shared.images.access import get_image
from shared.images.documents import ImageKind, Visibility
from shared.images.models import view_image
from shared.images.segmentations import StoredBox, StoredClass
from shared.images.uploads import add_image
from shared.vision import parser, people, segments
from shared.vto import errors
from tests.functions.tryon.tryon_shopper import SIZE, Shopper, garment, jpeg, person

pytestmark = needs_model


def pair() -> bytes:
    """Two figures side by side."""
    one = segments.decode(person())
    return jpeg(Image.fromarray(np.concatenate([one, one[:, ::-1]], 1)))


def blank(make: Callable[[int, int], Any]) -> bytes:
    return jpeg(Image.fromarray(make(300, 240)))


def shrunk(data: bytes, height: int) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return jpeg(image.resize((round(image.width * height / image.height), height)))


def refusal(shopper: Shopper, **fields: Any) -> tuple[str, bool]:
    """Code of a dry run's refusal, and whether another try helps."""
    with pytest.raises(StudioError) as dry:
        shopper.ask("dry", dryRun=True, **fields)
    assert dry.value.details and dry.value.details["billed"] is False
    assert (dry.value.status, shopper.used()) == (422, 0)
    return dry.value.code, dry.value.retryable


PEOPLE: dict[str, tuple[Any, type[StudioError]]] = {
    "a garment": (lambda: garment("t-shirt"), errors.NoPerson),
    **{name: (partial(blank, make), errors.NoPerson) for name, make in NOTHING.items()},
    "two": (pair, errors.SeveralPeople),
    "a stamp": (lambda: shrunk(person(), 100), errors.ImageTooSmall),
}
GARMENTS: dict[str, tuple[Any, type[StudioError]]] = {
    **{name: (partial(blank, make), errors.GarmentNotFound) for name, make in NOTHING.items()},
    "a stamp": (lambda: shrunk(garment("t-shirt"), 60), errors.ImageTooSmall),
    "shoes": (lambda: garment("shoes"), errors.CategoryMismatch),
}


def test_the_person_image_must_show_one_person_and_be_large_enough(shopper: Shopper) -> None:
    for number, (data, kind) in enumerate(PEOPLE.values()):
        shopper.add(f"p{number}", data(), "person")
        assert refusal(shopper, personImageId=f"p{number}") == (kind.code, False)


def test_the_garment_image_must_show_a_garment_that_can_be_tried_on(shopper: Shopper) -> None:
    for number, (data, kind) in enumerate(GARMENTS.values()):
        shopper.add(f"g{number}", data())
        assert refusal(shopper, garmentImageId=f"g{number}") == (kind.code, False)


def test_a_job_fails_as_the_dry_run_does_and_is_not_charged(shopper: Shopper) -> None:
    shopper.add("two", pair(), "person")
    dry = refusal(shopper, personImageId="two")
    with pytest.raises(errors.SeveralPeople) as failed:
        shopper.ask("real", personImageId="two", mode="sync")
    assert dry == (failed.value.code, failed.value.retryable)
    assert failed.value.details == {"billed": False, "tryonId": "real"}
    kept = shopper.get("real")
    assert kept.error and (kept.status, kept.error.code, kept.error.billed, kept.billed) == (
        "failed", dry[0], False, False
    )  # fmt: skip
    assert (shopper.used(), shopper.result_blobs(), shopper.notified_events()) == (0, [], [])


def test_trousers_are_not_an_upper_garment(shopper: Shopper) -> None:
    shopper.add("g", garment("trousers"))
    assert refusal(shopper, garmentImageId="g", category="upper") == ("category_mismatch", False)
    assert shopper.ask("a", garmentImageId="g", dryRun=True).garments[0].category == "lower"
    assert shopper.ask("b", garmentImageId="g", category="dress", dryRun=True).garments[0].category == "dress"


def shown(name: str, share: float) -> StoredClass:
    """A class that an image shows."""
    return StoredClass(name=name, area_share=share, box=StoredBox(x=0, y=0, width=1, height=1))


def test_a_garment_is_worn_as_its_largest_class() -> None:
    shares = {"skin": 0.3, "outerwear": 0.1, "upper": 0.1, "lower": 0.15}
    worn = [shown(name, share) for name, share in shares.items()]
    assert inspection.worn_as(worn, "auto") == "upper"
    assert inspection.worn_as(worn, "lower") == "lower"
    assert inspection.worn_as([shown("full_body", 0.2)], "upper") == "upper"
    with pytest.raises(errors.CategoryMismatch):
        inspection.worn_as([shown("footwear", 0.2)], "upper")


def test_an_error_of_the_engine_keeps_its_code(shopper: Shopper) -> None:
    with pytest.raises(errors.NoPerson):
        shopper.ask("a", seed=904, mode="sync")
    assert (shopper.used(), shopper.result_blobs()) == (0, [])


def test_a_mask_must_be_an_image_of_the_right_size(shopper: Shopper) -> None:
    for name, data in (("small", segments.png(np.zeros((20, 90), np.uint8))), ("text", b"no picture at all")):
        blobs.put(blobs.MASKS, f"{shopper.id}/{name}/mask.png", data, content_type="image/png")
        url = blobs.read_url(blobs.MASKS, f"{shopper.id}/{name}/mask.png", content_type="image/png")
        assert refusal(shopper, maskUrl=url) == ("input_unreadable", False)


def test_only_images_that_the_user_may_use_are_accepted(shopper: Shopper) -> None:
    other = Shopper(shopper.container)
    add_image("hers", other.id, person(), kind=ImageKind.PERSON, visibility=Visibility.PRIVATE, name=None)
    add_image("cloth", other.id, garment("skirt"), kind=ImageKind.GARMENT, visibility=Visibility.PRIVATE, name=None)
    theirs = view_image(get_image("hers", other.id)).original
    assert theirs
    thumbnail = view_image(get_image("person", shopper.id)).thumbnail
    assert thumbnail
    wrong: list[tuple[dict[str, Any], str, str]] = [
        ({"personImageId": "hers"}, "image_not_found", "personImageId"),
        ({"personImageId": None, "personUrl": theirs.url}, "image_not_found", "personUrl"),
        ({"personImageId": "shirt"}, "image_kind", "personImageId"),
        ({"personImageId": None, "personUrl": thumbnail.url}, "image_url", "personUrl"),
        ({"personImageId": None, "personUrl": "http://169.254.169.254/latest"}, "image_url", "personUrl"),
        ({"garmentImageId": "cloth"}, "image_not_found", "garmentImageId"),
        ({"garments": [{"garmentImageId": "shirt"}, {"productId": "x"}]}, "product_not_found", "garments.1.productId"),
        ({"maskUrl": theirs.url}, "image_not_found", "maskUrl"),
        ({"engine": "fashn"}, "engine_unknown", "engine"),
    ]
    for fields, code, field in wrong:
        with pytest.raises((NotFound, Unprocessable)) as refused:
            shopper.ask("a", **fields)
        assert (refused.value.code, refused.value.field) == (code, field)
    assert shopper.used() == 0


@pytest.mark.parametrize(
    "body",
    [
        {"personImageId": "p"},
        {"garmentImageId": "g"},
        {"personImageId": "p", "personUrl": "u", "garmentImageId": "g"},
        {"personImageId": "p", "garmentImageId": "g", "productId": "x"},
        {"personImageId": "p", "garmentImageId": "g", "garments": [{"productId": "x"}]},
        {"personImageId": "p", "garments": []},
        {"personImageId": "p", "garments": [{"productId": "x"}], "category": "upper"},
        {"personImageId": "p", "garments": [{"productId": "x", "garmentUrl": "u"}]},
        {"personImageId": "p", "garmentImageId": "g", "samples": 5},
        {"personImageId": "p", "garmentImageId": "g", "seed": -1},
        {"personImageId": "p", "garmentImageId": "g", "engine": "Rm -rf"},
    ],
)
def test_an_invalid_request_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TryOnRequest.model_validate(body)


def test_a_batch_has_up_to_fifty_different_products() -> None:
    for ids in ([], ["a", "a"], [f"p{n}" for n in range(51)]):
        with pytest.raises(ValidationError):
            BatchRequest.model_validate({"personImageId": "p", "productIds": ids})


def test_people_are_counted_where_background_is_between_them() -> None:
    one = segments.decode(person())
    assert people.count(parser.parse(one)) == 1
    assert people.count(parser.parse(segments.decode(pair()))) == 2
    small = np.concatenate([one, np.full((SIZE[1], 128, 3), one[0, 0], np.uint8)], 1)
    small[-96:, -64:] = np.asarray(Image.fromarray(one).resize((64, 96)))
    assert people.count(parser.parse(small)) == 1


def test_components_are_connected_over_corners() -> None:
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 1], [0, 0, 1, 0]], bool)
    found = people.parts(mask)
    assert [int(one.sum()) for one in found] == [3, 2, 1]
    assert (sum(one.astype(int) for one in found) == mask).all()
    assert people.parts(np.zeros((3, 3), bool)) == []
