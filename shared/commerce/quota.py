"""How a conversion or try-on is paid for: from the month's free quota first, then with a credit.

A reservation is a conditional patch inside the batch that creates the request, so a race can't overdraw it and a crash
can't leave it behind. A release is a patch inside the batch that ends the request.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from shared.commerce import credits
from shared.commerce.billable_documents import BillableDocument, PaidBy
from shared.commerce.documents import CREDITS_ID, QuotaDocument, QuotaId, quotas
from shared.commerce.quota_usage import current_month as current_month
from shared.commerce.quota_usage import get_usage as get_usage
from shared.commerce.settings import commerce_settings
from shared.documents import Operation, store
from shared.documents.fields import Assign, assign, increment, where
from shared.documents.repository import Repository
from shared.errors import BatchFailed, DocumentConflict, PreconditionFailed, QuotaExceeded

if TYPE_CHECKING:
    from shared.jobs.models import Job


class Reservation(NamedTuple):
    """One way to pay for a request: the write that pays, and what the request's document keeps of it."""

    operation: Operation
    paid_by: PaidBy
    quota_id: str

    @property
    def changes(self) -> tuple[Assign, ...]:
        """The changes that mark a stored request as paid."""
        return (
            assign(BillableDocument.charged, True),
            assign(BillableDocument.paid_by, self.paid_by),
            assign(BillableDocument.quota_id, self.quota_id),
        )


def open_month(user_id: str) -> QuotaId:
    """Make sure that the user has a quota document for this month; returns its id."""
    id = current_month()
    if quotas.find(id, user_id) is None:
        with suppress(DocumentConflict):
            quotas.create(QuotaDocument(id=id, user_id=user_id))
    return id


def reservations(user_id: str, *, confirmed: bool = True) -> Iterator[Reservation]:
    """The ways to pay for a request, in the order to try them: the month's quota, then a credit.

    Args:
        confirmed: whether the user's e-mail address is confirmed; otherwise a smaller quota is all there is.

    Each `operation` fails its batch with `PreconditionFailed` when nothing is left of its kind.
    """
    month = open_month(user_id)
    conf = commerce_settings()
    limit = conf.conversion_quota if confirmed else min(conf.unconfirmed_quota, conf.conversion_quota)
    left = (where(QuotaDocument.used, "<", limit),)
    yield Reservation(quotas.change(month, increment(QuotaDocument.used), where=left), PaidBy.QUOTA, month)
    if not confirmed:
        return
    credits.open_account(user_id)
    yield Reservation(credits.spend(), PaidBy.CREDIT, CREDITS_ID)


def reserve[T: BillableDocument](
    repository: Repository[T], document: T, job: "Job", *, confirmed: bool = True
) -> T | None:
    """Create a request and its job, paid as by `create_paid`."""
    from shared.jobs.protocol import jobs

    return create_paid(repository, document, jobs.creation(job), confirmed=confirmed)


def create_paid[T: BillableDocument](
    repository: Repository[T], document: T, *others: Operation, confirmed: bool = True
) -> T | None:
    """Create a document, paid with the first reservation that holds; None if it exists already.

    Args:
        others: further writes of the same batch.
        confirmed: whether the user's e-mail address is confirmed.

    Raises:
        QuotaExceeded: neither quota nor credits are left; nothing was written.
    """
    for reservation in reservations(document.user_id, confirmed=confirmed):
        paid = document.with_changes(*reservation.changes)
        # The request comes first: a repetition finds it, whether or not anything is left to pay with.
        batch = [repository.creation(paid), *others, reservation.operation]
        try:
            return repository.load(store().batch(repository.container, document.user_id, batch)[0])
        except BatchFailed as failure:
            if isinstance(failure.cause, PreconditionFailed):
                continue
            if not isinstance(failure.cause, DocumentConflict):
                raise
            return None
    if not confirmed:
        raise unconfirmed_error()
    raise exceeded_error()


def unconfirmed_error() -> QuotaExceeded:
    """The error for a user who has to confirm the e-mail address before going on."""
    return QuotaExceeded(
        "confirm your e-mail address to go on: without that few try-ons are free",
        code="email_unconfirmed",
        details={"limit": commerce_settings().unconfirmed_quota, "period": current_month().public},
    )


def charge(user_id: str) -> Reservation:
    """Pay for a request that an administrator redrove after its payment was released.

    It counts in the month even if nothing is left of the quota: the failure was ours, so this can't fail.
    """
    month = open_month(user_id)
    return Reservation(quotas.change(month, increment(QuotaDocument.used)), PaidBy.QUOTA, month)


def release(document: BillableDocument) -> Operation:
    """The write that gives back what a request was paid with."""
    if document.paid_by is PaidBy.CREDIT:
        return credits.restore()
    return quotas.change(document.quota_id, increment(QuotaDocument.used, -1))


def exceeded_error() -> QuotaExceeded:
    """The error for a month that is used up."""
    limit = commerce_settings().conversion_quota
    return QuotaExceeded(
        f"all {limit} conversions of this month are used, and there are no credits: "
        "buy a pack, or wait for the first of next month",
        details={"limit": limit, "period": current_month().public},
    )
