"""The base of stored documents that are paid for with quotas and credits."""

from enum import StrEnum
from typing import Final

from pydantic import Field

from shared.documents.model import StoredDocument
from shared.documents.repository import Repository


class PaidBy(StrEnum):
    """What a request is paid with."""

    QUOTA = "quota"
    """One of the month's free conversions."""
    CREDIT = "credit"
    """A credit that was bought."""


class BillableDocument(StoredDocument, frozen=True):
    """Base of the kinds that are paid for when they are requested: conversions and try-ons."""

    user_id: str = Field(description="who pays; the partition")
    charged: bool = Field(default=True, description="whether the payment is held; false once it was released")
    paid_by: PaidBy = PaidBy.QUOTA
    quota_id: str = Field(default="", description="id of the document that paid: a month's quota, or the credits")


billables: Final = Repository(BillableDocument)
