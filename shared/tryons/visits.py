"""Visits: what a shopper does with a shop's widget, without an account, until it is deleted.

A visit is a partition of its own, as an account's is, but there is no account: nothing signs in to it, and no other
route knows its token. So the shop sees no photo of a shopper, and the erasure of accounts deletes all of a visit. The
owner of the publishable key pays: for each try-on a charge is written in the owner's partition, in one batch with what
pays for it; it is settled when the visit ends.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from typing import ClassVar, Final, Literal

from pydantic import Field

from shared import clock
from shared.commerce import quota
from shared.commerce.billable_documents import BillableDocument
from shared.documents import Operation, store
from shared.documents.fields import where
from shared.documents.model import DocumentId, StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.errors import BatchFailed
from shared.jobs.models import ENDED, RunStatus
from shared.passes import Pass
from shared.tryons.documents import TryOnDocument, TryOnId, tryons

ORPHAN_S: Final = 3600
"""Seconds after the end of a visit when its charges are settled without it: it is settled by then, unless its own
document is gone."""


class VisitId(DocumentId):
    """`visit:<id>`."""

    prefix: ClassVar[str] = "visit:"


class VisitDocument(StoredDocument, frozen=True):
    """A visit."""

    type: Literal["visit"] = "visit"
    id: VisitId
    user_id: str = Field(description="the visit's own partition: its id, as of an account that does not exist")
    key_id: str = Field(description="id of the publishable key")
    owner_id: str = Field(description="whose key it is, and who pays")
    origin: str = Field(description="of the page")
    secret_digest: str = Field(description="SHA-256 of the secret in the token, hex")
    kept: bool = Field(default=False, description="the shopper wants to keep the photo for later visits")
    photos: int = Field(default=0, description="photos uploaded so far")
    photo_id: str | None = Field(default=None, description="id of the photo in use")
    tryons: int = Field(default=0, description="try-ons started so far")
    tryon_id: str | None = Field(default=None, description="id of the latest try-on")
    expires_at: float = Field(description="epoch seconds; then everything is deleted. 0: the shopper has ended it")
    created_at: Timestamp


class VisitChargeId(DocumentId):
    """`visit_charge:<id of the try-on>`."""

    prefix: ClassVar[str] = "visit_charge:"


class VisitChargeDocument(BillableDocument, frozen=True):
    """What the owner of a key pays for a try-on of a visit, until the visit is settled."""

    type: Literal["visit_charge"] = "visit_charge"
    id: VisitChargeId
    visit_id: str
    due_at: float | None = Field(
        default=None, description="epoch seconds after which no visit settles it any more: the sweeper does"
    )
    created_at: Timestamp


visits: Final = Repository(VisitDocument)
visit_charges: Final = Repository(VisitChargeDocument)


def new_secret() -> tuple[str, str]:
    """A fresh secret of a token, and its digest."""
    secret = secrets.token_hex(32)
    return secret, digest_of(secret)


def digest_of(secret: str) -> str:
    """SHA-256 in hex; the secret has 256 bits, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def charge_owner(visit: VisitDocument, id: str, *, confirmed: bool) -> None:
    """Have the owner of a key pay for a try-on that is about to start.

    Args:
        id: of the try-on.
        confirmed: whether the owner's e-mail address is confirmed.

    Raises:
        QuotaExceeded: neither quota nor credits of the owner are left; nothing was written.
    """
    charge = VisitChargeDocument(
        id=VisitChargeId.of(id),
        user_id=visit.owner_id,
        visit_id=visit.id.public,
        due_at=visit.expires_at + ORPHAN_S,
        created_at=clock.iso(),
    )
    quota.create_paid(visit_charges, charge, confirmed=confirmed)


def settle(visit: VisitDocument) -> None:
    """Give back to the owner what failed try-ons of a visit were paid with; may be repeated.

    A try-on that is still running stays paid: the shopper has left, but the work is done.
    """
    mine = where(VisitChargeDocument.visit_id, "=", visit.id.public)
    for charge in visit_charges.iterate(mine, partition=visit.owner_id):
        _settle(charge)


def settle_one(visit: VisitDocument, tryon: TryOnId) -> None:
    """As `settle`, for one try-on."""
    charge = visit_charges.find(VisitChargeId.of(tryon.public), visit.owner_id)
    if charge is not None:
        _settle(charge)


def settle_orphans(limit: int = 500) -> int:
    """Settle charges that their visit did not: one written while the visit was being settled, by a process that then
    ended. Returns how many."""
    done = 0
    orphans = Pass("visits.charges")
    for charge in visit_charges.iterate(where(VisitChargeDocument.due_at, "<", clock.now())):
        with orphans.item(chargeId=charge.id.public):
            _settle(charge)
            done += 1
        if done >= limit or orphans.failed >= limit:
            break
    return done


def _settle(charge: VisitChargeDocument) -> None:
    """End a charge: kept if its try-on is owed, else given back. Both are one batch, so it happens once."""
    tryon = tryons.find(TryOnId.of(charge.id.public), charge.visit_id)
    operations: list[Operation] = [visit_charges.deletion(charge.id)]
    if tryon is None or not _is_owed(tryon):
        operations.append(quota.release(charge))
    # Another process was faster, or the owner's account was deleted.
    with suppress(BatchFailed):
        store().batch(charge.container, charge.user_id, operations)


def _is_owed(tryon: TryOnDocument) -> bool:
    """Whether a try-on costs its owner something: not if it failed, or if its result is not worth its price."""
    if tryon.status is RunStatus.CANCELLED:
        return tryon.called_in is not None
    return tryon.charged or tryon.status not in ENDED
