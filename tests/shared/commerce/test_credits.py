"""Credits and the month's free conversions: granted once, spent once, exact under races."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest
from stores import both_stores

from shared import clock
from shared.commerce import grants, quota
from shared.commerce.billable_documents import BillableDocument
from shared.commerce.documents import CREDITS_ID, CreditsDocument, credit_accounts
from shared.documents import Where, store
from shared.documents.repository import Repository
from shared.errors import QuotaExceeded
from shared.jobs import protocol

USER = "u1"


@pytest.fixture(autouse=True)
def three_free(local: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.settings import forget

    monkeypatch.setenv("CONVERSION_QUOTA", "3")
    forget()


def grant(returned: int = 0, capture: str = "C1", bought: int = 4) -> None:
    grants.update_grant(USER, capture, bought=bought, returned=returned, payment_id="payment:p1")


class Request(BillableDocument, frozen=True):
    """A kind of request that is paid for."""

    type: Literal["request"] = "request"


requests = Repository(Request)


def account() -> CreditsDocument:
    found = credit_accounts.get(CREDITS_ID, USER)
    assert found.balance == found.bought - found.returned - found.spent
    return found


def reserve() -> str | None:
    """Reserve as a conversion does; what paid for it."""
    id = clock.new_id()
    job = protocol.new_job("test", "convert", USER, {}, id=f"job:{id}")
    try:
        made = quota.reserve(requests, Request(id=f"request:{id}", user_id=USER), job)
    except QuotaExceeded:
        return None
    assert made is not None
    return made.paid_by


@both_stores
def test_a_capture_is_granted_once_when_reported_concurrently() -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: grant(), range(24)))
    assert account().balance == 4
    grant(capture="C2")
    assert account().balance == 8


@both_stores
def test_refunds_reported_concurrently_and_out_of_order_take_back_the_largest_total_once() -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(grant, [3, 0, 2, 1, 3, 2, 0, 1] * 4))
    assert account().balance == 1 and account().returned == 3


def test_a_capture_that_was_refunded_before_it_was_reported_adds_nothing() -> None:
    grant(returned=4)
    assert account().balance == 0 and account().bought == 4


@both_stores
def test_fifty_at_once_with_three_free_and_four_credits_accept_seven() -> None:
    grant()
    with ThreadPoolExecutor(16) as pool:
        paid = list(pool.map(lambda _: reserve(), range(50)))
    assert sorted(filter(None, paid)) == ["credit"] * 4 + ["quota"] * 3
    assert account().balance == 0 and quota.get_usage(USER) == (3, 3)
    assert requests.count(partition=USER) == 7


def test_a_release_returns_what_was_reserved() -> None:
    grant()
    for _ in range(5):
        reserve()
    made = requests.list(partition=USER).items
    assert (account().balance, quota.get_usage(USER).used) == (2, 3)
    for request in made:
        store().batch("studio", USER, [quota.release(request)])
    assert (account().balance, quota.get_usage(USER).used) == (4, 0)


def test_a_redriven_conversion_never_costs_a_credit() -> None:
    grant()
    for _ in range(5):
        reserve()
    charged = quota.charge(USER)
    assert charged.paid_by == "quota"
    store().batch("studio", USER, [charged.operation])
    assert account().balance == 2 and quota.get_usage(USER) == (4, 3)


def test_the_balance_is_below_zero_only_with_an_audit_entry() -> None:
    grant()
    for _ in range(6):
        reserve()
    overdrawn = (Where("action", "=", "CREDITS_OVERDRAWN"),)
    grant(returned=1)
    assert account().balance == 0 and not store().count("audit", *overdrawn, partition=USER)
    for _ in range(2):
        grant(returned=4)
    assert account().balance == -3 and store().count("audit", *overdrawn, partition=USER) == 1
    assert reserve() is None
