"""Settling payments: ask PayPal, compare, move the document, then the credits.

The client's return, a webhook event and the sweeper all come through here, and may come at once: every write is
conditional on the version it was made from, and a payment only moves up. A crash leaves `dueAt` behind, by which the
sweeper finds what is unfinished.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from shared import audit, clock, telemetry
from shared.commerce import alerts, credits, payments, paypal
from shared.commerce.payments import CONTAINER, Mismatch, Seen
from shared.commerce.paypal import Refused, Unreachable
from shared.documents import Document, Where, store
from shared.errors import Conflict, DocumentNotFound, PreconditionFailed, StudioError, Unavailable, UpstreamError
from shared.settings import settings

TRIES: Final = 50
WAIT_S: Final = 20.0
RECHECK_CAP_S: Final = 3600
RECHECK_PENDING_S: Final = 6 * 3600

DONE_ALREADY: Final = ("ORDER_ALREADY_CAPTURED", "DUPLICATE_INVOICE_ID")
PAYER_MUST_ACT: Final = ("ORDER_NOT_APPROVED", "PAYER_ACTION_REQUIRED")
REFUSALS: Final = {
    "INSTRUMENT_DECLINED": ("instrument_declined", "the bank declined: choose another way to pay at PayPal"),
    "ORDER_NOT_APPROVED": ("order_not_approved", "the order is not approved yet: approve it at PayPal"),
    "PAYER_ACTION_REQUIRED": ("order_not_approved", "PayPal needs you to confirm the payment: open the approval page"),
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": ("payment_attempts_exceeded", "too many attempts: make a new order"),
    "ORDER_VOIDED": ("order_voided", "the order has expired: make a new one"),
    "ORDER_EXPIRED": ("order_voided", "the order has expired: make a new one"),
    "INVALID_RESOURCE_ID": ("order_voided", "the order has expired: make a new one"),
    "RESOURCE_NOT_FOUND": ("order_voided", "the order has expired: make a new one"),
}
GONE: Final = ("INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND")


def settle(payment: Document, source: str, *, event: str | None = None) -> Document:
    """Bring a payment to where PayPal is.

    Args:
        source: who asks, for the history: `capture`, `sweep`, or the type of an event.
        event: type of the event behind it, see `payments.seen`.

    Raises:
        Unreachable: PayPal gave no usable answer; nothing changed.
        Mismatch: PayPal's order is not ours; administrators are told, nothing else changed.
    """
    try:
        now_seen = payments.seen(payment, paypal.client().order(payment["orderId"]), event)
    except Refused as refused:
        if refused.issue not in GONE:
            raise
        now_seen = Seen(payments.VOIDED)
    except Mismatch as mismatch:
        told = mismatch.message
        _change(payment, lambda fresh: {"alert": told, **_later(fresh)})
        alerts.tell("mismatch", payment["id"].replace(":", "-"), payment["userId"], payment["id"])
        raise
    return record(payment, now_seen, source)


def record(payment: Document, now_seen: Seen, source: str) -> Document:
    """Write down what was seen, then bring the credits in line with it."""

    def changes(fresh: Document) -> dict[str, Any]:
        news = payments.moved(fresh, now_seen, source) | {"alert": None}
        if "status" in news:
            news["tries"] = 0
        if payments.rank(now_seen.status) >= payments.rank(payments.CAPTURE_PENDING):
            news |= {"captureAsked": False, "captureUnknown": False, "claimUntil": None, "refusal": None}
        elif now_seen.status == payments.CREATED and fresh["captureAsked"] and not _claimed(fresh):
            news |= {"captureAsked": False, "captureUnknown": False}
        after = {**fresh, **news}
        owed = payments.due(after) != (after["granted"], after["returned"])
        # Until the credits are written, too, the sweeper is to come back.
        news["dueAt"] = clock.now() + settings().job_grace_s if owed else _next_look(after)
        return news

    return _credit(_change(payment, changes))


def _next_look(payment: Mapping[str, Any]) -> float | None:
    """An event will tell how a pending capture ends; should it never come, the sweeper asks."""
    if payment["status"] == payments.CAPTURE_PENDING:
        return clock.now() + RECHECK_PENDING_S
    return payment["dueAt"] if payment["captureAsked"] else None


def _credit(payment: Document) -> Document:
    bought, returned = payments.due(payment)
    if (bought, returned) == (payment["granted"], payment["returned"]):
        return payment
    credits.update_grant(
        payment["userId"], payment["captureId"], bought=bought, returned=returned, payment_id=payment["id"]
    )
    key = f"{payment['id']}:{payment['status']}:{returned}"
    audit.record(
        payment["userId"],
        "PAYMENT_SETTLED",
        subject=payment["id"],
        id=f"settled:{key}",
        captureId=payment["captureId"],
        credits=bought,
        returned=returned,
    )

    def changes(fresh: Document) -> dict[str, Any]:
        news: dict[str, Any] = {"granted": bought, "returned": max(returned, fresh["returned"])}
        if payments.due(fresh) == (news["granted"], news["returned"]):
            news["dueAt"] = _next_look(fresh)
        return news

    return _change(payment, changes)


def capture(payment: Document, source: str, *, wait: bool = True) -> Document:
    """Take the money of an approved order, once however many ask at once.

    The outcome is the payment's: captured, pending, or with `captureUnknown`, which the sweeper resolves.

    Args:
        wait: where somebody else is at it, wait for what they get.

    Raises:
        Conflict: PayPal will not: `instrument_declined`, `order_not_approved`, `order_voided`,
            `payment_attempts_exceeded`; with `details.approvalUrl` where the payer can do something.
        UpstreamError: PayPal refuses for a reason that is ours; administrators are told.
    """
    claimed, mine = _claim(payment)
    if not mine:
        return _await_other(claimed) if wait else claimed
    key = f"capture:{claimed['orderId']}" + (f":{claimed['declines']}" if claimed["declines"] else "")
    try:
        paypal.client().capture_order(claimed["orderId"], paypal.request_id(key))
    except Refused as refused:
        if refused.issue not in DONE_ALREADY:
            return _refused(claimed, refused, source)
    except UpstreamError as lost:
        telemetry.log("paypal.capture_unknown", level="warning", paymentId=claimed["id"], code=lost.code)
        claimed = _change(claimed, _unknown)
    return _outcome(claimed, source)


def _outcome(payment: Document, source: str) -> Document:
    """What PayPal has after a capture call; where it can't be asked, it is unknown."""
    try:
        return settle(payment, source)
    except Mismatch:
        _change(payment, lambda _: {"claimUntil": None})
        raise
    except (Unreachable, Refused):
        return _change(payment, lambda fresh: _unknown(fresh) if fresh["captureAsked"] else {})


def _unknown(payment: Document) -> dict[str, Any]:
    return {"captureUnknown": True, "claimUntil": None, **_later(payment)}


def _claim(payment: Document) -> tuple[Document, bool]:
    """(the payment, whether this caller is to capture it)."""
    for _ in range(TRIES):
        if not _payable(payment) or _claimed(payment):
            return payment, False
        until = clock.now() + settings().paypal_lease_s
        claim = {
            "claimUntil": until,
            "captureAsked": True,
            "refusal": None,
            "dueAt": until + settings().job_grace_s,
            "updatedAt": clock.iso(),
        }
        try:
            return store().patch(CONTAINER, payment["id"], payment["userId"], set=claim, etag=payment.etag), True
        except PreconditionFailed:
            payment = store().read(CONTAINER, payment["id"], payment["userId"])
    raise Unavailable("the payment is being changed by many at once: try again")


def _claimed(payment: Mapping[str, Any]) -> bool:
    return (payment["claimUntil"] or 0) > clock.now()


def _await_other(payment: Document) -> Document:
    until = time.monotonic() + WAIT_S
    pause = 0.05
    while _claimed(payment) and time.monotonic() < until:
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)
        payment = store().read(CONTAINER, payment["id"], payment["userId"])
    if payment["refusal"] and _payable(payment):
        raise _conflict(payment)
    return payment


def _refused(payment: Document, refused: Refused, source: str) -> Document:
    code, message = REFUSALS.get(refused.issue, ("", ""))
    released = {"captureAsked": False, "captureUnknown": False, "claimUntil": None, "dueAt": None}
    if refused.http_status == 409:
        # A request with the same id is on its way at PayPal: its outcome is ours, once it is known.
        return _outcome(_change(payment, _unknown), source)
    if not code:
        alerts.tell("refused", payment["id"].replace(":", "-"), payment["userId"], payment["id"])
        _change(payment, lambda fresh: {**released, "alert": refused.issue} if _payable(fresh) else {})
        raise refused
    if code == "order_voided":
        payment = _outcome(payment, source)
        if payments.rank(payment["status"]) >= payments.rank(payments.CAPTURED):
            return payment
    again = refused.links.get("payer-action") or refused.links.get("approve") or payment["approvalUrl"]
    declined = {"declines": payment["declines"] + 1} if refused.issue == "INSTRUMENT_DECLINED" else {}
    refusal = {"code": code, "message": message, "issue": refused.issue, "at": clock.iso()}
    told = {**released, **declined, "refusal": refusal, "approvalUrl": again}
    payment = _change(payment, lambda fresh: told if _payable(fresh) else {"refusal": refusal})
    raise _conflict(payment)


def _payable(payment: Mapping[str, Any]) -> bool:
    return payment["status"] in payments.PAYABLE


def _conflict(payment: Mapping[str, Any]) -> Conflict:
    refusal = payment["refusal"]
    payer_can = refusal["issue"] in (*PAYER_MUST_ACT, "INSTRUMENT_DECLINED")
    details = {"orderId": payment["orderId"]} | ({"approvalUrl": payment["approvalUrl"]} if payer_can else {})
    return Conflict(refusal["message"], code=refusal["code"], details=details)


def _later(payment: Mapping[str, Any]) -> dict[str, Any]:
    """When the sweeper looks again: doubling waits, at most an hour."""
    wait = min(RECHECK_CAP_S, settings().job_grace_s * 2 ** min(payment["tries"], 12))
    return {"dueAt": clock.now() + wait, "tries": payment["tries"] + 1}


def _change(payment: Document, changes: Callable[[Document], Mapping[str, Any]]) -> Document:
    """Write what `changes(newest version)` gives, on exactly that version; nothing when it gives nothing new."""
    fresh = payment
    for attempt in range(TRIES):
        news = {k: v for k, v in changes(fresh).items() if fresh.get(k) != v}
        if not news:
            return fresh
        try:
            return store().replace(CONTAINER, {**fresh, **news, "updatedAt": clock.iso()}, etag=fresh.etag)
        except PreconditionFailed:
            time.sleep(0.002 * attempt)
            fresh = store().read(CONTAINER, payment["id"], payment["userId"])
    raise Unavailable("the payment is being changed by many at once: try again")


def note_dispute(payment: Document, dispute_id: str, state: str) -> Document:
    """Keep how a dispute stands; RESOLVED is final."""

    def changes(fresh: Document) -> dict[str, Any]:
        known = fresh["disputes"].get(dispute_id)
        return {} if known == "resolved" else {"disputes": {**fresh["disputes"], dispute_id: state}}

    return _change(payment, changes)


def adopt(payment: Document, order_id: str) -> Document:
    """Give a payment the order PayPal made for it, where a crash came before we wrote its id."""
    return _change(payment, lambda fresh: {"orderId": order_id} if fresh["orderId"] is None else {})


def sweep(limit: int = 25) -> int:
    """Settle payments that are due: unknown captures, credits not yet written, mismatches. Returns how many."""
    overdue = (
        store().query(CONTAINER, Where("type", "=", "payment"), Where("dueAt", "<", clock.now()), limit=limit).items
    )
    done = 0
    for payment in overdue:
        try:
            held = _later(payment)
            mine = store().patch(CONTAINER, payment["id"], payment["userId"], set=held, etag=payment.etag)
        except (PreconditionFailed, DocumentNotFound):
            continue
        with telemetry.bound(userId=mine["userId"], paymentId=mine["id"]):
            try:
                fresh = settle(mine, "sweep")
                if fresh["captureAsked"] and fresh["status"] == payments.APPROVED:
                    capture(fresh, "sweep", wait=False)
                done += 1
            except StudioError as error:
                telemetry.log("payment.sweep_failed", level="warning", code=error.code)
                if isinstance(error, Unreachable):
                    return done
    return done
