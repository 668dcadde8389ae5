"""Stored documents as types: names of fields in the store, references to fields, changes of a copy."""

from __future__ import annotations

from typing import ClassVar, Literal

import pytest
from pydantic import AliasChoices, Field
from pydantic_core import PydanticSerializationError

from shared.documents.fields import assign, path_of
from shared.documents.model import DocumentId, Record, StoredDocument


class CouponId(DocumentId):
    """`coupon:<id>`."""

    prefix: ClassVar[str] = "coupon:"


class Use(Record, frozen=True):
    """A part of a coupon."""

    order_id: str


class Coupon(StoredDocument, frozen=True):
    """A document with a renamed field, a nested record and a list."""

    type: Literal["coupon"] = "coupon"
    id: CouponId
    percent_off: int = Field(default=0, validation_alias=AliasChoices("percentOff", "rebate"))
    last_use: Use | None = None
    uses: list[Use] = Field(default_factory=list[Use])


COUPON = Coupon(id=CouponId.of("a"), percent_off=10, etag="v1")


def test_fields_are_camel_case_in_the_store_and_the_etag_is_not_written() -> None:
    assert COUPON.to_item() == {
        "id": "coupon:a", "type": "coupon", "percentOff": 10, "lastUse": None, "uses": [],
    }  # fmt: skip


def test_a_changed_copy_keeps_its_version_and_the_original_its_values() -> None:
    changed = COUPON.with_changes(assign(Coupon.percent_off, 20), assign(Coupon.uses, [Use(order_id="o1")]))
    assert (changed.percent_off, changed.uses, changed.etag) == (20, [Use(order_id="o1")], "v1")
    assert (COUPON.percent_off, COUPON.uses) == (10, [])
    assert changed.id.public == "a"


def test_a_copy_without_a_real_change_is_equal() -> None:
    assert COUPON.with_changes(assign(Coupon.percent_off, 10)) == COUPON
    assert COUPON.with_changes() == COUPON


def test_a_field_of_a_former_name_loads_and_is_written_under_its_new_one() -> None:
    loaded = Coupon.model_validate({"id": "coupon:b", "rebate": 5, "_etag": "v2"})
    assert (loaded.percent_off, loaded.etag) == (5, "v2")
    assert loaded.to_item()["percentOff"] == 5 and "rebate" not in loaded.to_item()


def test_references_name_the_path_in_the_store() -> None:
    assert path_of(Coupon.percent_off) == "percentOff"
    assert path_of(Coupon.last_use.order_id) == "lastUse.orderId"
    with pytest.raises(AttributeError):
        _ = Coupon.no_such_field
    with pytest.raises(PydanticSerializationError):
        assign(Coupon.percent_off, "ten")
